/*
 * eph_bind() (src/connect/bind.c): every port of the range once, TCP and UDP, by windows and one by one, never shared whatever
 * the options of the socket, and listen() works on each.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pool_case.h"

static int bound(struct eph_pool *pool, int type, const struct state_endpoint *at, int option)
{
	int fd = case_socket(at->address.ss_family, type), on = 1, value = 0, error;
	socklen_t size = sizeof(value);

	if (option)
		setsockopt(fd, SOL_SOCKET, option, &on, sizeof(on));
	if (eph_bind(pool, fd, (const struct sockaddr *)&at->address, at->length) == 0) {
		EXPECT(!option || (getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value),
		       "option %d is lost", option);
		return fd;
	}
	error = errno;
	EXPECT(case_port(fd) == 0, "refused with port %u", case_port(fd));
	close(fd);
	errno = error;
	return -1;
}

static void fills(const char *range, bool windows, int type, const char *address, int option,
		  unsigned expected)
{
	struct state_endpoint at =
		state_endpoint(strchr(address, ':') ? AF_INET6 : AF_INET, address, 0);
	struct eph_pool *pool = case_pool(range, NULL, EPH_TIME_WAIT_KERNEL, windows);
	int fds[64];
	unsigned n = 0;
	uint64_t seen = 0;

	while (n < 64 && (fds[n] = bound(pool, type, &at, option)) >= 0) {
		uint16_t port = case_port(fds[n]);

		EXPECT(port_range_has(pool->range, port), "port %u", port);
		EXPECT(!(seen >> (port - pool->range.lo) & 1), "port %u twice", port);
		seen |= UINT64_C(1) << (port - pool->range.lo);
		EXPECT(type != SOCK_STREAM || listen(fds[n], 1) == 0, "listen: %s",
		       strerror(errno));
		n++;
	}
	EXPECT(errno == EADDRINUSE, "%s", strerror(errno));
	EXPECT(n == expected, "%s windows %d type %d %s option %d: %u ports, %u expected", range,
	       windows, type, address, option, n, expected);
	while (n)
		close(fds[--n]);
	eph_pool_free(pool);
}

/* Each port is the first as often as the others: 31 of them, 3 100 times, within 6 standard deviations (sqrt(100) = 10). */
static void is_even(const char *range, bool windows)
{
	struct state_endpoint at = state_endpoint(AF_INET, "127.0.0.1", 0);
	struct eph_pool *pool = case_pool(range, NULL, EPH_TIME_WAIT_KERNEL, windows);
	unsigned count[64] = {0}, width = port_range_width(pool->range);

	for (unsigned i = 0; i < 100 * width; i++) {
		int fd = bound(pool, SOCK_DGRAM, &at, 0);

		EXPECT(fd >= 0, "%s", strerror(errno));
		count[case_port(fd) - pool->range.lo]++;
		close(fd);
	}
	for (unsigned i = 0; i < width; i++)
		EXPECT(count[i] >= 40 && count[i] <= 160, "%s windows %d: port %u %u times", range,
		       windows, pool->range.lo + i, count[i]);
	eph_pool_free(pool);
}

static void passes_what_is_named(void)
{
	struct state_endpoint at = state_endpoint(AF_INET, "127.0.0.1", 7777);
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, true);
	struct eph_pool_counts counts = {.sz = sizeof(counts)};
	int fd = bound(pool, SOCK_STREAM, &at, 0);

	EXPECT(fd >= 0 && case_port(fd) == 7777, "port %u", case_port(fd));
	eph_pool_count(pool, &counts);
	EXPECT(counts.passed == 1 && counts.binds == 0, "%llu", (unsigned long long)counts.passed);
	close(fd);
	at = state_endpoint(AF_INET, "192.0.2.1", 0);
	EXPECT(bound(pool, SOCK_STREAM, &at, 0) < 0 && errno == EADDRNOTAVAIL, "%s",
	       strerror(errno));
	eph_pool_free(pool);
}

int main(void)
{
	static const int option[] = {0, SO_REUSEADDR, SO_REUSEPORT};
	static const char *const address[] = {"127.0.0.1", "0.0.0.0", "::1", "::"};

	case_begin("40000 40031");
	for (unsigned a = 0; a < 4; a++) {
		for (unsigned o = 0; o < 3; o++) {
			fills("40000-40031", true, SOCK_STREAM, address[a], option[o], 32);
			fills("40001-40031", true, SOCK_STREAM, address[a], option[o], 31);
			fills("40001-40003", true, SOCK_STREAM, address[a], option[o], 3);
			fills("40001-40001", true, SOCK_STREAM, address[a], option[o], 1);
			fills("40001-40007", true, SOCK_DGRAM, address[a], option[o], 7);
			fills("40001-40031", false, SOCK_STREAM, address[a], option[o], 31);
			fills("20000-20014", true, SOCK_STREAM, address[a], option[o], 15);
			fills("20000-20014", true, SOCK_DGRAM, address[a], option[o], 15);
		}
	}
	case_sysctl("ipv4/ip_local_reserved_ports", "20003,40002");
	fills("20000-20014", true, SOCK_STREAM, "0.0.0.0", 0, 14);
	fills("40000-40006", true, SOCK_STREAM, "0.0.0.0", 0, 6);
	case_sysctl("ipv4/ip_local_reserved_ports", "\n");
	is_even("40000-40030", true);
	is_even("20000-20030", true);
	passes_what_is_named();
	return 0;
}
