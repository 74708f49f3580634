/*
 * UDP sockets of a pool (src/connect/udp_connect.c): more of them than ports, each destination gets every port, no two have one
 * 4-tuple, each gets its own datagrams and nobody else's, others' ports are left alone.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pool_case.h"

#define PORTS    8
#define SERVICES 4
#define MANY     (PORTS * SERVICES * 4)

static struct state_endpoint service[SERVICES];
static int server[SERVICES];

struct names {
	struct sockaddr_storage local, remote;
};

static struct names names_of(int fd)
{
	struct names names;
	socklen_t length = sizeof(names.local);

	memset(&names, 0, sizeof(names));
	EXPECT(getsockname(fd, (struct sockaddr *)&names.local, &length) == 0, "%s",
	       strerror(errno));
	length = sizeof(names.remote);
	EXPECT(getpeername(fd, (struct sockaddr *)&names.remote, &length) == 0, "%s",
	       strerror(errno));
	return names;
}

/* Connect to all services in turn until each has refused; how many sockets there are. */
static unsigned fill(struct eph_pool *pool, int *fds, unsigned most)
{
	unsigned n = 0, refused = 0;

	for (unsigned i = 0; refused < SERVICES && n < most; i++) {
		fds[n] = case_connect(pool, SOCK_DGRAM, &service[i % SERVICES]);
		if (fds[n] < 0) {
			EXPECT(errno == EAGAIN, "%s", strerror(errno));
			refused++;
			continue;
		}
		refused = 0;
		EXPECT(port_range_has(pool->range, case_port(fds[n])), "port %u",
		       case_port(fds[n]));
		n++;
	}
	return n;
}

static void all_differ(const int *fds, unsigned n)
{
	struct names names[MANY];

	for (unsigned i = 0; i < n; i++) {
		names[i] = names_of(fds[i]);
		for (unsigned k = 0; k < i; k++)
			EXPECT(memcmp(&names[i], &names[k], sizeof(names[i])) != 0,
			       "sockets %u and %u share port %u", k, i, case_port(fds[i]));
	}
}

/* Every socket sends its number; the service sends it back. */
static void each_gets_its_own(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		EXPECT(send(fds[i], &i, sizeof(i), 0) == sizeof(i), "%s", strerror(errno));
	for (unsigned s = 0; s < SERVICES; s++) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		unsigned number;

		while (recvfrom(server[s], &number, sizeof(number), MSG_DONTWAIT,
				(struct sockaddr *)&from, &length) == sizeof(number)) {
			EXPECT(sendto(server[s], &number, sizeof(number), 0,
				      (struct sockaddr *)&from, length) == sizeof(number),
			       "%s", strerror(errno));
			length = sizeof(from);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned number = n;

		EXPECT(recv(fds[i], &number, sizeof(number), MSG_DONTWAIT) == sizeof(number),
		       "socket %u got nothing: %s", i, strerror(errno));
		EXPECT(number == i, "socket %u got what is for %u", i, number);
		EXPECT(recv(fds[i], &number, sizeof(number), MSG_DONTWAIT) < 0, "%u got two", i);
	}
}

static void close_all(struct eph_pool *pool, const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (pool)
			eph_release(pool, fds[i]);
		close(fds[i]);
	}
}

static void fills(const char *range, const char *from, bool windows, unsigned ports)
{
	struct eph_pool *pool = case_pool(range, from, EPH_TIME_WAIT_KERNEL, windows);
	int fds[MANY + 1];
	unsigned n = fill(pool, fds, MANY + 1);

	printf("%s%s: %u sockets\n", eph_pool_describe(pool), windows ? "" : " (windows off)", n);
	EXPECT(n == ports * SERVICES, "%u sockets on %u ports", n, ports);
	all_differ(fds, n);
	each_gets_its_own(fds, n);
	close_all(pool, fds, n);
	n = fill(pool, fds, MANY + 1);
	EXPECT(n == ports * SERVICES, "%u sockets the second time", n);
	close_all(NULL, fds, n);
	usleep(2 * EPH_REFUSAL_AGE_MS * 1000 * 4);
	n = fill(pool, fds, MANY + 1);
	EXPECT(n == ports * SERVICES, "%u sockets the third time", n);
	close_all(pool, fds, n);
	eph_pool_free(pool);
}

/* Ports of others are not shared, whatever their options: they are not of the pool, or not of this user. */
static void leaves_others_alone(bool windows)
{
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, windows);
	int held[3], fds[MANY + 1], on = 1;
	unsigned n;

	for (unsigned i = 0; i < 3; i++) {
		struct state_endpoint at =
			state_endpoint(AF_INET, "127.0.0.1", (uint16_t)(40001 + 2 * i));

		held[i] = case_socket(AF_INET, SOCK_DGRAM);
		if (i == 1)
			setsockopt(held[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		/* Only root can make it another's. */
		if (i == 2 && fchown(held[i], 1000, (gid_t)-1) == 0)
			setsockopt(held[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
		EXPECT(bind(held[i], (struct sockaddr *)&at.address, at.length) == 0, "%s",
		       strerror(errno));
	}
	n = fill(pool, fds, MANY + 1);
	EXPECT(n == (PORTS - 3) * SERVICES, "%u sockets", n);
	close_all(pool, fds, n);
	close_all(NULL, held, 3);
	eph_pool_free(pool);
}

/* A program's own options, a port of its own, a second destination. */
static void keeps_what_the_program_chose(void)
{
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, true);
	int fds[MANY + 1], on = 1, value, own = case_socket(AF_INET, SOCK_DGRAM);
	struct state_endpoint at = state_endpoint(AF_INET, "127.0.0.1", 7777);
	struct state_endpoint taken = state_endpoint(AF_INET, "127.0.0.1", 40003);
	socklen_t size = sizeof(value);
	int other = case_socket(AF_INET, SOCK_DGRAM);
	unsigned n;

	setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	EXPECT(bind(other, (struct sockaddr *)&taken.address, taken.length) == 0, "%s",
	       strerror(errno));
	n = fill(pool, fds, MANY + 1);
	EXPECT(bind(own, (struct sockaddr *)&at.address, at.length) == 0, "%s", strerror(errno));
	EXPECT(eph_connect(pool, own, (struct sockaddr *)&service[0].address, service[0].length) ==
		       0,
	       "%s", strerror(errno));
	EXPECT(case_port(own) == 7777, "%u", case_port(own));
	EXPECT(eph_connect(pool, own, (struct sockaddr *)&service[1].address, service[1].length) ==
		       0,
	       "%s", strerror(errno));
	EXPECT(case_port(own) == 7777, "%u", case_port(own));
	close(own);
	own = case_socket(AF_INET, SOCK_DGRAM);
	setsockopt(own, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	usleep(2 * EPH_REFUSAL_AGE_MS * 1000);
	EXPECT(eph_connect(pool, own, (struct sockaddr *)&service[0].address, service[0].length) <
			       0 &&
		       errno == EAGAIN,
	       "a program's SO_REUSEADDR gave it port %u", case_port(own));
	EXPECT(getsockopt(own, SOL_SOCKET, SO_REUSEADDR, &value, &size) == 0 && value == 1,
	       "SO_REUSEADDR is lost");
	EXPECT(getsockopt(own, SOL_SOCKET, SO_REUSEPORT, &value, &size) == 0 && value == 0,
	       "SO_REUSEPORT is left");
	close_all(pool, fds, n);
	close(own);
	close(other);
	eph_pool_free(pool);
}

struct racer {
	pthread_t thread;
	struct eph_pool *pool;
	unsigned rounds, refused;
	uint64_t random;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int open_fds[64];
static unsigned n_open;

/* Before a socket is shown to the others it is compared with theirs. */
static void show(int fd)
{
	struct names names = names_of(fd);

	pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < n_open; i++) {
		struct names other = names_of(open_fds[i]);

		EXPECT(memcmp(&names, &other, sizeof(names)) != 0, "port %u twice", case_port(fd));
	}
	open_fds[n_open++] = fd;
	pthread_mutex_unlock(&mutex);
}

static void hide(struct eph_pool *pool, int fd)
{
	pthread_mutex_lock(&mutex);
	for (unsigned i = 0; i < n_open; i++)
		if (open_fds[i] == fd)
			open_fds[i] = open_fds[--n_open];
	pthread_mutex_unlock(&mutex);
	eph_release(pool, fd);
	close(fd);
}

static void *race(void *argument)
{
	struct racer *racer = argument;
	int held[6] = {-1, -1, -1, -1, -1, -1};

	for (unsigned i = 0; i < racer->rounds; i++) {
		int *fd = &held[i % 6];

		if (*fd >= 0)
			hide(racer->pool, *fd);
		*fd = case_connect(racer->pool, SOCK_DGRAM, &service[i % 2]);
		if (*fd >= 0)
			show(*fd);
		else
			racer->refused++;
		EXPECT(*fd >= 0 || errno == EAGAIN, "%s", strerror(errno));
	}
	for (unsigned i = 0; i < 6; i++)
		if (held[i] >= 0)
			hide(racer->pool, held[i]);
	return NULL;
}

static void races(unsigned rounds, bool windows)
{
	struct eph_pool *pool = case_pool(NULL, NULL, EPH_TIME_WAIT_KERNEL, windows);
	struct racer racer[4];
	unsigned refused = 0, n;
	int fds[MANY + 1];

	for (int i = 0; i < 4; i++) {
		racer[i] = (struct racer){.pool = pool, .rounds = rounds};
		EXPECT(!pthread_create(&racer[i].thread, NULL, race, &racer[i]), "thread");
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(racer[i].thread, NULL);
		refused += racer[i].refused;
	}
	usleep(2 * EPH_REFUSAL_AGE_MS * 1000);
	n = fill(pool, fds, MANY + 1);
	printf("races: %u sockets, %u refused, then %u\n", 4 * rounds, refused, n);
	EXPECT(n == PORTS * SERVICES, "%u sockets", n);
	close_all(pool, fds, n);
	eph_pool_free(pool);
}

static void serve(int family, const char *address)
{
	for (unsigned i = 0; i < SERVICES; i++) {
		service[i] = state_endpoint(family, address, (uint16_t)(9001 + i));
		server[i] = case_socket(family, SOCK_DGRAM);
		EXPECT(bind(server[i], (struct sockaddr *)&service[i].address, service[i].length) ==
			       0,
		       "%s", strerror(errno));
	}
}

static void stop_serving(void)
{
	for (unsigned i = 0; i < SERVICES; i++)
		close(server[i]);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	case_begin("40000 40007");
	serve(AF_INET, "127.0.0.1");
	fills(NULL, NULL, true, PORTS);
	fills(NULL, NULL, false, PORTS);
	fills("40002-40004", NULL, true, 3);
	fills("20000-20006", NULL, true, 7);
	fills("40002-40004", "127.0.0.8/30", true, 4 * 3);
	leaves_others_alone(true);
	leaves_others_alone(false);
	keeps_what_the_program_chose();
	races(1000, true);
	races(1000, false);
	stop_serving();
	serve(AF_INET6, "::1");
	fills(NULL, NULL, true, PORTS);
	fills("20000-20006", "::1", true, 7);
	return 0;
}
