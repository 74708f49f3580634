/*
 * An address and a port as the kernel takes them.
 */
#ifndef EPH_COLLECT_ENDPOINT_H
#define EPH_COLLECT_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "ip_address.h"

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* @port: host order. Return: the length of what is in @ret. */
socklen_t endpoint_of(const struct ip_address *address, uint16_t port, union endpoint *ret);

#endif
