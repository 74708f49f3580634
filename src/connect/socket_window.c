#include "socket_window.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

bool socket_endpoint(const struct sockaddr *address, socklen_t length, struct ip_address *ret,
		     uint16_t *ret_port)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (!address || length < sizeof(sa_family_t))
		return false;
	if (address->sa_family == AF_INET && length >= sizeof(v4)) {
		memcpy(&v4, address, sizeof(v4));
		*ret = ip_address_v4(&v4.sin_addr);
		*ret_port = ntohs(v4.sin_port);
		return true;
	}
	if (address->sa_family == AF_INET6 && length >= sizeof(v6)) {
		memcpy(&v6, address, sizeof(v6));
		*ret = ip_address_v6(&v6.sin6_addr);
		*ret_port = ntohs(v6.sin6_port);
		return true;
	}
	return false;
}

int socket_set_window(int fd, struct port_range window)
{
	uint32_t both = (uint32_t)window.hi << 16 | window.lo;

	return setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE_OPTION, &both, sizeof(both)) < 0
		       ? -errno
		       : 0;
}

socklen_t socket_address(int domain, const struct ip_address *address, uint16_t port,
			 struct sockaddr_storage *ret)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};

	if (domain == AF_INET6) {
		if (address->family == IP_V4) {
			memset(&v6.sin6_addr.s6_addr[10], 0xff, 2);
			memcpy(&v6.sin6_addr.s6_addr[12], address->bytes, 4);
		} else {
			memcpy(&v6.sin6_addr, address->bytes, 16);
		}
		memcpy(ret, &v6, sizeof(v6));
		return sizeof(v6);
	}
	memcpy(&v4.sin_addr, address->bytes, 4);
	memcpy(ret, &v4, sizeof(v4));
	return sizeof(v4);
}

int socket_set_source(int fd, int domain, const struct ip_address *source)
{
	struct sockaddr_storage address;
	socklen_t length = socket_address(domain, source, 0, &address);
	int on = 1;

	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, length) < 0)
		return -errno;
	return 0;
}

void socket_drop_source(int fd, int domain)
{
	struct ip_address any = {.family = domain == AF_INET6 ? IP_V6 : IP_V4};
	int off = 0;

	if (socket_set_source(fd, domain, &any) == 0)
		(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &off, sizeof(off));
}

/* bind() refuses a socket that has a port, and takes none for one that has not: late. */
static bool can_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	int on = 1, late;
	socklen_t size = sizeof(late);
	bool can;

	if (getsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, &size) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0)
		return false;
	can = bind(fd, address, length) == 0;
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late));
	return can;
}

bool socket_has_port(int fd)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	struct ip_address own;
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&name, &length) < 0 ||
	    !socket_endpoint((struct sockaddr *)&name, length, &own, &port))
		return true;
	if (!port)
		return false;
	/* At the same place in both families. */
	((struct sockaddr_in *)&name)->sin_port = 0;
	return !can_bind(fd, (struct sockaddr *)&name, length);
}

int socket_bind(int fd, int domain, const struct ip_address *source, uint16_t port, uint32_t scope)
{
	struct sockaddr_storage address;
	socklen_t length = socket_address(domain, source, port, &address);

	if (domain == AF_INET6)
		((struct sockaddr_in6 *)&address)->sin6_scope_id = scope;
	return bind(fd, (struct sockaddr *)&address, length) < 0 ? -errno : 0;
}

int socket_connect(int fd, int domain, const struct ip_address *address, uint16_t port)
{
	struct sockaddr_storage to;
	socklen_t length = socket_address(domain, address, port, &to);

	return connect(fd, (struct sockaddr *)&to, length) < 0 ? -errno : 0;
}

int socket_name(int fd, struct ip_address *ret, uint16_t *ret_port)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);

	if (getsockname(fd, (struct sockaddr *)&name, &length) < 0)
		return -errno;
	return socket_endpoint((struct sockaddr *)&name, length, ret, ret_port) ? 0 : -EAFNOSUPPORT;
}
