/*
 * eph_connect() for UDP: a port of its own while there is one, then one that is shared with sockets towards other
 * destinations, so that there are as many connected sockets to each destination as the range has ports. connect(2) gives each
 * port once, whatever the destination.
 *
 * Sockets that may share carry SO_REUSEPORT, which asks that all of them belong to one user: nobody else can join. The kernel
 * then no longer keeps two sockets from having the same 4-tuple, so each is asked for before it is made, under a lock
 * (tuple_locks.h).
 */
#ifndef EPH_CONNECT_UDP_CONNECT_H
#define EPH_CONNECT_UDP_CONNECT_H

#include "flat_connect.h"

/* As connect(2): 0, or -1 and errno; EAGAIN when all sources are exhausted. */
int udp_connect(const struct connect_request *request);

#endif
