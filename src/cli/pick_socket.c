#include "pick_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "fd.h"
#include "socket_table.h"

union place_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t fill_address(const struct pick_place *place, bool v6, uint16_t port,
			      union place_address *ret)
{
	bool named = place->address.family != IP_NONE;

	memset(ret, 0, sizeof(*ret));
	if (v6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		if (named)
			memcpy(&ret->v6.sin6_addr, place->address.bytes, 16);
		return sizeof(ret->v6);
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	if (named)
		memcpy(&ret->v4.sin_addr, place->address.bytes, 4);
	return sizeof(ret->v4);
}

static int open_family(uint8_t protocol, const struct pick_place *place, bool v6, uint16_t port,
		       bool listens)
{
	CLEANUP(fd_closep) int fd = -1;
	int type = protocol == PROTOCOL_TCP ? SOCK_STREAM : SOCK_DGRAM, only = !place->v4, on = 1;
	union place_address address;
	socklen_t length = fill_address(place, v6, port, &address);

	fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)) < 0)
		return -errno;
	if (bind(fd, &address.any, length) < 0)
		return -errno;
	if (listens && protocol == PROTOCOL_TCP && listen(fd, SOMAXCONN) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	return fd_take(&fd);
}

int pick_socket_open(uint8_t protocol, uint16_t port, const struct pick_place *place, bool listens)
{
	int r;

	if (place->address.family == IP_V4 || !place->v6)
		return open_family(protocol, place, false, port, listens);
	r = open_family(protocol, place, true, port, listens);
	if (r == -EAFNOSUPPORT && place->v4 && place->address.family == IP_NONE)
		r = open_family(protocol, place, false, port, listens);
	return r;
}
