/*
 * What the tests of the C library share: a namespace with a small range, services on loopback, pools, and connections that are
 * closed in the way a case needs.
 */
#ifndef EPH_TESTS_KERNEL_POOL_CASE_H
#define EPH_TESTS_KERNEL_POOL_CASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "pool.h"
#include "state.h"

/* Says what was expected and where, and ends the test with status 1. */
#define EXPECT(condition, ...) expect((condition), __FILE__, __LINE__, #condition, __VA_ARGS__)
void expect(bool condition, const char *file, int line, const char *text, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Into a namespace of its own, or exit with 77. @range as in the sysctl: "40000 40031". tcp_tw_reuse is 0. */
void case_begin(const char *range);
void case_sysctl(const char *name, const char *value); /* below /proc/sys/net/ */

/* A listener with room for every connection of the test; the descriptor. */
int case_listener(const struct state_endpoint *at);

/* A pool of the range ("20000-20015", NULL: the host's) and sources (NULL: none). @windows: false switches them off. */
struct eph_pool *case_pool(const char *range, const char *from, enum eph_time_wait time_wait,
			   bool windows);

int case_socket(int family, int type);
/* A socket of the pool connected to @to, or -1 and errno. */
int case_connect(struct eph_pool *pool, int type, const struct state_endpoint *to);
uint16_t case_port(int fd);
void case_reset(int fd); /* close, at once and without TIME_WAIT */

/* Close @fd so that its port rests in TIME_WAIT, by the other end of it at @listener. */
void case_rest(int fd, int listener);

#endif
