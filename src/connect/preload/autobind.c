/*
 * Ports that the kernel would choose without a connection: bind() to port 0, listen() and the first datagram of a socket that
 * is not bound. Only where a range or sources were asked for: otherwise the kernel's choice is as good, and costs no search.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "fd_note.h"
#include "pool.h"
#include "preload.h"
#include "preload_pool.h"
#include "random_bits.h"
#include "real.h"
#include "socket_window.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

STANDS_FOR int bind(int fd, const struct sockaddr *address, socklen_t length);
STANDS_FOR int listen(int fd, int backlog);
STANDS_FOR ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
STANDS_FOR int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
STANDS_FOR ssize_t sendto(int fd, const void *bytes, size_t count, int flags,
			  const struct sockaddr *to, socklen_t length);

static bool is_set(int fd, int level, int name, int value)
{
	socklen_t length = sizeof(int);
	int is = 0;

	return getsockopt(fd, level, name, &is, &length) == 0 && is == value;
}

static bool is_tcp_or_udp(int fd)
{
	return is_set(fd, SOL_SOCKET, SO_PROTOCOL, IPPROTO_TCP) ||
	       is_set(fd, SOL_SOCKET, SO_PROTOCOL, IPPROTO_UDP);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
	struct eph_pool *pool = address ? preload_pool() : NULL;
	struct ip_address local;
	uint16_t port;
	int saved = errno, r;

	if (!pool || !pool->range_given || fd_note_get(fd) & NOTE_OWN_WINDOW ||
	    !socket_endpoint(address, length, &local, &port) || port || !is_tcp_or_udp(fd) ||
	    is_set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)) {
		errno = saved;
		return real_bind()(fd, address, length);
	}
	r = eph_bind(pool, fd, address, length);
	if (r == 0)
		errno = saved;
	return r;
}

/* A socket that is not bound gets a port when it listens: FTP clients do so. Return: 0, or -1 and the errno of bind(2). */
static int before_listen(struct eph_pool *pool, int fd)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	struct ip_address own;
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&name, &length) < 0 ||
	    !socket_endpoint((struct sockaddr *)&name, length, &own, &port) || port ||
	    !is_set(fd, SOL_SOCKET, SO_PROTOCOL, IPPROTO_TCP))
		return 0;
	return eph_bind(pool, fd, (struct sockaddr *)&name, length);
}

int listen(int fd, int backlog)
{
	struct eph_pool *pool = preload_pool();
	int saved = errno;

	if (pool && pool->range_given && !(fd_note_get(fd) & NOTE_OWN_WINDOW) &&
	    before_listen(pool, fd) < 0)
		return -1;
	errno = saved;
	return real_listen()(fd, backlog);
}

/* The socket is UDP, and neither bound nor connected. */
static bool is_free(int fd)
{
	struct ip_address own;
	uint16_t port;

	return is_set(fd, SOL_SOCKET, SO_PROTOCOL, IPPROTO_UDP) &&
	       socket_name(fd, &own, &port) == 0 && !port && ip_address_is_any(&own);
}

static int bind_for(struct eph_pool *pool, int fd, int domain, const struct ip_address *to)
{
	const struct source_list *sources = sources_for(&pool->sources, to);
	struct sockaddr_storage from = {.ss_family = (sa_family_t)domain};
	socklen_t length =
		domain == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

	if (sources->count) {
		const struct ip_address *source = &sources->address[random_below(sources->count)];

		length = socket_address(domain, source, 0, &from);
	}
	if (pool->range_given)
		return eph_bind(pool, fd, (struct sockaddr *)&from, length);
	return real_bind()(fd, (struct sockaddr *)&from, length);
}

/* Before the first datagram to @to. Return: 0, or -1 and the errno of bind(2). */
static int before_send(int fd, const struct sockaddr *to, socklen_t length)
{
	struct eph_pool *pool = to ? preload_pool() : NULL;
	struct ip_address address;
	int saved = errno, r = 0;
	uint16_t port;

	if (!pool || fd_note_get(fd) & (NOTE_SENDS | NOTE_OWN_WINDOW) ||
	    !socket_endpoint(to, length, &address, &port) ||
	    (!pool->range_given && !sources_for(&pool->sources, &address)->count))
		return 0;
	if (is_free(fd))
		r = bind_for(pool, fd, to->sa_family, &address);
	fd_note_set(fd, NOTE_SENDS);
	/* As the kernel says it when it finds no port itself. */
	errno = r < 0 && errno == EADDRINUSE ? EAGAIN : r < 0 ? errno : saved;
	return r;
}

ssize_t sendto(int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to,
	       socklen_t length)
{
	if (to && before_send(fd, to, length) < 0)
		return -1;
	return real_sendto()(fd, bytes, count, flags, to, length);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (message && message->msg_name &&
	    before_send(fd, message->msg_name, message->msg_namelen) < 0)
		return -1;
	return real_sendmsg()(fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	if (count && messages && messages->msg_hdr.msg_name &&
	    before_send(fd, messages->msg_hdr.msg_name, messages->msg_hdr.msg_namelen) < 0)
		return -1;
	return real_sendmmsg()(fd, messages, count, flags);
}
