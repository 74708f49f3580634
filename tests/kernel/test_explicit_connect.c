/*
 * TCP ports bound one by one (src/connect/explicit_connect.c): every port of a range outside the host's and of one without
 * windows, shared between destinations, others' ports avoided, TIME_WAIT by either policy, threads.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool_case.h"

#define PORTS 16

static struct state_endpoint service[2];
static int listener[2];

static struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in name = {0};
	socklen_t length = sizeof(name);

	EXPECT(getsockname(fd, (struct sockaddr *)&name, &length) == 0, "%s", strerror(errno));
	return name;
}

/* Connect until it is refused; how often it was not. */
static unsigned fill(struct eph_pool *pool, const struct state_endpoint *to, int *fds,
		     unsigned most)
{
	struct sockaddr_in name[128];
	unsigned n = 0;

	while (n < most && (fds[n] = case_connect(pool, SOCK_STREAM, to)) >= 0) {
		name[n] = name_of(fds[n]);
		EXPECT(port_range_has(pool->range, case_port(fds[n])), "port %u",
		       case_port(fds[n]));
		for (unsigned i = 0; i < n; i++)
			EXPECT(memcmp(&name[i], &name[n], sizeof(name[n])) != 0, "port %u twice",
			       case_port(fds[n]));
		n++;
	}
	if (n < most)
		EXPECT(errno == EADDRNOTAVAIL, "%u: %s", n, strerror(errno));
	return n;
}

static void reset_all(int *fds, unsigned n)
{
	while (n)
		case_reset(fds[--n]);
}

static void release_all(struct eph_pool *pool, int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		eph_release(pool, fds[i]);
	reset_all(fds, n);
}

/* Each destination gets every port; a port that comes back is found with and without eph_release(). */
static void fills(const char *range, bool windows, const char *from, unsigned expected)
{
	struct eph_pool *pool = case_pool(range, from, EPH_TIME_WAIT_KERNEL, windows);
	int one[128], other[128];
	unsigned n = fill(pool, &service[0], one, 100), m;

	printf("%s: %u\n", eph_pool_describe(pool), n);
	EXPECT(n == expected, "%u of %u ports", n, expected);
	m = fill(pool, &service[1], other, 100);
	EXPECT(m == expected, "%u of %u ports to a second destination", m, expected);
	eph_release(pool, one[0]);
	case_reset(one[0]);
	one[0] = case_connect(pool, SOCK_STREAM, &service[0]);
	EXPECT(one[0] >= 0, "after release: %s", strerror(errno));
	case_reset(one[n - 1]);
	usleep(2 * EPH_REFUSAL_AGE_MS * 1000 * 4); /* for each of up to four sources */
	one[n - 1] = case_connect(pool, SOCK_STREAM, &service[0]);
	EXPECT(one[n - 1] >= 0, "without release: %s", strerror(errno));
	release_all(pool, one, n);
	reset_all(other, m);
	eph_pool_free(pool);
}

/* A port that somebody else is bound to or connected from cannot be bound by us; a reserved one is not ours. */
static void avoids_others(void)
{
	struct eph_pool *pool;
	int fds[64], held[4], plain;
	unsigned n;

	for (unsigned i = 0; i < 4; i++) {
		struct state_endpoint at =
			state_endpoint(AF_INET, "127.0.0.1", (uint16_t)(20002 + 3 * i));

		held[i] = case_socket(AF_INET, SOCK_STREAM);
		EXPECT(bind(held[i], (struct sockaddr *)&at.address, at.length) == 0, "%s",
		       strerror(errno));
	}
	EXPECT(connect(held[3], (struct sockaddr *)&service[0].address, service[0].length) == 0,
	       "%s", strerror(errno));
	case_sysctl("ipv4/ip_local_reserved_ports", "20000,20015");
	pool = case_pool("20000-20015", NULL, EPH_TIME_WAIT_KERNEL, true);
	n = fill(pool, &service[0], fds, 64);
	EXPECT(n == PORTS - 4 - 2, "%u ports", n);
	release_all(pool, fds, n);
	case_sysctl("ipv4/ip_local_reserved_ports", "\n");
	/* A connection that chose its port itself lacks SO_REUSEADDR. */
	plain = case_socket(AF_INET, SOCK_STREAM);
	EXPECT(connect(plain, (struct sockaddr *)&service[0].address, service[0].length) == 0, "%s",
	       strerror(errno));
	eph_pool_free(pool);
	pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, false);
	n = fill(pool, &service[1], fds, 64);
	EXPECT(n == 31, "%u ports", n);
	release_all(pool, fds, n);
	eph_pool_free(pool);
	case_reset(plain);
	reset_all(held, 4);
}

/* All ports of the pool rest in TIME_WAIT. */
static struct eph_pool *rested(const char *range, enum eph_time_wait policy, unsigned ports)
{
	struct eph_pool *pool = case_pool(range, NULL, policy, true);
	int fds[64];
	unsigned n = fill(pool, &service[0], fds, 64);

	EXPECT(n == ports, "%u ports", n);
	for (unsigned i = 0; i < n; i++) {
		if (i % 2)
			eph_release(pool, fds[i]);
		case_rest(fds[i], listener[0]);
	}
	return pool;
}

static void reopen(void)
{
	close(listener[0]);
	listener[0] = case_listener(&service[0]);
}

/* tcp_tw_reuse 0: TIME_WAIT stays unless the pool may take it; 1: the kernel would let connect() have it. */
static void time_wait(const char *range, enum eph_time_wait policy, const char *tw_reuse,
		      unsigned ports, unsigned expected)
{
	struct eph_pool *pool;
	int fds[64];
	unsigned n;

	case_sysctl("ipv4/tcp_tw_reuse", tw_reuse);
	case_sysctl("ipv4/tcp_tw_reuse_delay", "1");
	reopen();
	pool = rested(range, policy, ports);
	usleep(2 * EPH_REFUSAL_AGE_MS * 1000);
	n = fill(pool, &service[0], fds, 64);
	printf("range %s policy %d tcp_tw_reuse %s: %u of %u\n", range ? range : "of the host",
	       policy, tw_reuse, n, ports);
	EXPECT(n == expected, "%u, %u expected", n, expected);
	release_all(pool, fds, n);
	eph_pool_free(pool);
	case_sysctl("ipv4/tcp_tw_reuse", "0");
}

/* Ports that one may not bind are said when the pool is made. */
static void needs_the_privilege(void)
{
	struct eph_pool_options options = {
		.sz = sizeof(options), .range = "900-1100", .memory_fd = -1};
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		struct eph_error error = {.message = ""};
		struct eph_pool *pool;

		if (setuid(65534) < 0)
			_exit(77);
		EXPECT(eph_pool_new(&options, &pool, &error) == -EACCES &&
			       strstr(error.message, "port 900"),
		       "%s", error.message);
		_exit(0);
	}
	EXPECT(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 1,
	       "status %d", status);
}

struct racer {
	pthread_t thread;
	struct eph_pool *pool;
	unsigned rounds, refused;
};

/* Three ports at a time in the hands of each of eight: there are never enough. A socket that is refused must not be left
 * bound to a port: that is what happens to one of two that try the same. */
static void *race(void *argument)
{
	struct racer *racer = argument;
	int held[3] = {-1, -1, -1};

	for (unsigned i = 0; i < racer->rounds; i++) {
		int *fd = &held[i % 3];

		if (*fd >= 0) {
			eph_release(racer->pool, *fd);
			case_reset(*fd);
		}
		*fd = case_socket(AF_INET, SOCK_STREAM);
		if (eph_connect(racer->pool, *fd, (struct sockaddr *)&service[0].address,
				service[0].length) == 0)
			continue;
		/* A 4-tuple used again within microseconds may meet a segment of its past on another CPU. */
		EXPECT(errno == EADDRNOTAVAIL || errno == ECONNREFUSED || errno == ECONNRESET, "%s",
		       strerror(errno));
		EXPECT(errno != EADDRNOTAVAIL || case_port(*fd) == 0, "round %u: stuck on port %u",
		       i, case_port(*fd));
		racer->refused++;
		eph_release(racer->pool, *fd);
		close(*fd);
		*fd = -1;
	}
	for (unsigned i = 0; i < 3; i++)
		if (held[i] >= 0)
			case_reset(held[i]);
	return NULL;
}

/* Threads that want each other's last port: none gets stuck, and in the end every port can be had. */
static void races(unsigned rounds)
{
	struct eph_pool *pool = case_pool("20100-20115", NULL, EPH_TIME_WAIT_KERNEL, true);
	struct racer racer[8] = {0};
	unsigned n, refused = 0;
	int fds[64];

	for (int i = 0; i < 8; i++) {
		racer[i] = (struct racer){.pool = pool, .rounds = rounds};
		EXPECT(!pthread_create(&racer[i].thread, NULL, race, &racer[i]), "thread");
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(racer[i].thread, NULL);
		refused += racer[i].refused;
	}
	usleep(2 * EPH_REFUSAL_AGE_MS * 1000);
	n = fill(pool, &service[0], fds, 64);
	printf("races: %u connections, %u refused, then %u ports\n", 8 * rounds, refused, n);
	EXPECT(n == PORTS, "%u ports", n);
	release_all(pool, fds, n);
	eph_pool_free(pool);
}

static void *accept_all(void *argument)
{
	int fd;

	while ((fd = accept4(*(int *)argument, NULL, NULL, SOCK_CLOEXEC)) >= 0 ||
	       errno == ECONNABORTED)
		close(fd);
	return NULL;
}

int main(void)
{
	pthread_t server;

	setvbuf(stdout, NULL, _IOLBF, 0);
	case_begin("40000 40031");
	service[0] = state_endpoint(AF_INET, "127.0.0.1", 9001);
	service[1] = state_endpoint(AF_INET, "127.0.0.1", 9002);
	listener[0] = case_listener(&service[0]);
	listener[1] = case_listener(&service[1]);
	fills("20000-20015", true, NULL, PORTS);
	fills("20000-20000", true, NULL, 1);
	fills("20000-20006", true, "127.0.0.0/30", 4 * 7);
	fills(NULL, false, NULL, 32);
	fills("40003-40007", false, "127.0.0.5", 5);
	avoids_others();
	needs_the_privilege();
	time_wait("20000-20015", EPH_TIME_WAIT_KERNEL, "0", PORTS, 0);
	case_sysctl("ipv4/tcp_fin_timeout", "60");
	time_wait("20020-20035", EPH_TIME_WAIT_KERNEL, "1", PORTS, PORTS);
	time_wait("20040-20055", EPH_TIME_WAIT_KERNEL, "2", PORTS, PORTS);
	time_wait("20060-20075", EPH_TIME_WAIT_REUSE, "0", PORTS, PORTS);
	time_wait(NULL, EPH_TIME_WAIT_REUSE, "0", 32, 32);
	reopen();
	EXPECT(!pthread_create(&server, NULL, accept_all, &listener[0]), "thread");
	races(2000);
	shutdown(listener[0], SHUT_RDWR);
	pthread_join(server, NULL);
	return 0;
}
