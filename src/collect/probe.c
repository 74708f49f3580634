#include "probe.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "netns.h"
#include "snapshot.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

#define GAPS_SETTLED (GAP_BUCKET_STATE | GAP_BOUND_HIDDEN)

/* What one connect() tells of a port. */
enum {
	PORT_CLOSED = 0,
	PORT_OPEN = 1,
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Ports whose bucket decides over the next connect() and is not known. */
static void doubtful_ports(const struct netns_snapshot *netns, struct port_set *ret)
{
	const struct bind_table *binds = &netns->binds;
	struct port_set range = {0};

	port_set_add_range(&range, netns->settings.range);
	*ret = binds->hidden ? range : binds->maybe;
	port_set_keep_set(ret, &range);
	port_set_remove_set(ret, &binds->closed);
	port_set_remove_set(ret, &netns->settings.reserved);
}

/* Two different addresses of 127.0.0.0/8, so far off the beaten track that nobody has a connection between them. */
static int pick_pair(uint16_t remote_port, struct sockaddr_in ret[2])
{
	uint32_t random[2];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	/* 127.64.0.0/11 and 127.96.0.0/11: neither network nor broadcast address */
	random[0] = 0x7f400000u | (random[0] & 0x1fffffu);
	random[1] = 0x7f600000u | (random[1] & 0x1fffffu);
	ret[0] = (struct sockaddr_in){.sin_family = AF_INET};
	ret[1] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(remote_port)};
	ret[0].sin_addr.s_addr = htonl(random[0]);
	ret[1].sin_addr.s_addr = htonl(random[1]);
	return 0;
}

/* A socket that can only get @port, and only when it connects; closing it leaves no TIME_WAIT whatever happened. */
static int open_socket(uint16_t port, const struct sockaddr_in *from)
{
	CLEANUP(fd_closep)
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	const uint32_t window = (uint32_t)port << 16 | port;
	const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &window, sizeof(window)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)from, sizeof(*from)) < 0)
		return -errno;
	return fd_take(&fd);
}

static bool has_port(int fd, uint16_t port)
{
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t length = sizeof(name);

	return getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
	       name.sin_port == htons(port);
}

/*
 * The kernel chooses the port before it sends anything, so there is nothing to wait for: whatever becomes of the SYN, the
 * port was had. Without the check of the port a range that was changed meanwhile would pass for an answer.
 */
static int try_port(uint16_t port, uint16_t nowhere)
{
	CLEANUP(fd_closep) int fd = -1;
	struct sockaddr_in pair[2];
	int r = pick_pair(nowhere, pair);

	if (r < 0)
		return r;
	fd = open_socket(port, &pair[0]);
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&pair[1], sizeof(pair[1])) == 0 ||
	    errno == ECONNREFUSED || errno == EINPROGRESS)
		return has_port(fd, port) ? PORT_OPEN : -ERANGE;
	return errno == EADDRNOTAVAIL ? PORT_CLOSED : -errno;
}

/* A port that cannot be had is asked for again between other addresses: a connection might have stood between these. */
static int ask_port(uint16_t port, uint16_t nowhere)
{
	int r = try_port(port, nowhere);

	return r == PORT_CLOSED ? try_port(port, nowhere) : r;
}

/* A port that nobody listens on, or 0. Outside the range listeners come and go less often. */
static uint16_t find_nowhere(const struct netns_snapshot *netns)
{
	for (uint32_t port = 1; port <= UINT16_MAX; port++)
		if (!port_range_has(netns->settings.range, (uint16_t)port) &&
		    !port_set_has(&netns->binds.closed, (uint16_t)port))
			return (uint16_t)port;
	for (uint32_t port = 1; port <= UINT16_MAX; port++)
		if (!port_set_has(&netns->binds.listening, (uint16_t)port))
			return (uint16_t)port;
	return 0;
}

static bool loopback_is_up(void)
{
	CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	return fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP);
}

/* Inside the namespace. */
static int settle(struct netns_snapshot *netns, const struct port_set *doubtful, int64_t deadline,
		  struct eph_error *reterr)
{
	struct bind_table *binds = &netns->binds;
	uint16_t nowhere = find_nowhere(netns);
	unsigned settled = 0, left = 0;
	int failure = -ETIME;

	if (!loopback_is_up())
		return error_set(reterr, -ENETDOWN, "probe", "loopback is down");
	if (!nowhere)
		return error_set(reterr, -EADDRINUSE, "probe", "every port has a listener");
	for (int port = -1; (port = port_set_next(doubtful, port + 1)) >= 0;) {
		int r = now_ms() < deadline ? ask_port((uint16_t)port, nowhere) : -ETIME;

		if (r < 0) {
			failure = r;
			left++;
			continue;
		}
		settled++;
		port_set_remove(&binds->maybe, (uint16_t)port);
		if (r == PORT_CLOSED)
			port_set_add(&binds->closed, (uint16_t)port);
	}
	if (settled == 0)
		return error_set(reterr, failure, "probe", "cannot connect on loopback: %s",
				 strerror(-failure));
	if (left == 0) {
		binds->hidden = 0;
		netns->gaps &= ~(uint32_t)GAPS_SETTLED;
	}
	return 0;
}

static int probe_netns(struct netns_snapshot *netns, const struct port_set *doubtful,
		       int64_t deadline, struct eph_error *reterr)
{
	int back, r = netns_enter(netns->fd, &back);

	if (r < 0)
		return error_set(reterr, r, "probe", "cannot enter the namespace: %s",
				 strerror(-r));
	r = settle(netns, doubtful, deadline, reterr);
	netns_leave(&back);
	return r;
}

static void add_to_name(struct snapshot *snapshot)
{
	size_t length = strlen(snapshot->collector);

	snprintf(snapshot->collector + length, sizeof(snapshot->collector) - length, "+probe");
}

int probe_binds(struct snapshot *snapshot, struct eph_error *reterr)
{
	int64_t deadline = now_ms() + PROBE_MAX_MS;
	struct eph_error error = {0};
	struct port_set doubtful;
	bool probed = false;
	int failure = 0;

	for (size_t i = 0; i < snapshot->n_netns; i++) {
		struct netns_snapshot *netns = &snapshot->netns[i];
		int r;

		doubtful_ports(netns, &doubtful);
		if (!(netns->settings.known & SETTING_RANGE) || port_set_next(&doubtful, 0) < 0)
			continue;
		if (snapshot->laws.window != LAW_YES)
			return error_set(reterr, -EOPNOTSUPP, "probe",
					 "this kernel has no IP_LOCAL_PORT_RANGE");
		r = probe_netns(netns, &doubtful, deadline, &error);
		probed |= r == 0;
		failure = r < 0 ? r : failure;
	}
	if (probed)
		add_to_name(snapshot);
	else if (failure < 0 && reterr)
		*reterr = error;
	return probed ? 0 : failure;
}
