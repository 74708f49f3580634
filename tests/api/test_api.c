/*
 * The C library as a program has it that was installed from nowhere but the staged files: this header, this library, in a
 * network namespace of its own. Every public function, and what each refuses.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ephemports.h>

#define PORTS 16

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition,        \
				strerror(errno));                                                  \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void enter_netns(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	unsigned uid = geteuid();
	char map[32];
	int fd;

	if (unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWNET | CLONE_NEWUSER) < 0) {
		printf("SKIP: no network namespace of our own: %s\n", strerror(errno));
		exit(77);
	}
	if (uid) {
		snprintf(map, sizeof(map), "0 %u 1", uid);
		write_file("/proc/self/uid_map", map);
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0);
	close(fd);
	write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40015");
}

static struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static void listens(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 128) == 0);
}

static struct eph_capacity capacity_of(uint16_t port)
{
	struct eph_capacity capacity = {.sz = sizeof(capacity)};
	struct sockaddr_in to = loopback(port);
	struct eph_error error = {.message = ""};

	if (eph_capacity((struct sockaddr *)&to, NULL, IPPROTO_TCP, &capacity, &error) < 0) {
		fprintf(stderr, "eph_capacity: %s\n", error.message);
		exit(1);
	}
	CHECK(capacity.range_ports == capacity.reserved + capacity.blocked + capacity.in_use +
					      capacity.time_wait + capacity.left_max);
	CHECK(capacity.collector[0]);
	return capacity;
}

/* Fill the range; the library says before what it then does. */
static void connects(struct eph_pool *pool)
{
	struct sockaddr_in to = loopback(9001);
	struct eph_pool_counts counts = {.sz = sizeof(counts)};
	struct eph_capacity before = capacity_of(9001);
	int fd[PORTS + 1];
	unsigned n = 0;

	CHECK(before.left == PORTS && before.exact);
	for (; n <= PORTS; n++) {
		fd[n] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (eph_connect(pool, fd[n], (struct sockaddr *)&to, sizeof(to)) < 0)
			break;
	}
	CHECK(errno == EADDRNOTAVAIL && n == PORTS);
	CHECK(capacity_of(9001).left_max == 0 && capacity_of(9001).in_use == PORTS);
	CHECK(capacity_of(9002).left_max == PORTS);
	eph_pool_count(pool, &counts);
	CHECK(counts.connections == PORTS && counts.refused == 1 && counts.failed == 0);
	for (unsigned i = 0; i <= PORTS; i++) {
		struct linger linger = {1, 0};

		setsockopt(fd[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		errno = E2BIG;
		eph_release(pool, fd[i]);
		CHECK(errno == E2BIG);
		close(fd[i]);
	}
	eph_release(pool, -1);
	eph_release(pool, 1 << 30);
}

static void binds(struct eph_pool *pool)
{
	struct sockaddr_in any = loopback(0);
	struct eph_bind_answer answer = {.sz = sizeof(answer)};
	socklen_t length = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(eph_bind(pool, fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&any, &length) == 0);
	CHECK(ntohs(any.sin_port) >= 40000 && ntohs(any.sin_port) <= 40015);
	CHECK(eph_bind_verdict((struct sockaddr *)&any, IPPROTO_TCP, 0, &answer, NULL) == 0);
	CHECK(answer.error == EADDRINUSE && answer.holders == 1 && answer.collector[0]);
	close(fd);
	CHECK(eph_bind_verdict((struct sockaddr *)&any, IPPROTO_TCP, EPH_BIND_NO_LISTEN, &answer,
			       NULL) == 0);
	CHECK(answer.error == 0 && answer.holders == 0);
}

static void refuses_options(void)
{
	static const char *const bad_from[] = {"192.0.2.1"};
	struct eph_pool_options options = {.sz = sizeof(options), .range = "40015-40000"};
	struct eph_pool *pool = (struct eph_pool *)0x1;
	struct eph_error error;

	CHECK(eph_pool_new(&options, &pool, &error) == -EINVAL && error.code == -EINVAL);
	CHECK(error.message[0] && !strchr(error.message, '\n'));
	CHECK(eph_pool_new(NULL, &pool, NULL) == -EINVAL);
	options = (struct eph_pool_options){.sz = 4};
	CHECK(eph_pool_new(&options, &pool, NULL) == -EINVAL);
	options =
		(struct eph_pool_options){.sz = sizeof(options), .from = bad_from, .from_count = 1};
	CHECK(eph_pool_new(&options, &pool, &error) == -EADDRNOTAVAIL);
	CHECK(strstr(error.message, "192.0.2.1"));
	options = (struct eph_pool_options){.sz = sizeof(options),
					    .memory_fd = memfd_create("small", MFD_CLOEXEC)};
	CHECK(eph_pool_new(&options, &pool, &error) == -EINVAL);
	close(options.memory_fd);
	CHECK(pool == (struct eph_pool *)0x1);
	CHECK(eph_pool_free(NULL) == NULL);
}

static void refuses_questions(void)
{
	struct eph_capacity capacity = {.sz = sizeof(capacity)};
	struct eph_bind_answer answer = {.sz = sizeof(answer)};
	struct sockaddr_in to = loopback(9001), none = loopback(0);
	struct sockaddr unix_address = {.sa_family = AF_UNIX};
	struct eph_error error;

	CHECK(eph_capacity((struct sockaddr *)&to, NULL, IPPROTO_ICMP, &capacity, &error) ==
	      -EPROTONOSUPPORT);
	CHECK(eph_capacity(&unix_address, NULL, IPPROTO_TCP, &capacity, &error) == -EAFNOSUPPORT);
	CHECK(eph_capacity(NULL, NULL, IPPROTO_TCP, &capacity, NULL) == -EAFNOSUPPORT);
	CHECK(eph_capacity((struct sockaddr *)&none, NULL, IPPROTO_TCP, &capacity, &error) ==
	      -EINVAL);
	capacity.sz = 8;
	CHECK(eph_capacity((struct sockaddr *)&to, NULL, IPPROTO_TCP, &capacity, &error) ==
	      -EINVAL);
	CHECK(eph_bind_verdict((struct sockaddr *)&none, IPPROTO_TCP, 0, &answer, &error) ==
	      -EINVAL);
	CHECK(eph_bind_verdict((struct sockaddr *)&to, 0, 0, &answer, &error) == -EPROTONOSUPPORT);
}

/* Two processes, one memory: what one has connected the other counts. */
static void shares_memory(void)
{
	struct eph_pool_options options = {.sz = sizeof(options),
					   .memory_fd = memfd_create("pool", MFD_CLOEXEC)};
	struct eph_pool_counts counts = {.sz = sizeof(counts)};
	struct sockaddr_in to = loopback(9002);
	struct eph_pool *pool;
	int status;
	pid_t child;

	CHECK(ftruncate(options.memory_fd, (off_t)eph_pool_memory_bytes()) == 0);
	CHECK(eph_pool_new(&options, &pool, NULL) == 0);
	child = fork();
	if (child == 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		_exit(eph_connect(pool, fd, (struct sockaddr *)&to, sizeof(to)) < 0);
	}
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	eph_pool_count(pool, &counts);
	CHECK(counts.connections == 1);
	eph_pool_free(pool);
	close(options.memory_fd);
}

int main(void)
{
	struct eph_pool_options options = {.sz = sizeof(options)};
	struct eph_pool *pool;

	enter_netns();
	listens(9001);
	listens(9002);
	CHECK(eph_pool_new(&options, &pool, NULL) == 0);
	printf("%s\n", eph_pool_describe(pool));
	connects(pool);
	binds(pool);
	refuses_options();
	refuses_questions();
	CHECK(eph_pool_free(pool) == NULL);
	shares_memory();
	return 0;
}
