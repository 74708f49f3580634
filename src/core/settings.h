/*
 * The settings of one network namespace that decide over local ports. Everything under net.ipv4 serves IPv6 too.
 * A setting that the kernel does not have, or that could not be read, is not in `known`.
 */
#ifndef EPH_CORE_SETTINGS_H
#define EPH_CORE_SETTINGS_H

#include <stdint.h>

#include "port_set.h"

enum setting_known {
	SETTING_RANGE = 1u << 0,
	SETTING_RESERVED = 1u << 1,
	SETTING_UNPRIVILEGED_START = 1u << 2,
	SETTING_TW_REUSE = 1u << 3,
	/* Linux 6.14 and later; before, the rule is another one */
	SETTING_TW_REUSE_DELAY = 1u << 4,
	SETTING_AUTOBIND_REUSE = 1u << 5,
	SETTING_FIN_TIMEOUT = 1u << 6,
	SETTING_MAX_TW_BUCKETS = 1u << 7,
	SETTING_TIMESTAMPS = 1u << 8,
	SETTING_STEP_WIDTH = 1u << 9, /* ip_local_port_step_width, Linux 7.1 and later */
	SETTING_L3MDEV_ACCEPT = 1u << 10,
};

struct settings {
	uint32_t known;              /* enum setting_known */
	struct port_range range;     /* ip_local_port_range */
	struct port_set reserved;    /* ip_local_reserved_ports */
	uint32_t unprivileged_start; /* ip_unprivileged_port_start */
	uint32_t tw_reuse;           /* tcp_tw_reuse: 0 never, 1 always, 2 loopback only */
	uint32_t tw_reuse_delay_ms;  /* tcp_tw_reuse_delay */
	uint32_t autobind_reuse;     /* ip_autobind_reuse */
	uint32_t fin_timeout_s;      /* tcp_fin_timeout */
	uint32_t max_tw_buckets;     /* tcp_max_tw_buckets */
	uint32_t timestamps;         /* tcp_timestamps */
	uint32_t step_width;         /* ip_local_port_step_width, 0 is off */
	uint32_t l3mdev_accept;      /* tcp_l3mdev_accept */
};

#endif
