/*
 * May a TIME_WAIT socket give up its 4-tuple to a new connection now?
 *
 * Source: Linux tcp_twsk_unique() (net/ipv4/tcp_ipv4.c), for a port chosen by connect(). Before 6.14 the age is counted
 * in whole seconds of tw_ts_recent_stamp, since then in milliseconds of tw_entry_stamp against tcp_tw_reuse_delay.
 */
#ifndef EPH_CORE_TIME_WAIT_H
#define EPH_CORE_TIME_WAIT_H

#include "kernel_laws.h"
#include "settings.h"
#include "socket_table.h"

/* Would it give way if tcp_tw_reuse allowed it: timestamps negotiated, not FIN_WAIT2, old enough? */
enum law time_wait_aged(const struct socket_record *record, const struct settings *settings,
			const struct kernel_laws *laws);

/* Does tcp_tw_reuse (or @override: -1 the setting, 0 never, 1 always) allow it for this connection? */
bool time_wait_allowed(const struct ip_address *local, const struct ip_address *remote,
		       bool on_loopback_device, const struct settings *settings, int override);

#endif
