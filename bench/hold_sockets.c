/*
 * Makes many TCP sockets over the loopback device of a new network namespace, and holds them.
 *
 *	hold_sockets [--established N] [--time-wait N] [--destinations N] [--timeout SECONDS]
 *
 * --established N    N sockets, both ends counted, spread over so many destinations that each stays below half of the
 *                    ephemeral range, or over --destinations N
 * --time-wait N      N sockets in TIME_WAIT, each towards a destination of its own: N groups. They are gone 60 s after
 *                    each was made
 *
 * Prints "ready PATH" where PATH is the namespace to enter, and holds until its standard input ends or the timeout (600 s)
 * has passed. A process may hold only so many files, so the sockets are spread over as many as that takes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT                  8000u
#define PER_DESTINATION       14000u /* below half of 32768-60999 */
#define CONNECTIONS_PER_CHILD 9000u
#define CHILDREN_MAX          1024u
#define TIME_WAIT_CHILDREN    2u

struct plan {
	unsigned long established, time_wait, destinations, timeout_s;
};

static void die(const char *what)
{
	fprintf(stderr, "hold_sockets: %s: %s\n", what, strerror(errno));
	exit(3);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void enter_namespace(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		die("a new network namespace");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die("lo");
	close(fd);
	write_file("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999");
	write_file("/proc/sys/net/ipv4/tcp_max_tw_buckets", "4194304");
	write_file("/proc/sys/net/ipv4/tcp_tw_reuse", "0");
	write_file("/proc/sys/net/core/somaxconn", "4096");
}

static int listener_new(unsigned port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 4096) < 0)
		die("listener");
	return fd;
}

/* Connect to destination number @destination, 127.1.0.0 and up, and accept. Where several share the listener, what is
 * accepted may be the other end of somebody else's connection; the numbers are the same. */
static void connect_pair(int listener, unsigned port, unsigned long destination, int pair[2])
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(0x7f010000u + (uint32_t)destination)};

	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pair[0] < 0 || connect(pair[0], (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (pair[1] < 0)
		die("accept");
}

static void make_established(int listener, unsigned long first, unsigned long count,
			     unsigned long destinations)
{
	int pair[2];

	for (unsigned long i = first; i < first + count; i++)
		connect_pair(listener, PORT, i % destinations, pair);
}

/* The connecting end closes first, so the TIME_WAIT is on its side: its listener is its own, that the other end is too. */
static void make_time_wait(unsigned port, unsigned long first, unsigned long count)
{
	int pair[2], listener = listener_new(port);

	for (unsigned long i = first; i < first + count; i++) {
		connect_pair(listener, port, i, pair);
		close(pair[0]);
		close(pair[1]);
	}
}

/* A child does its part, says so on @done, and stays until the parent's end of @hold closes. */
static void child_begin(int hold_write, int done_read)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(hold_write);
	close(done_read);
}

static void child_end(int hold_read, int done_write)
{
	char byte = 0;

	if (write(done_write, &byte, 1) != 1 || read(hold_read, &byte, 1) != 0)
		_exit(3);
	_exit(0);
}

static unsigned start_children(const struct plan *plan, int listener, const int hold[2],
			       const int done[2])
{
	unsigned long connections = (plan->established + 1) / 2, made = 0;
	unsigned children = 0;

	for (unsigned i = 0; plan->time_wait && i < TIME_WAIT_CHILDREN; i++, children++) {
		unsigned long first = plan->time_wait * i / TIME_WAIT_CHILDREN;
		unsigned long end = plan->time_wait * (i + 1) / TIME_WAIT_CHILDREN;

		if (fork() == 0) {
			child_begin(hold[1], done[0]);
			make_time_wait(PORT + 1 + i, first, end - first);
			child_end(hold[0], done[1]);
		}
	}
	while (made < connections && children < CHILDREN_MAX) {
		unsigned long part = connections - made;

		if (part > CONNECTIONS_PER_CHILD)
			part = CONNECTIONS_PER_CHILD;
		if (fork() == 0) {
			child_begin(hold[1], done[0]);
			make_established(listener, made, part, plan->destinations);
			child_end(hold[0], done[1]);
		}
		made += part;
		children++;
	}
	return children;
}

static int wait_for_children(int done, unsigned children)
{
	char bytes[64];
	ssize_t got;

	while (children && (got = read(done, bytes, sizeof(bytes))) > 0)
		children -= (unsigned)got;
	return children ? -1 : 0;
}

static void hold_until_told(unsigned long timeout_s)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char bytes[64];

	while (poll(&input, 1, (int)timeout_s * 1000) > 0)
		if (read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
			return;
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || value > 10000000) {
		fprintf(stderr, "hold_sockets: %s: expected a number up to 10000000\n", text);
		exit(3);
	}
	return value;
}

static struct plan read_options(int argc, char **argv)
{
	static const struct option options[] = {{"established", required_argument, NULL, 'e'},
						{"time-wait", required_argument, NULL, 't'},
						{"destinations", required_argument, NULL, 'd'},
						{"timeout", required_argument, NULL, 's'},
						{NULL, 0, NULL, 0}};
	struct plan plan = {.timeout_s = 600};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'e':
			plan.established = number(optarg);
			break;
		case 't':
			plan.time_wait = number(optarg);
			break;
		case 'd':
			plan.destinations = number(optarg);
			break;
		case 's':
			plan.timeout_s = number(optarg);
			break;
		default:
			exit(3);
		}
	}
	if (!plan.destinations)
		plan.destinations = plan.established / 2 / PER_DESTINATION + 1;
	return plan;
}

int main(int argc, char **argv)
{
	struct plan plan = read_options(argc, argv);
	struct rlimit files;
	int listener, hold[2], done[2];
	unsigned children;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	enter_namespace();
	listener = listener_new(PORT);
	if (pipe2(hold, O_CLOEXEC) < 0 || pipe2(done, O_CLOEXEC) < 0)
		die("pipe");
	children = start_children(&plan, listener, hold, done);
	close(done[1]);
	close(hold[0]);
	if (wait_for_children(done[0], children) < 0) {
		fprintf(stderr, "hold_sockets: a child gave up\n");
		return 3;
	}
	printf("ready /proc/%d/ns/net\n", (int)getpid());
	fflush(stdout);
	hold_until_told(plan.timeout_s);
	close(hold[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
