/*
 * A service for tests: accepts on ADDRESS:PORT, and drops a connection when its client has. Ends when standard input does.
 *
 *	service ADDRESS PORT
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 64

static int listen_at(char **argv)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (inet_pton(AF_INET, argv[1], &name.sin_addr) != 1 || fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 || listen(fd, 4096) < 0)
		return -1;
	return fd;
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};

	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static bool is_gone(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) >= 0 || errno != EAGAIN;
}

/* Not all of them: those that were accepted before end meanwhile. */
static void accept_some(int epoll, int listener)
{
	for (int i = 0; i < EVENTS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (is_gone(fd))
			close(fd);
		else
			watch(epoll, fd);
	}
}

int main(int argc, char **argv)
{
	int listener = argc == 3 ? listen_at(argv) : -1, epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event[EVENTS];

	if (listener < 0 || epoll < 0) {
		perror("service ADDRESS PORT");
		return 99;
	}
	watch(epoll, listener);
	watch(epoll, STDIN_FILENO);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, event, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (event[i].data.fd == STDIN_FILENO)
				return 0;
			if (event[i].data.fd == listener)
				accept_some(epoll, listener);
			else
				close(event[i].data.fd);
		}
	}
}
