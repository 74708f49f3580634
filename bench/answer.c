/*
 * A service for bench/million: several processes that accept on one address and port (SO_REUSEPORT), because one may hold only
 * so many files. Each connection is kept, and its first request answered as HTTP; with an answer to each a million busy
 * connections would leave no processor to count them. Prints "ready", ends when standard input does.
 *
 *	answer ADDRESS PORT PROCESSES
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG   (1 << 20)
#define EVENTS    256
#define FILES_MAX (1 << 20)

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static bool answered[FILES_MAX];

static void die(const char *what)
{
	fprintf(stderr, "answer: %s: %s\n", what, strerror(errno));
	exit(3);
}

static int listener_new(const char *address, const char *port)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (inet_pton(AF_INET, address, &name.sin_addr) != 1 || fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, BACKLOG) < 0)
		die("listener");
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

static void accept_all(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		answered[fd % FILES_MAX] = false;
		watch(epoll, fd);
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		die("accept");
}

static void reply(int fd)
{
	char request[4096];
	ssize_t n = recv(fd, request, sizeof(request), 0);

	if (n > 0 && !answered[fd % FILES_MAX]) {
		answered[fd % FILES_MAX] = true;
		n = send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		close(fd);
}

_Noreturn static void serve(int listener)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	watch(epoll, listener);
	for (;;) {
		struct epoll_event event[EVENTS];
		int n = epoll_wait(epoll, event, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (event[i].data.fd == listener)
				accept_all(epoll, listener);
			else
				reply(event[i].data.fd);
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long processes = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	struct rlimit files;
	char byte;

	if (!processes || processes > 1024) {
		fputs("usage: answer ADDRESS PORT PROCESSES\n", stderr);
		return 3;
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (unsigned long i = 0; i < processes; i++) {
		int listener = listener_new(argv[1], argv[2]);
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (child == 0)
			serve(listener);
		close(listener);
	}
	puts("ready");
	fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) < 0;
}
