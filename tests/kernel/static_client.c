/*
 * A client that no library can be loaded into: linked statically, as Go programs are. What each connection has got is
 * printed: "SOURCE COUNT" a line, then "errno NAME" of the first that failed. Connections stay open until the end.
 *
 *	static_client connect ADDRESS PORT COUNT [wait]		until one fails; wait: for the end of standard input
 *	static_client udp     ADDRESS PORT COUNT
 *	static_client bound   ADDRESS PORT LOCAL [PORT]		binds first (without a port: IP_BIND_ADDRESS_NO_PORT)
 *	static_client again   ADDRESS PORT COUNT		one socket: refused COUNT times (port 1), then connected
 *	static_client undo    ADDRESS PORT COUNT		one UDP socket: connected and AF_UNSPEC, COUNT times
 *	static_client cycle   ADDRESS PORT COUNT		connected and closed with a reset, COUNT times
 *	static_client fork    ADDRESS PORT COUNT		the same as connect, by a grandchild
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOURCES 2048

struct name {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length;
};

static struct {
	char text[INET6_ADDRSTRLEN];
	unsigned count;
} seen[SOURCES];

static bool read_name(const char *address, const char *port, struct name *ret)
{
	uint16_t number = htons((uint16_t)strtoul(port, NULL, 10));

	*ret = (struct name){0};
	if (inet_pton(AF_INET, address, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = number;
		ret->length = sizeof(ret->v4);
		return true;
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = number;
	ret->length = sizeof(ret->v6);
	return inet_pton(AF_INET6, address, &ret->v6.sin6_addr) == 1;
}

static void note(int fd)
{
	struct name own = {.length = sizeof(own.v6)};
	char text[INET6_ADDRSTRLEN];
	unsigned i;

	getsockname(fd, &own.any, &own.length);
	if (own.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &own.v4.sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &own.v6.sin6_addr, text, sizeof(text));
	for (i = 0; i < SOURCES - 1 && seen[i].count && strcmp(seen[i].text, text) != 0; i++)
		;
	memcpy(seen[i].text, text, sizeof(text));
	seen[i].count++;
}

/* Closed, it leaves nothing: no TIME_WAIT is in the way of the next. */
static int new_socket(const struct name *to, int type)
{
	const struct linger reset = {.l_onoff = 1};
	int fd = socket(to->any.sa_family, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

static int connect_many(const struct name *to, int type, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		int fd = new_socket(to, type);

		if (fd < 0 || connect(fd, &to->any, to->length) < 0)
			return errno;
		note(fd);
	}
	return 0;
}

static int connect_bound(const struct name *to, const char *local, const char *port)
{
	int fd = new_socket(to, SOCK_STREAM), on = 1;
	struct name own;

	if (!read_name(local, port ? port : "0", &own) ||
	    (!port && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0) ||
	    bind(fd, &own.any, own.length) < 0 || connect(fd, &to->any, to->length) < 0)
		return errno;
	note(fd);
	return 0;
}

static int connect_again(const struct name *to, unsigned long count)
{
	int fd = new_socket(to, SOCK_STREAM);
	struct name closed = *to;

	closed.v4.sin_port = htons(1); /* the port is at the same place in both */
	for (unsigned long i = 0; i < count; i++) {
		if (connect(fd, &closed.any, closed.length) == 0 || errno != ECONNREFUSED)
			return errno ? errno : EISCONN;
		note(fd);
	}
	if (connect(fd, &to->any, to->length) < 0)
		return errno;
	note(fd);
	return 0;
}

static int connect_undone(const struct name *to, unsigned long count)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	int fd = new_socket(to, SOCK_DGRAM);

	for (unsigned long i = 0; i < count; i++) {
		if (connect(fd, &to->any, to->length) < 0)
			return errno;
		note(fd);
		if (connect(fd, &none, sizeof(none)) < 0)
			return errno;
	}
	return 0;
}

static int connect_cycle(const struct name *to, unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		int fd = new_socket(to, SOCK_STREAM);

		if (connect(fd, &to->any, to->length) < 0)
			return errno;
		note(fd);
		close(fd);
	}
	return 0;
}

static int print(int error)
{
	for (unsigned i = 0; i < SOURCES && seen[i].count; i++)
		printf("%s %u\n", seen[i].text, seen[i].count);
	if (error)
		printf("errno %s\n", strerrorname_np(error));
	fflush(stdout);
	return error != 0;
}

/* In a child of a child; its exit status is handed up. */
static bool is_elder(int *ret_status)
{
	for (int i = 0; i < 2; i++) {
		pid_t child = fork();

		if (child > 0) {
			waitpid(child, ret_status, 0);
			*ret_status = WIFEXITED(*ret_status) ? WEXITSTATUS(*ret_status) : 99;
			return true;
		}
	}
	return false;
}

static int go(char **argv, int argc, const struct name *to)
{
	unsigned long count = strtoul(argv[4], NULL, 10);

	if (strcmp(argv[1], "udp") == 0)
		return connect_many(to, SOCK_DGRAM, count);
	if (strcmp(argv[1], "bound") == 0)
		return connect_bound(to, argv[4], argc > 5 ? argv[5] : NULL);
	if (strcmp(argv[1], "again") == 0)
		return connect_again(to, count);
	if (strcmp(argv[1], "undo") == 0)
		return connect_undone(to, count);
	if (strcmp(argv[1], "cycle") == 0)
		return connect_cycle(to, count);
	return connect_many(to, SOCK_STREAM, count);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct name to;
	char byte;
	int status;

	if (argc < 5 || !read_name(argv[2], argv[3], &to))
		return 3;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (strcmp(argv[1], "fork") == 0 && is_elder(&status))
		return status;
	status = print(go(argv, argc, &to));
	if (argc > 5 && strcmp(argv[5], "wait") == 0)
		(void)!read(STDIN_FILENO, &byte, 1);
	return status;
}
