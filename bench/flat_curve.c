/*
 * flat_curve MODE RANGE_LOW RANGE_HIGH [FILLED_PERCENT] fills an ephemeral range towards one destination, in a network
 * namespace of its own, and says what each connect() cost: one line "PORTS_IN_USE NANOSECONDS" each, "cpu CONNECTIONS
 * NANOSECONDS" for each process, then "refused N NANOSECONDS" for REFUSALS calls after the last port. MODE is plain (connect) or flat (eph_connect). With FILLED_PERCENT
 * another process first takes so much of the range with connections of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ephemports.h"

#define REFUSALS          200
#define SOCKETS_A_PROCESS 9000 /* 20 000 descriptors are the limit on some machines */

static struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = 0};

static void stop(const char *what)
{
	fprintf(stderr, "flat_curve: %s: %s\n", what, strerror(errno));
	exit(3);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* User and system time of this process so far. */
static int64_t cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		stop(path);
	close(fd);
}

static void enter_namespace(const char *low, const char *high)
{
	struct ifreq lo = {.ifr_flags = IFF_UP};
	char range[32];
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		stop("unshare");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(lo.ifr_name, "lo", 3);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		stop("lo");
	close(fd);
	snprintf(range, sizeof(range), "%s %s", low, high);
	write_file("/proc/sys/net/ipv4/ip_local_port_range", range);
	write_file("/proc/sys/net/ipv4/tcp_tw_reuse", "0");
}

/* Connections wait in the backlog: nobody accepts them, and each costs a descriptor less. */
static int listener(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(server);

	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = htons(1000);
	write_file("/proc/sys/net/core/somaxconn", "65535");
	if (fd < 0 || bind(fd, (struct sockaddr *)&server, length) < 0 || listen(fd, 65535) < 0)
		stop("listen");
	return fd;
}

static int one_connect(struct eph_pool *pool, int fd)
{
	const struct sockaddr *to = (struct sockaddr *)&server;

	return pool ? eph_connect(pool, fd, to, sizeof(server)) : connect(fd, to, sizeof(server));
}

/* Up to @limit connections; returns how many, and -1 when there are no more ports. Stays alive to hold them. */
static int fill(struct eph_pool *pool, int limit, int64_t *ret_ns, int *ret_refused)
{
	int n = 0;

	for (; n < limit; n++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int64_t start = now_ns();

		if (fd < 0)
			stop("socket");
		if (one_connect(pool, fd) < 0) {
			if (errno != EADDRNOTAVAIL)
				stop("connect");
			close(fd);
			*ret_refused = 1;
			break;
		}
		ret_ns[n] = now_ns() - start;
	}
	return n;
}

/* A child holds @limit connections until its end of the pipe is closed. */
static int fill_in_child(struct eph_pool *pool, int limit, int held, int print)
{
	static int64_t ns[SOCKETS_A_PROCESS];
	int ready[2], told[2], refused = 0;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(told, O_CLOEXEC) < 0)
		stop("pipe");
	if (fork() == 0) {
		int64_t cpu;
		char byte;

		close(told[0]);
		cpu = cpu_ns();
		told[0] = fill(pool, limit, ns, &refused);
		if (print)
			printf("cpu %d %lld\n", told[0], (long long)(cpu_ns() - cpu));
		for (int i = 0; print && i < told[0]; i++)
			printf("%d %lld\n", held + i, (long long)ns[i]);
		fflush(stdout);
		if (write(told[1], told, sizeof(int)) < 0)
			_exit(3);
		close(ready[1]);
		if (read(ready[0], &byte, 1) < 0)
			_exit(3);
		_exit(0);
	}
	close(told[1]);
	close(ready[0]);
	if (read(told[0], &held, sizeof(held)) != sizeof(held))
		stop("child");
	close(told[0]);
	return held;
}

int main(int argc, char **argv)
{
	struct rlimit files = {20000, 20000};
	struct eph_pool_options options = {.sz = sizeof(options)};
	struct eph_pool *pool = NULL;
	struct eph_error error;
	int held = 0, n, filled, before;

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: flat_curve plain|flat LOW HIGH [FILLED_PERCENT]\n");
		return 3;
	}
	setrlimit(RLIMIT_NOFILE, &files);
	enter_namespace(argv[2], argv[3]);
	listener();
	if (strcmp(argv[1], "flat") == 0 && eph_pool_new(&options, &pool, &error) < 0) {
		fprintf(stderr, "flat_curve: %s\n", error.message);
		return 3;
	}
	filled = argc > 4 ? (int)(strtol(argv[4], NULL, 10) *
				  (strtol(argv[3], NULL, 10) - strtol(argv[2], NULL, 10) + 1) / 100)
			  : 0;
	before = filled;
	while (filled > 0) {
		n = fill_in_child(NULL, filled < SOCKETS_A_PROCESS ? filled : SOCKETS_A_PROCESS, 0,
				  0);
		filled -= n;
	}
	held = before;
	do {
		n = fill_in_child(pool, SOCKETS_A_PROCESS, held, 1);
		held += n;
	} while (n == SOCKETS_A_PROCESS);
	for (int i = 0; i < REFUSALS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int64_t start = now_ns();

		if (one_connect(pool, fd) == 0 || errno != EADDRNOTAVAIL)
			stop("a port that was not there");
		printf("refused %d %lld\n", i, (long long)(now_ns() - start));
		close(fd);
	}
	if (pool) {
		struct eph_pool_counts counts = {.sz = sizeof(counts)};

		eph_pool_count(pool, &counts);
		fprintf(stderr, "flat_curve: %s; %llu connections, %llu windows\n",
			eph_pool_describe(pool), (unsigned long long)counts.connections,
			(unsigned long long)counts.windows);
		eph_pool_free(pool);
	}
	return 0;
}
