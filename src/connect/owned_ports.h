/*
 * Which port a descriptor of this process has from the pool, so that eph_release() need not ask the kernel, and so that a
 * window of ours is told from one that the program set. A table by descriptor, touched a page at a time, without locks.
 */
#ifndef EPH_CONNECT_OWNED_PORTS_H
#define EPH_CONNECT_OWNED_PORTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "port_range.h"

#define OWNED_FD_MAX                                                                               \
	(1 << 20) /* descriptors above are not remembered: their ports are found again later */

struct owned_port {
	uint16_t flow;            /* index of the flow in known_ports.flows */
	uint16_t port;            /* 0: nothing known of this descriptor */
	struct port_range window; /* as it is set on the socket; {0, 0} when none is */
};

struct owned_ports {
	_Atomic uint64_t slot[OWNED_FD_MAX];
};

/* NULL without memory. */
struct owned_ports *owned_ports_new(void);
void owned_ports_free(struct owned_ports *owned);

void owned_ports_set(struct owned_ports *owned, int fd, struct owned_port port);
/* port 0 when unknown. */
struct owned_port owned_ports_get(const struct owned_ports *owned, int fd);
/* As get, and forgets: for exactly one of those who ask. */
struct owned_port owned_ports_take(struct owned_ports *owned, int fd);

#endif
