/*
 * A random state of TCP and UDP sockets in a network namespace of its own, made from a seed: the same seed gives the same
 * actions. (The kernel's own choices, such as which port an automatic bind gets, are random; a case is judged by what
 * the kernel then shows, so a replay meets the same kind of state, not the same bytes.)
 *
 * The calling process must be expendable: it moves into the namespace and never comes back.
 *
 *	state_enter_netns() ; state_init(&state, seed) ; state_build(&state) ; ... ; state_done(&state)
 */
#ifndef EPH_TESTS_KERNEL_STATE_H
#define EPH_TESTS_KERNEL_STATE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "port_range.h"
#include "strbuf.h"

#define STATE_ITEMS_MAX 256u
/* ports with a listener that takes every connection; the first is outside the range */
#define STATE_SERVICES 2u

/* Behind the veth pair: a SYN goes there and nothing comes back. */
#define STATE_SILENT_V4 "10.9.1.99"
#define STATE_SILENT_V6 "fd00:1::99"

struct state_endpoint {
	struct sockaddr_storage address;
	socklen_t length;
};

/* The options of a socket before it asks for a port; the socket that is measured has them too. */
struct state_flow {
	int family;              /* AF_INET, AF_INET6 */
	const char *source;      /* bound to it with IP_BIND_ADDRESS_NO_PORT; NULL: unbound */
	const char *destination; /* text; "::ffff:127.0.0.1" on AF_INET6 */
	uint16_t port;
	const char *device; /* SO_BINDTODEVICE, or NULL */
	bool has_window;
	struct port_range window;
	bool reuseaddr, reuseport, v6only;
};

struct state_item {
	int fd, peer; /* peer: the accepted end, or -1 */
};

struct state {
	uint64_t random;
	struct port_range range;
	struct state_flow target; /* what will be measured; half of the connections go there */
	int service[STATE_SERVICES];
	uint16_t service_port[STATE_SERVICES];
	struct state_item item[STATE_ITEMS_MAX];
	unsigned items;
	uint32_t tw_reuse;     /* tcp_tw_reuse */
	uint32_t tw_delay_ms;  /* tcp_tw_reuse_delay, or 0 where the kernel has none */
	bool tw_delay_between; /* some TIME_WAIT are older, some younger than the delay */
	/* monotonic: before and after the pause that tells them apart */
	int64_t last_old_ms, first_young_ms;
	struct strbuf log; /* what was done, to print when the case fails */
};

/* New user (unless root) and network namespaces, lo up, addresses, a veth pair (v0, v1). Return: 0 or negative errno. */
int state_enter_netns(void);
int state_write_file(const char *path, const char *text); /* a setting; 0 or negative errno */

void state_init(struct state *state, uint64_t seed); /* sysctls, range, target */
void state_build(struct state *state);               /* the sockets */
void state_done(struct state *state);

/* An unconnected socket with the options of @flow; negative errno. state_open() leaves out its source and window. */
int state_open(const struct state_flow *flow, int type);
int state_socket(const struct state_flow *flow, int type);
int state_connect(int fd,
		  const struct state_flow *flow); /* 0 (also when in progress) or negative errno */
void state_describe_flow(const struct state_flow *flow, struct strbuf *out);
/* What became of the sockets made, a line each: the state by number and the pending error. */
void state_describe_sockets(const struct state *state, struct strbuf *out);

uint32_t state_random(struct state *state, uint32_t below); /* 0 .. below - 1 */
int64_t state_now_ms(void);                                 /* monotonic */
struct state_endpoint state_endpoint(int family, const char *text, uint16_t port);

#endif
