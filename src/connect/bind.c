/* eph_bind(): a port of the pool's range to listen on or to send from. */
#include <errno.h>
#include <netinet/in.h>

#include "pool.h"
#include "random_bits.h"
#include "socket_window.h"

/* Systems that keep a second range of ephemeral ports (the BSDs, macOS) choose from it when they are told to. */
static int use_high_range(int fd, int family)
{
#if defined(IP_PORTRANGE) && defined(IP_PORTRANGE_HIGH)
	int high = IP_PORTRANGE_HIGH;

#if defined(IPV6_PORTRANGE) && defined(IPV6_PORTRANGE_HIGH)
	if (family == AF_INET6) {
		high = IPV6_PORTRANGE_HIGH;
		return setsockopt(fd, IPPROTO_IPV6, IPV6_PORTRANGE, &high, sizeof(high));
	}
#endif
	return family == AF_INET ? setsockopt(fd, IPPROTO_IP, IP_PORTRANGE, &high, sizeof(high))
				 : 0;
#else
	(void)fd;
	(void)family;
	return 0;
#endif
}

static int bind_in(int fd, const struct sockaddr *address, socklen_t length,
		   struct port_range window)
{
	int r = socket_set_window(fd, window);

	if (r < 0)
		return r;
	return bind(fd, address, length) < 0 ? -errno : 0;
}

/*
 * The kernel makes the number of ports even by leaving one out (inet_csk_find_open_port), so the last one of an odd number is
 * asked for by itself: first as often as any other would be first, else last.
 */
static int bind_by_window(const struct eph_pool *pool, int fd, const struct sockaddr *address,
			  socklen_t length)
{
	struct port_range even = pool->range, last = {pool->range.hi, pool->range.hi};
	uint32_t width = port_range_width(even);
	bool last_first = width % 2 && random_below(width) == 0;
	int r = -EADDRINUSE;

	if (last_first)
		r = bind_in(fd, address, length, last);
	if (r == -EADDRINUSE && width > 1) {
		even.hi = (uint16_t)(even.hi - width % 2);
		r = bind_in(fd, address, length, even);
	}
	if (r == -EADDRINUSE && width % 2 && !last_first)
		r = bind_in(fd, address, length, last);
	(void)socket_set_window(fd, (struct port_range){0, 0});
	return r;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	return b ? common_divisor(b, a % b) : a;
}

/* Every port of the range once, in an order that nobody outside can foresee. */
static int bind_one_by_one(const struct eph_pool *pool, int fd, int domain,
			   const struct ip_address *address, uint32_t scope)
{
	uint32_t width = port_range_width(pool->range), step, at = random_below(width);
	int r = -EADDRINUSE;

	do
		step = 1 + random_below(width);
	while (common_divisor(step, width) != 1);
	for (uint32_t i = 0; i < width && r == -EADDRINUSE; i++, at = (at + step) % width) {
		uint16_t port = (uint16_t)(pool->range.lo + at);

		if (port_set_has(&pool->usable, port))
			r = socket_bind(fd, domain, address, port, scope);
	}
	return r;
}

static uint32_t scope_of(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6
		       ? ((const struct sockaddr_in6 *)(const void *)address)->sin6_scope_id
		       : 0;
}

static int bind_any(const struct eph_pool *pool, int fd, const struct sockaddr *address,
		    socklen_t length, const struct ip_address *local)
{
	return pool->windows
		       ? bind_by_window(pool, fd, address, length)
		       : bind_one_by_one(pool, fd, address->sa_family, local, scope_of(address));
}

/* With these options the kernel may give a port that others have: one that is named, or for UDP any. */
static int bind_alone(const struct eph_pool *pool, int fd, const struct sockaddr *address,
		      socklen_t length, const struct ip_address *local)
{
	static const int option[] = {SO_REUSEADDR, SO_REUSEPORT};
	int value[2] = {0, 0}, off = 0, r;
	socklen_t size = sizeof(int);

	for (int i = 0; i < 2; i++)
		if (getsockopt(fd, SOL_SOCKET, option[i], &value[i], &size) < 0 ||
		    (value[i] && setsockopt(fd, SOL_SOCKET, option[i], &off, sizeof(off)) < 0))
			return -errno;
	r = bind_any(pool, fd, address, length, local);
	for (int i = 0; i < 2; i++)
		if (value[i])
			(void)setsockopt(fd, SOL_SOCKET, option[i], &value[i], sizeof(value[i]));
	return r;
}

int eph_bind(struct eph_pool *pool, int fd, const struct sockaddr *address, socklen_t length)
{
	struct known_counts *counts = &pool->known->counts;
	struct ip_address local;
	uint16_t port;
	int r;

	if (!socket_endpoint(address, length, &local, &port) || port) {
		atomic_fetch_add_explicit(&counts->passed, 1, memory_order_relaxed);
		return bind(fd, address, length);
	}
	if (use_high_range(fd, address->sa_family) < 0)
		return -1;
	r = bind_alone(pool, fd, address, length, &local);
	atomic_fetch_add_explicit(r ? &counts->failed : &counts->binds, 1, memory_order_relaxed);
	errno = -r;
	return r ? -1 : 0;
}
