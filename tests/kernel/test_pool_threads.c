/*
 * One pool in eight threads: connect and close as fast as they can.
 *
 *	test_pool_threads [--rounds N] [--way windows|one-by-one]
 *
 * Reset at once: there are more ports than threads, so no connection may ever be refused for want of one. With TIME_WAIT
 * left and tcp_tw_reuse 0, a port towards a destination can be had once: a refusal is right only when as many connections as
 * the range has ports are made or being made by others, and in the end each destination has had every port. Afterwards every
 * port can still be had.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pool_case.h"

#define THREADS      8
#define PORTS        64u
#define DESTINATIONS 250u

static struct eph_pool *pool;
static int listener;
static unsigned rounds = 100000;

/* Of each destination: connections made, and threads that try. */
static atomic_uint made[DESTINATIONS], trying[DESTINATIONS];
static atomic_uint odd_ends, refusals;

static struct state_endpoint destination(unsigned index)
{
	char text[32];

	snprintf(text, sizeof(text), "127.0.1.%u", index + 1);
	return state_endpoint(AF_INET, text, 9001);
}

static int connect_to(const struct state_endpoint *to)
{
	int fd = case_socket(AF_INET, SOCK_STREAM);

	if (eph_connect(pool, fd, (const struct sockaddr *)&to->address, to->length) < 0) {
		int error = errno;

		eph_release(pool, fd);
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static void *reset_at_once(void *unused)
{
	struct state_endpoint to = destination(0);

	for (unsigned i = 0; i < rounds; i++) {
		int fd = connect_to(&to), child;

		if (fd >= 0) {
			eph_release(pool, fd);
			case_reset(fd);
			/* Somebody's: so there are never more of them than threads. */
			child = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
			if (child >= 0)
				case_reset(child);
			continue;
		}
		/* A 4-tuple used again within microseconds may meet a segment of its past on another CPU. */
		EXPECT(errno == ECONNREFUSED || errno == ECONNRESET,
		       "round %u: %s with %u ports for %u threads", i, strerror(errno), PORTS,
		       THREADS);
		odd_ends++;
	}
	return unused;
}

/* Nothing is accepted, so our end rests in FIN_WAIT2 without a socket, as long as a TIME_WAIT. */
static void *let_rest(void *unused)
{
	for (unsigned i = 0; i < rounds; i++) {
		unsigned at = (unsigned)((uint64_t)i * DESTINATIONS / rounds);
		struct state_endpoint to = destination(at);
		unsigned others;
		int fd;

		trying[at]++;
		fd = connect_to(&to);
		if (fd >= 0) {
			made[at]++;
			trying[at]--;
			eph_release(pool, fd);
			close(fd);
			continue;
		}
		EXPECT(errno == EADDRNOTAVAIL, "round %u: %s", i, strerror(errno));
		/* In this order: who goes from one to the other meanwhile counts twice, never not at all. */
		others = trying[at] - 1;
		others += made[at];
		EXPECT(others >= PORTS, "round %u: refused, and only %u of %u ports gone", i,
		       others, PORTS);
		trying[at]--;
		refusals++;
	}
	return unused;
}

static void run(void *(*work)(void *))
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		EXPECT(!pthread_create(&thread[i], NULL, work, NULL), "thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void every_port_can_be_had(const struct state_endpoint *to)
{
	int fd[PORTS + 1];
	unsigned n = 0;

	usleep(2 * EPH_REFUSAL_AGE_MS * 1000);
	while (n <= PORTS && (fd[n] = connect_to(to)) >= 0)
		n++;
	EXPECT(n == PORTS && errno == EADDRNOTAVAIL, "%u ports, then %s", n, strerror(errno));
	while (n) {
		eph_release(pool, fd[--n]);
		case_reset(fd[n]);
	}
}

int main(int argc, char **argv)
{
	struct state_endpoint service = state_endpoint(AF_INET, "0.0.0.0", 9001), to;
	unsigned again = 0;
	bool windows = true;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--rounds") == 0)
			rounds = (unsigned)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--way") == 0)
			windows = strcmp(argv[i + 1], "one-by-one") != 0;
	}
	if (rounds < DESTINATIONS * PORTS / THREADS * 2)
		rounds = DESTINATIONS * PORTS / THREADS * 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	case_begin("40000 40063");
	listener = case_listener(&service);
	pool = case_pool(windows ? NULL : "20000-20063", NULL, EPH_TIME_WAIT_KERNEL, true);
	printf("%s\n", eph_pool_describe(pool));
	run(reset_at_once);
	printf("reset at once: %u connections, %u met their past\n", THREADS * rounds, odd_ends);
	EXPECT(odd_ends <= THREADS * rounds / 100, "%u met their past", odd_ends);
	to = destination(0);
	every_port_can_be_had(&to);
	close(listener);
	listener = case_listener(&service);
	run(let_rest);
	for (unsigned i = 1; i < DESTINATIONS; i++) {
		EXPECT(made[i] >= PORTS, "destination %u: %u ports", i, made[i]);
		again += made[i] - PORTS;
	}
	/* A port bound first may take the place of a TIME_WAIT (tcp_twsk_unique): that of another thread, when this one lost the
	 * processor between looking and binding for longer than its lock is good. */
	EXPECT(again <= (windows ? 0 : DESTINATIONS / 50), "%u ports more than there are", again);
	printf("TIME_WAIT left: %u connections, %u refused\n", THREADS * rounds - refusals,
	       refusals);
	to = state_endpoint(AF_INET, "127.0.2.1", 9001);
	every_port_can_be_had(&to);
	eph_pool_free(pool);
	return 0;
}
