/*
 * Which local address would an unbound socket get towards a destination? Asked from the kernel's routing table without
 * a socket that takes a port: the question is most pressing when there is none left.
 */
#ifndef EPH_COLLECT_ROUTE_H
#define EPH_COLLECT_ROUTE_H

#include "ip_address.h"

/* In the namespace @netns_fd (-1: current), for a socket of @protocol. Return: 0; -ENETUNREACH (also what TCP does not
 * connect to: broadcast and multicast), -EHOSTUNREACH, -EINVAL (link-local), ... as connect() would answer. */
int route_source(int netns_fd, uint8_t protocol, const struct ip_address *to, uint16_t port,
		 struct ip_address *ret_from);

/* Is @address one of this namespace's own (could a socket, bound to interface @device unless that is 0, bind to it)? Most
 * IPv6 addresses belong to one interface. 1, 0, or negative errno. */
int route_is_local(int netns_fd, const struct ip_address *address, uint32_t device);

/* May the caller bind the privileged @port there? A uid does not tell: a capability may be dropped, given, or good for
 * another user namespace only. Nothing is bound. 1, 0, or negative errno when the kernel does not say. */
int route_has_privilege(int netns_fd, uint16_t port);

#endif
