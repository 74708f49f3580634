/*
 * One socket and several eph_connect() calls: after a refusal by the other side, after a connection that was dissolved
 * (AF_UNSPEC), and while one is on its way. And what changed since the pool was made: the host's range, its reserved ports. And
 * destinations that a source would lead astray.
 *
 * That it can fail was shown by breaking: the name of a failed connection taken for a port; the source of a failed attempt left on
 * the socket; no question without a window.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "clock_ms.h"
#include "pool_case.h"
#include "socket_window.h"

#define ROUNDS   24
#define PATIENCE 5000 /* ms */
#define RANGE    "40000 40003"
#define PORTS    4u
#define WIDER    "40000 40007"
#define MORE     8u

static struct state_endpoint service, nobody, other;

static int connect_to(struct eph_pool *pool, int fd, const struct state_endpoint *to)
{
	return eph_connect(pool, fd, (const struct sockaddr *)&to->address, to->length) < 0 ? errno
											    : 0;
}

/* What a socket without waiting says in the end. */
static int outcome(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int error = 0;

	(void)poll(&one, 1, PATIENCE);
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return error;
}

static int refused(struct eph_pool *pool, int fd)
{
	int error = connect_to(pool, fd, &nobody);

	return error == EINPROGRESS ? outcome(fd) : error;
}

static int dissolved(struct eph_pool *pool, int fd)
{
	struct linger linger = {.l_onoff = 1};
	struct sockaddr off = {.sa_family = AF_UNSPEC};
	uint32_t window = 0;
	socklen_t size = sizeof(window);
	int error = connect_to(pool, fd, &other);

	EXPECT(error == 0, "%s", strerror(error));
	/* No TIME_WAIT stays. */
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	EXPECT(eph_connect(pool, fd, &off, sizeof(off)) == 0, "%s", strerror(errno));
	/* It may listen now, at any port. */
	EXPECT(getsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE_OPTION, &window, &size) == 0 &&
		       !window,
	       "%#x", window);
	return ECONNREFUSED;
}

/* Others have all ports but one: the same socket finds it in each round. */
static void again(const char *from, int type, int (*first)(struct eph_pool *pool, int fd))
{
	struct eph_pool *pool = case_pool(NULL, from, EPH_TIME_WAIT_KERNEL, true);

	for (unsigned i = 0; i < ROUNDS; i++) {
		int error, fd = case_socket(AF_INET, type);

		error = first(pool, fd);
		EXPECT(error == ECONNREFUSED, "%s", strerror(error));
		error = connect_to(pool, fd, &service);
		/* The kernel says once that the connection without waiting had failed. */
		if (error == ECONNABORTED)
			error = connect_to(pool, fd, &service);
		EXPECT(error == 0 || error == EINPROGRESS, "round %u: %s", i, strerror(error));
		eph_release(pool, fd);
		case_reset(fd);
	}
	eph_pool_free(pool);
}

static void agains(void)
{
	int taken[PORTS - 1];
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, true);

	for (unsigned i = 0; i < PORTS - 1; i++)
		taken[i] = case_connect(pool, SOCK_STREAM, &service);
	eph_pool_free(pool);
	again(NULL, SOCK_STREAM, refused);
	again(NULL, SOCK_STREAM | SOCK_NONBLOCK, refused);
	again(NULL, SOCK_STREAM, dissolved);
	for (unsigned i = 0; i < PORTS - 1; i++)
		case_reset(taken[i]);
}

static unsigned fill(struct eph_pool *pool, int fd[MORE])
{
	unsigned n = 0;

	while (n < MORE && (fd[n] = case_connect(pool, SOCK_STREAM, &service)) >= 0)
		n++;
	return n;
}

static void reset_all(struct eph_pool *pool, int fd[MORE], unsigned n)
{
	while (n) {
		eph_release(pool, fd[--n]);
		case_reset(fd[n]);
	}
}

/* A socket that was refused for want of ports keeps no source: it gets a port of another one later. */
static void after_want(void)
{
	struct eph_pool *pool = case_pool(NULL, "127.0.0.4/31", EPH_TIME_WAIT_KERNEL, true);
	int fd[2 * PORTS], error, late = case_socket(AF_INET, SOCK_STREAM);

	for (unsigned i = 0; i < 2 * PORTS; i++)
		fd[i] = case_connect(pool, SOCK_STREAM, &service);
	for (unsigned i = 0; i < 2 * PORTS; i++) {
		error = connect_to(pool, late, &service);
		EXPECT(error == EADDRNOTAVAIL, "%s", strerror(error));
		eph_release(pool, fd[i]);
		case_reset(fd[i]);
		error = connect_to(pool, late, &service);
		EXPECT(error == 0, "port %u: %s", i, strerror(error));
		fd[i] = late;
		late = case_socket(AF_INET, SOCK_STREAM);
	}
	close(late);
	for (unsigned i = 0; i < 2 * PORTS; i++)
		case_reset(fd[i]);
	eph_pool_free(pool);
}

/* Asked again without waiting: it is the same connection. */
static void under_way(void)
{
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, true);
	struct eph_pool_counts counts = {.sz = sizeof(counts)};
	int fd = case_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK), error;

	error = connect_to(pool, fd, &service);
	EXPECT(error == EINPROGRESS, "%s", strerror(error));
	EXPECT(outcome(fd) == 0, "connected");
	error = connect_to(pool, fd, &service);
	EXPECT(error == 0, "%s", strerror(error));
	error = connect_to(pool, fd, &service);
	EXPECT(error == EISCONN, "%s", strerror(error));
	eph_pool_count(pool, &counts);
	EXPECT(counts.connections == 1 && counts.failed == 0, "%u and %u",
	       (unsigned)counts.connections, (unsigned)counts.failed);
	case_reset(fd);
	eph_pool_free(pool);
}

/* A pool is asked until it has found what is new, at most two seconds. */
static void grows(unsigned before, unsigned after, const char *name, const char *value)
{
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, true);
	int fd[MORE];
	unsigned n = fill(pool, fd);
	uint32_t start;

	EXPECT(n == before, "%u", n);
	case_sysctl(name, value);
	for (start = clock_ms(); n < after && clock_ms() - start < 2 * PATIENCE;) {
		fd[n] = case_connect(pool, SOCK_STREAM, &service);
		if (fd[n] >= 0)
			n++;
		else
			(void)poll(NULL, 0, 20);
	}
	EXPECT(n == after, "%u", n);
	reset_all(pool, fd, n);
	eph_pool_free(pool);
}

static void changes(void)
{
	grows(PORTS, MORE, "ipv4/ip_local_port_range", WIDER);
	case_sysctl("ipv4/ip_local_reserved_ports", "40002-40003");
	grows(MORE - 2, MORE, "ipv4/ip_local_reserved_ports", "\n");
	case_sysctl("ipv4/ip_local_port_range", RANGE);
}

/* 0.0.0.0 is 127.0.0.1, from whatever source. */
static void any_address(void)
{
	struct eph_pool *pool = case_pool(NULL, "127.0.0.4/31", EPH_TIME_WAIT_KERNEL, true);
	struct state_endpoint any = state_endpoint(AF_INET, "0.0.0.0", 5002);
	struct state_endpoint here = state_endpoint(AF_INET, "127.0.0.1", 5002);
	int listener = case_listener(&here), fd = case_connect(pool, SOCK_STREAM, &any);

	EXPECT(fd >= 0, "%s", strerror(errno));
	case_reset(fd);
	close(listener);
	eph_pool_free(pool);
}

_Noreturn static void *forget(void *argument)
{
	struct known_ports *known = argument;
	struct known_flow *flow[MORE] = {known->flows};
	unsigned n = 0;

	for (unsigned i = 0; i < KNOWN_FLOW_SETS * KNOWN_FLOW_WAYS && n < MORE; i++)
		if (atomic_load(&known->flows[i].key))
			flow[n++] = &known->flows[i];
	for (unsigned i = 0;; i = (i + 1) % (n ? n : 1))
		atomic_store(&flow[i]->taken[40000 / 64], 0);
}

static struct eph_pool *volatile meddled_pool; /* not lost, only never freed */

/* Somebody who writes into the shared memory without end does not keep a connection for ever. */
static void meddled(void)
{
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, true);
	int fd[MORE], late;
	unsigned n = fill(pool, fd);
	struct eph_pool_counts before = {.sz = sizeof(before)}, after = {.sz = sizeof(after)};
	pthread_t meddler;

	EXPECT(n == PORTS && pthread_create(&meddler, NULL, forget, pool->known) == 0, "%u", n);
	eph_pool_count(pool, &before);
	for (unsigned i = 0; i < ROUNDS; i++) {
		(void)poll(NULL, 0, EPH_REFUSAL_AGE_MS);
		late = case_connect(pool, SOCK_STREAM, &service);
		EXPECT(late < 0 && errno == EADDRNOTAVAIL, "%s", strerror(errno));
	}
	eph_pool_count(pool, &after);
	/* Twice for each port, its word, and without a window. */
	EXPECT(after.windows - before.windows <= ROUNDS * (2 * PORTS + 2), "%u",
	       (unsigned)(after.windows - before.windows));
	/* The meddler ends with the process, and with it the pool that it writes to. */
	reset_all(pool, fd, n);
	meddled_pool = pool;
}

int main(void)
{
	int listener;
	struct state_endpoint all = state_endpoint(AF_INET, "0.0.0.0", 5000);

	case_begin(RANGE);
	service = state_endpoint(AF_INET, "127.0.0.1", 5000);
	nobody = state_endpoint(AF_INET, "127.0.0.1", 5001);
	other = state_endpoint(AF_INET, "127.0.0.2", 5000);
	listener = case_listener(&all);
	agains();
	after_want();
	under_way();
	changes();
	any_address();
	meddled();
	close(listener);
	return 0;
}
