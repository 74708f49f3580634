#include "pool_case.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void expect(bool condition, const char *file, int line, const char *text, const char *format, ...)
{
	va_list arguments;

	if (condition)
		return;
	fprintf(stderr, "%s:%d: %s: ", file, line, text);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void case_sysctl(const char *name, const char *value)
{
	char path[128];
	int r;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	r = state_write_file(path, value);
	EXPECT(r == 0, "%s = %s: %s", name, value, strerror(-r));
}

void case_begin(const char *range)
{
	struct rlimit files;
	int r = state_enter_netns();

	if (r < 0) {
		printf("SKIP: no network namespace of our own: %s\n", strerror(-r));
		exit(77);
	}
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	case_sysctl("ipv4/ip_local_port_range", range);
	case_sysctl("ipv4/tcp_tw_reuse", "0");
	case_sysctl("core/somaxconn", "65535");
}

int case_listener(const struct state_endpoint *at)
{
	int fd = case_socket(at->address.ss_family, SOCK_STREAM), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	EXPECT(bind(fd, (const struct sockaddr *)&at->address, at->length) == 0 &&
		       listen(fd, 65535) == 0,
	       "%s", strerror(errno));
	return fd;
}

struct eph_pool *case_pool(const char *range, const char *from, enum eph_time_wait time_wait,
			   bool windows)
{
	struct eph_pool_options options = {
		.sz = sizeof(options),
		.range = range,
		.from = from ? &from : NULL,
		.from_count = from ? 1 : 0,
		.time_wait = time_wait,
		.memory_fd = -1,
	};
	struct eph_error error;
	struct eph_pool *pool = NULL;
	int r = eph_pool_new(&options, &pool, &error);

	EXPECT(r == 0, "%s", error.message);
	if (!windows)
		pool->windows = false;
	return pool;
}

int case_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	EXPECT(fd >= 0, "socket: %s", strerror(errno));
	return fd;
}

int case_connect(struct eph_pool *pool, int type, const struct state_endpoint *to)
{
	int fd = case_socket(to->address.ss_family, type), error;

	if (eph_connect(pool, fd, (const struct sockaddr *)&to->address, to->length) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

uint16_t case_port(int fd)
{
	struct sockaddr_in6 name = {0};
	socklen_t length = sizeof(name);

	EXPECT(getsockname(fd, (struct sockaddr *)&name, &length) == 0, "%s", strerror(errno));
	return ntohs(name.sin6_port); /* at the same place in sockaddr_in */
}

void case_reset(int fd)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

void case_rest(int fd, int listener)
{
	struct pollfd end = {.events = POLLIN};
	char byte;

	close(fd);
	end.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	EXPECT(end.fd >= 0, "accept: %s", strerror(errno));
	EXPECT(poll(&end, 1, 5000) == 1 && read(end.fd, &byte, 1) == 0, "no end: %s",
	       strerror(errno));
	close(end.fd);
}
