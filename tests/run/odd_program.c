/*
 * A client as one meets them: what it prints must be the same with and without `ephemports run`. Ports and addresses that the
 * kernel may choose are not printed, only whether they are what was asked for.
 *
 *	odd_program CASE ADDRESS PORT [NUMBER]
 *
 * A service listens at ADDRESS:PORT, nobody at the next port. test_odd.py says in which range of ports. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILLED           4096
#define LOCAL_PORT_RANGE 51
#define LATE_BIND        24

static struct sockaddr_in service;
static unsigned number;

static const char *word(int error)
{
	return error ? strerrorname_np(error) : "fine";
}

static int new_socket(int type)
{
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		perror("socket");
		exit(99);
	}
	return fd;
}

static int try_connect(int fd, const struct sockaddr_in *to)
{
	return connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 ? errno : 0;
}

static int connected(void)
{
	int fd = new_socket(SOCK_STREAM), error = try_connect(fd, &service);

	if (!error)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

static struct sockaddr_in name_of(int fd)
{
	struct sockaddr_in name = {0};
	socklen_t length = sizeof(name);

	getsockname(fd, (struct sockaddr *)&name, &length);
	return name;
}

/* No TIME_WAIT stays. */
static void will_reset(int fd)
{
	struct linger linger = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

static void reset(int fd)
{
	will_reset(fd);
	close(fd);
}

/* --- ends of descriptors --- */

static int end_close_range(int fd)
{
	close_range((unsigned)fd, (unsigned)fd, 0);
	return dup(STDIN_FILENO); /* so that the next socket is another descriptor */
}

static int end_closefrom(int fd)
{
	closefrom(fd); /* the last one */
	return dup(STDIN_FILENO);
}

static int end_dup2(int fd)
{
	return dup2(STDIN_FILENO, fd);
}

static int end_dup3(int fd)
{
	return dup3(STDIN_FILENO, fd, O_CLOEXEC);
}

static int end_fclose(int fd)
{
	fclose(fdopen(fd, "r+"));
	return usleep(50000); /* libc closes it itself: the port is found again later */
}

/* The port is not free while the parent has it, whatever its child closes. */
static int parent_ends(pid_t child, int fd)
{
	waitpid(child, NULL, 0);
	if (connected() >= 0)
		printf("a port too many\n");
	return close(fd);
}

static int end_fork(int fd)
{
	pid_t child = fork();

	if (child == 0) {
		close(fd);
		_exit(0);
	}
	return parent_ends(child, fd);
}

/* NOLINTBEGIN(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork): programs do such things */
static int end_vfork(int fd)
{
	pid_t child = vfork();

	if (child == 0) {
		close(fd);
		_exit(0);
	}
	return parent_ends(child, fd);
}

/* Fill the range, end the last connection in each way, and connect once more: there is one port each time, never two. */
static void case_ends(void)
{
	static const struct {
		const char *name;
		int (*end)(int fd);
	} ways[] = {
		{"close", close},     {"close_range", end_close_range}, {"dup2", end_dup2},
		{"dup3", end_dup3},   {"fclose", end_fclose},           {"fork", end_fork},
		{"vfork", end_vfork}, {"closefrom", end_closefrom},
	};
	int fd[FILLED], n = 0;

	while (n < FILLED && (fd[n] = connected()) >= 0)
		will_reset(fd[n++]);
	printf("%d connections, then %s\n", n, word(errno));
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		(void)ways[i].end(fd[n - 1]);
		fd[n - 1] = connected();
		printf("%s: %s", ways[i].name, word(fd[n - 1] < 0 ? errno : 0));
		printf(", then %s\n", word(connected() < 0 ? errno : 0));
		if (fd[n - 1] < 0)
			break;
		will_reset(fd[n - 1]);
	}
}

/* --- the program's own choice --- */

static void say_choice(const char *what, int fd, uint16_t lo, uint16_t hi, const char *address)
{
	int error = try_connect(fd, &service);
	struct sockaddr_in name = name_of(fd);
	uint16_t port = ntohs(name.sin_port);
	char text[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text));
	printf("%s: %s, port %s, address %s\n", what, word(error),
	       lo <= port && port <= hi ? "kept" : "lost",
	       !address || strcmp(address, text) == 0 ? "kept" : text);
	reset(fd);
}

static void bind_to(int fd, const char *address, uint16_t port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};

	inet_pton(AF_INET, address, &name.sin_addr);
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		printf("bind %s:%u: %s\n", address, port, word(errno));
}

static void set(int fd, int level, int name, uint32_t value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		printf("option %d: %s\n", name, word(errno));
}

static void case_choice(void)
{
	int fd = new_socket(SOCK_STREAM);

	bind_to(fd, "127.0.0.1", 5555);
	say_choice("a port", fd, 5555, 5555, "127.0.0.1");
	fd = new_socket(SOCK_STREAM);
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(fd, "127.0.0.7", 5556);
	say_choice("address and port with SO_REUSEADDR", fd, 5556, 5556, "127.0.0.7");
	fd = new_socket(SOCK_STREAM);
	bind_to(fd, "127.0.0.8", 0);
	say_choice("an address", fd, 1, 65535, "127.0.0.8");
	fd = new_socket(SOCK_STREAM);
	set(fd, IPPROTO_IP, LATE_BIND, 1);
	bind_to(fd, "127.0.0.9", 0);
	say_choice("an address, bound late", fd, 1, 65535, "127.0.0.9");
	for (unsigned i = 0; i < 8; i++) {
		fd = new_socket(SOCK_STREAM);
		set(fd, IPPROTO_IP, LOCAL_PORT_RANGE, number << 16 | number);
		say_choice("a window", fd, (uint16_t)number, (uint16_t)number, NULL);
	}
	fd = new_socket(SOCK_DGRAM);
	bind_to(fd, "127.0.0.1", 5557);
	say_choice("UDP", fd, 5557, 5557, "127.0.0.1");
}

/* --- what connect() says --- */

static void say_error(const char *what, int fd, const void *address, socklen_t length)
{
	int r;

	errno = ECHILD;
	r = connect(fd, address, length);
	printf("%s: %d %s\n", what, r, word(errno));
}

static void say_answer(const char *what, const struct sockaddr_in *to)
{
	int fd = new_socket(SOCK_STREAM | SOCK_NONBLOCK), error = try_connect(fd, to), later = 0;
	struct pollfd poll_for = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(later);

	/* Over loopback it may be refused at once. */
	if (error && error != EINPROGRESS && error != ECONNREFUSED)
		printf("%s: %s at once\n", what, word(error));
	poll(&poll_for, 1, 5000);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &later, &length);
	printf("%s: in the end %s", what, word(error == ECONNREFUSED ? error : later));
	if (!later && error != ECONNREFUSED) {
		error = try_connect(fd, to);
		printf(", again %s", word(error));
		error = try_connect(fd, to);
		printf(", and again %s", word(error));
	}
	printf("\n");
	reset(fd);
}

static void case_errors(void)
{
	struct sockaddr_in nobody = service, off = service, far = service;
	struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = service.sin_port};
	int fd = new_socket(SOCK_STREAM);

	nobody.sin_port = htons((uint16_t)(ntohs(service.sin_port) + 1));
	off.sin_family = AF_UNSPEC;
	inet_pton(AF_INET, "192.0.2.1", &far.sin_addr);
	say_error("no descriptor", -1, &service, sizeof(service));
	say_error("no socket", STDIN_FILENO, &service, sizeof(service));
	say_error("too short", fd, &service, 3);
	say_error("no address", fd, NULL, 0);
	say_error("a Unix socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), &local,
		  sizeof(local));
	say_error("IPv6 by an IPv4 socket", fd, &v6, sizeof(v6));
	say_error("no route", fd, &far, sizeof(far));
	say_error("refused", new_socket(SOCK_STREAM), &nobody, sizeof(nobody));
	say_error("fine", fd, &service, sizeof(service));
	say_error("twice", fd, &service, sizeof(service));
	fd = new_socket(SOCK_DGRAM);
	say_error("UDP", fd, &service, sizeof(service));
	say_error("UDP again", fd, &service, sizeof(service));
	say_error("UDP off", fd, &off, sizeof(off));
	say_answer("without waiting", &service);
	say_answer("refused without waiting", &nobody);
}

/* A socket whose connection failed connects anew, though another has the port of its first attempt by then. */
static void case_retry(void)
{
	int fd = new_socket(SOCK_STREAM | SOCK_NONBLOCK), held[FILLED], n = 0;
	struct pollfd poll_for = {.fd = fd, .events = POLLOUT};
	struct sockaddr_in nobody = service;
	uint16_t first;

	nobody.sin_port = htons((uint16_t)(ntohs(service.sin_port) + 1));
	(void)try_connect(fd, &nobody);
	first = name_of(fd).sin_port;
	poll(&poll_for, 1, 5000);
	printf("then %s\n", word(try_connect(fd, &nobody)));
	while (n < FILLED && (held[n] = connected()) >= 0)
		will_reset(held[n++]);
	for (int i = 0; i < n; i++)
		if (name_of(held[i]).sin_port != first) {
			close(held[i]);
			break;
		}
	fcntl(fd, F_SETFL, 0);
	(void)try_connect(fd, &service); /* the first may still be about the failure */
	printf("%d others, then %s\n", n, word(try_connect(fd, &service)));
	reset(fd);
}

/* --- processes, threads, signals --- */

static _Atomic unsigned made, exhausted, other;

static void count(int error)
{
	atomic_fetch_add(!error ? &made : error == EADDRNOTAVAIL ? &exhausted : &other, 1);
	if (error && error != EADDRNOTAVAIL)
		printf("%s\n", word(error));
}

static void *many(void *unused)
{
	for (unsigned i = 0; i < number; i++) {
		int fd = connected();

		count(fd < 0 ? errno : 0);
		if (fd >= 0)
			reset(fd);
	}
	return unused;
}

static void case_threads(void)
{
	pthread_t thread[8];

	for (int i = 0; i < 8; i++)
		pthread_create(&thread[i], NULL, many, NULL);
	for (int i = 0; i < 8; i++)
		pthread_join(thread[i], NULL);
	printf("%u made, %u without a port, %u failed\n", made, exhausted, other);
}

_Noreturn static void connect_and_exit(void)
{
	int fd = connected();

	if (fd >= 0)
		will_reset(fd);
	_exit(fd < 0);
}

static pid_t storm_child(unsigned i)
{
	pid_t child = i % 3 == 2 ? vfork() : fork();

	if (child == 0) {
		if (i % 3 == 0)
			connect_and_exit();
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	return child;
}

/* Children that connect, execute, or only end, while threads of the parent connect. */
static void case_storm(void)
{
	unsigned good = 0;
	pthread_t thread[2];
	int status;

	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, many, NULL);
	for (unsigned i = 0; i < number; i++)
		good += waitpid(storm_child(i), &status, 0) > 0 && status == 0;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	printf("%u children, %u made, %u without a port, %u failed\n", good, made, exhausted,
	       other);
}

static void on_alarm(int signal)
{
	int saved = errno, fd = connected();

	(void)signal;
	atomic_fetch_add(fd < 0 ? &other : &made, 1);
	if (fd >= 0)
		reset(fd);
	errno = saved;
}

/* connect() from a signal handler, into malloc(), connect() and close(). */
static void case_signal(void)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 500}, {0, 500}}, never = {0};
	unsigned bad = 0;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned i = 0; i < number; i++) {
		char *text = malloc(i % 5000 + 1);
		int fd = connected();

		bad += fd < 0 && errno != EINTR;
		if (fd >= 0)
			reset(fd);
		free(text);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%u failed, %u failed in the handler, %s\n", bad, other,
	       made ? "some made there" : "none made there");
}

/* --- where a program connects from --- */

static void say_from(void)
{
	int fd = connected();
	struct sockaddr_in none = {0}, name = fd < 0 ? none : name_of(fd);
	char text[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text));
	if (getenv("ODD_PORT"))
		printf("port %u\n", ntohs(name.sin_port));
	else
		printf("%s\n", fd < 0 ? word(errno) : text);
	if (fd >= 0)
		reset(fd);
}

/* What a server does before it connects. */
static void case_jail(void)
{
	if (chdir("/var/empty") < 0 && chdir("/proc/self/fdinfo") < 0)
		perror("chdir");
	if (chroot(".") < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		perror("jail");
	say_from();
}

static void case_vfork(void)
{
	pid_t child = vfork();

	if (child == 0) {
		int fd = connected();

		_exit(fd < 0 ? errno : 0);
	}
	waitpid(child, NULL, 0);
	say_from();
}

static void case_descriptors(void)
{
	int fd = connected();

	for (int i = 0; i < 64; i++)
		if (fcntl(i, F_GETFD) >= 0)
			printf("%d%s ", i, fcntl(i, F_GETFD) & FD_CLOEXEC ? " ends at exec" : "");
	printf("\n");
	close(fd);
}

static int to_close_at_exit = -1;

/* After main(), when much is gone already. */
__attribute__((destructor)) static void after_main(void)
{
	if (to_close_at_exit >= 0) {
		reset(to_close_at_exit);
		printf("after main: ");
		say_from();
		fflush(stdout);
	}
}

static void case_late(void)
{
	to_close_at_exit = connected();
}

/* --- ports without a connection --- */

static void say_port(const char *what, int fd)
{
	struct sockaddr_in name = name_of(fd);
	char text[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text));
	printf("%s %u %s\n", what, ntohs(name.sin_port), text);
}

static void say_sent(const char *what, int fd, long sent)
{
	if (sent < 0)
		printf("%s %s\n", what, word(errno));
	else
		say_port(what, fd);
}

/* Where datagrams are sent from, and where programs listen that asked for any port. */
static void case_ports(void)
{
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(9999)};
	struct iovec byte = {.iov_base = (char[]){0}, .iov_len = 1};
	struct msghdr message = {.msg_name = &service,
				 .msg_namelen = sizeof(service),
				 .msg_iov = &byte,
				 .msg_iovlen = 1};
	struct mmsghdr messages = {.msg_hdr = message};
	int fd = new_socket(SOCK_DGRAM), other_fd;

	say_sent("sendto", fd, sendto(fd, "", 1, 0, (struct sockaddr *)&service, sizeof(service)));
	say_sent("again", fd, sendto(fd, "", 1, 0, (struct sockaddr *)&service, sizeof(service)));
	fd = new_socket(SOCK_DGRAM);
	say_sent("sendmsg", fd, sendmsg(fd, &message, 0));
	fd = new_socket(SOCK_DGRAM);
	say_sent("sendmmsg", fd, sendmmsg(fd, &messages, 1, 0));
	fd = new_socket(SOCK_DGRAM);
	inet_pton(AF_INET, "239.1.2.3", &group.sin_addr);
	set(fd, IPPROTO_IP, IP_MULTICAST_IF, htonl(INADDR_LOOPBACK));
	say_sent("multicast", fd, sendto(fd, "", 1, 0, (struct sockaddr *)&group, sizeof(group)));
	fd = new_socket(SOCK_DGRAM);
	bind_to(fd, "0.0.0.0", 0);
	say_port("udp", fd);
	fd = new_socket(SOCK_STREAM);
	bind_to(fd, "0.0.0.0", 0);
	say_port("tcp", fd);
	fd = new_socket(SOCK_STREAM);
	listen(fd, 1);
	say_port("listen", fd);
	fd = new_socket(SOCK_STREAM);
	set(fd, IPPROTO_IP, LATE_BIND, 1);
	bind_to(fd, "127.0.0.1", 0);
	say_port("late", fd);
	other_fd = fd;
	fd = new_socket(SOCK_STREAM);
	bind_to(fd, "127.0.0.1", 5558);
	say_port("own", fd);
	reset(other_fd);
}

static bool read_service(char **argv)
{
	service = (struct sockaddr_in){.sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10))};
	number = argv[4] ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
	return inet_pton(AF_INET, argv[2], &service.sin_addr) == 1;
}

/* Before main(), and perhaps before the preloaded library: constructors with a priority come first. */
__attribute__((constructor(101))) static void before_main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "early") == 0 && read_service(argv)) {
		printf("before main: ");
		say_from();
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"choice", case_choice},   {"descriptors", case_descriptors},
	{"early", say_from},       {"ends", case_ends},
	{"errors", case_errors},   {"from", say_from},
	{"jail", case_jail},       {"late", case_late},
	{"ports", case_ports},     {"retry", case_retry},
	{"signal", case_signal},   {"storm", case_storm},
	{"threads", case_threads}, {"vfork", case_vfork},
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 3 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, argv[1]) == 0 && read_service(argv)) {
			cases[i].run();
			return 0;
		}
	fprintf(stderr, "usage: odd_program CASE ADDRESS PORT [NUMBER]\n");
	return 99;
}
/* NOLINTEND(clang-analyzer-security.insecureAPI.vfork,clang-analyzer-unix.Vfork) */
