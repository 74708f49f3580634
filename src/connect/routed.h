/*
 * Which way a connection would go, asked of the kernel before it is made.
 */
#ifndef EPH_CONNECT_ROUTED_H
#define EPH_CONNECT_ROUTED_H

#include <stdint.h>
#include <sys/socket.h>

#include "ip_address.h"
#include "port_range.h"

/* The interface that @fd is bound to, or the one a link-local @address names; 0 none. */
uint32_t routed_device(int fd, const struct sockaddr *address, socklen_t length);

/**
 * routed_ends() - the source that the routing table gives a socket like @fd towards @address, and where that leads
 * @avoid:  a range of which no UDP port is taken for it, unless no other can be had
 * @ret_to: @address, or what an unspecified one stands for
 *
 * Asks with a UDP socket of the same interface and mark, which sends nothing. Return: 0 or a negative errno, as connect(2).
 */
int routed_ends(int fd, const struct sockaddr *address, socklen_t length, struct port_range avoid,
		struct ip_address *ret_from, struct ip_address *ret_to);

#endif
