/*
 * One look at the kernel's sockets: which local ports are connected to a destination already. Asked by sock_diag, which needs
 * no privilege; the kernel walks its whole table for it, so it costs a millisecond on an idle host and some hundred with a
 * million sockets.
 */
#ifndef EPH_CONNECT_LOOK_H
#define EPH_CONNECT_LOOK_H

#include "ip_address.h"
#include "port_set.h"

/**
 * look_taken() - the local ports of TCP sockets from @from to @to:@to_port
 * @from:      IP_NONE: the source that the routing table gives
 * @time_wait: count connections in TIME_WAIT too
 * @ret:       ports are added
 *
 * Not seen: IPv6 sockets towards a v4-mapped address, and ports that others have bound. Return: 0 or a negative errno; part
 * may then have been added.
 */
int look_taken(const struct ip_address *from, const struct ip_address *to, uint16_t to_port,
	       bool time_wait, struct port_set *ret);

#endif
