/*
 * eph_connect() for TCP by ports bound one by one: where the kernel has no IP_LOCAL_PORT_RANGE, where the range leaves that
 * of the host, and for a port in TIME_WAIT that the kernel gives only to a socket that has it already.
 *
 * Such a port is closed to connect() calls of everybody else until the socket is gone; sockets of the pool share it between
 * destinations, by SO_REUSEADDR.
 */
#ifndef EPH_CONNECT_EXPLICIT_CONNECT_H
#define EPH_CONNECT_EXPLICIT_CONNECT_H

#include "flat_connect.h"

/**
 * explicit_connect() - connect from a port of the pool that no connection to the same destination has
 *
 * A port in TIME_WAIT is taken when no other is known to be free, and the kernel would give it to connect() too (net.ipv4.
 * tcp_tw_reuse and its delay) or the pool is made with EPH_TIME_WAIT_REUSE. The kernel gives it only if the old connection had
 * TCP timestamps, which nobody can see: if not, the answer is EADDRNOTAVAIL, and the socket keeps the port.
 *
 * Return: as connect(2): 0, or -1 and errno.
 */
int explicit_connect(const struct connect_request *request);

/* The last resort of a pool with windows and EPH_TIME_WAIT_REUSE: the same, from a port in TIME_WAIT only. */
int explicit_connect_time_wait(const struct connect_request *request);

#endif
