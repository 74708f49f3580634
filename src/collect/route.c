#include "route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "fd.h"
#include "netns.h"

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t endpoint_of(const struct ip_address *address, uint16_t port, union endpoint *ret)
{
	*ret = (union endpoint){0};
	if (address->family == IP_V6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		memcpy(&ret->v6.sin6_addr, address->bytes, 16);
		return sizeof(ret->v6);
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	memcpy(&ret->v4.sin_addr, address->bytes, 4);
	return sizeof(ret->v4);
}

/* A UDP socket of the namespace. Return: descriptor or negative errno. */
static int socket_in(int netns_fd, int family)
{
	int back, fd, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return r;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : fd;
	netns_leave(&back);
	return r;
}

int route_source(int netns_fd, const struct ip_address *to, uint16_t port,
		 struct ip_address *ret_from)
{
	union endpoint endpoint;
	socklen_t length = endpoint_of(to, port, &endpoint);
	CLEANUP(fd_closep) int fd = socket_in(netns_fd, endpoint.any.sa_family);
	const int one = 1;

	if (fd < 0)
		return fd;
	/* Where every UDP port is taken connect() would be refused one. The source does not depend on the port. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (connect(fd, &endpoint.any, length) < 0)
		return -errno;
	length = sizeof(endpoint);
	if (getsockname(fd, &endpoint.any, &length) < 0)
		return -errno;
	*ret_from = to->family == IP_V6 ? ip_address_v6(&endpoint.v6.sin6_addr)
					: ip_address_v4(&endpoint.v4.sin_addr);
	return 0;
}

int route_is_local(int netns_fd, const struct ip_address *address)
{
	union endpoint endpoint;
	socklen_t length = endpoint_of(address, 0, &endpoint);
	CLEANUP(fd_closep) int fd = socket_in(netns_fd, endpoint.any.sa_family);
	const int one = 1;

	if (fd < 0)
		return fd;
	/* Late bind: the address is checked, no port is taken. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, &endpoint.any, length) == 0)
		return 1;
	return errno == EADDRNOTAVAIL || errno == EINVAL || errno == ENODEV ? 0 : -errno;
}
