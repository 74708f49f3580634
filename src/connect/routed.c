#include "routed.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "alloc.h"
#include "fd.h"
#include "random_bits.h"
#include "socket_window.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

#define PORTS_TRIED 8

uint32_t routed_device(int fd, const struct sockaddr *address, socklen_t length)
{
	struct sockaddr_in6 v6;
	int device = 0;
	socklen_t size = sizeof(device);

	if (getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, &size) < 0)
		device = 0;
	if (!device && address->sa_family == AF_INET6 && length >= sizeof(v6)) {
		memcpy(&v6, address, sizeof(v6));
		if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
			return v6.sin6_scope_id;
	}
	return (uint32_t)device;
}

/* What routing looks at. A mark takes CAP_NET_ADMIN; without it nobody has set one but somebody who had. */
static void be_like(int probe, int fd)
{
	static const int option[] = {SO_BINDTOIFINDEX, SO_MARK};

	for (size_t i = 0; i < sizeof(option) / sizeof(option[0]); i++) {
		int value = 0;
		socklen_t size = sizeof(value);

		if (getsockopt(fd, SOL_SOCKET, option[i], &value, &size) == 0 && value)
			(void)setsockopt(probe, SOL_SOCKET, option[i], &value, sizeof(value));
	}
}

/* A UDP socket takes a port when it connects. Of the range in which ports may be short, it should take none. */
static void stay_out(int probe, int domain, struct port_range avoid)
{
	struct ip_address any = {.family = domain == AF_INET6 ? IP_V6 : IP_V4};

	for (int i = 0; i < PORTS_TRIED; i++) {
		uint16_t port = (uint16_t)(1024 + random_below(65536 - 1024));

		if (!port_range_has(avoid, port) && socket_bind(probe, domain, &any, port, 0) == 0)
			return;
	}
}

int routed_ends(int fd, const struct sockaddr *address, socklen_t length, struct port_range avoid,
		struct ip_address *ret_from, struct ip_address *ret_to)
{
	struct sockaddr_storage peer;
	CLEANUP(fd_closep)
	int probe = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(peer);
	uint16_t port;

	if (probe < 0)
		return -errno;
	be_like(probe, fd);
	stay_out(probe, address->sa_family, avoid);
	if (connect(probe, address, length) < 0 ||
	    getpeername(probe, (struct sockaddr *)&peer, &size) < 0)
		return -errno;
	if (!socket_endpoint((struct sockaddr *)&peer, size, ret_to, &port))
		return -EAFNOSUPPORT;
	return socket_name(probe, ret_from, &port);
}
