/*
 * eph_connect() for TCP where the kernel has IP_LOCAL_PORT_RANGE: windows of ports that nobody is known to have.
 */
#ifndef EPH_CONNECT_FLAT_CONNECT_H
#define EPH_CONNECT_FLAT_CONNECT_H

#include "pool.h"

/* What eph_connect() knows when it hands a socket on. */
struct connect_request {
	struct eph_pool *pool;
	int fd;
	const struct sockaddr *address;
	socklen_t length;
	struct ip_address to; /* the same address, as the model has it */
	uint16_t to_port;
	struct ip_address
		from; /* that the program bound the socket to; family IP_NONE: not known to be bound */
};

/* As connect(2): 0, or -1 and errno. */
int flat_connect(const struct connect_request *request);

#endif
