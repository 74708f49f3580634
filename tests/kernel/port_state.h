/*
 * Random sockets on one port of a network namespace, made from a seed: listening, bound, connected, accepted, TIME_WAIT,
 * some closed again, some with options or owner changed later. The namespace is that of state.h; its ephemeral range must
 * contain the port, tcp_tw_reuse must be off.
 */
#ifndef EPH_TESTS_KERNEL_PORT_STATE_H
#define EPH_TESTS_KERNEL_PORT_STATE_H

#include "state.h"

#define PORT_STATE_ITEMS_MAX 64u
#define PORT_STATE_SERVICE   7001u /* a listener elsewhere, for connections from the port */

/* A socket and what it asks for. */
struct wish {
	int family;
	const char *address;
	uint16_t port;
	bool reuseaddr, reuseport, v6only, freebind;
	uint32_t uid;
	const char *device;
};

struct item {
	int fd, peer;
};

struct bench {
	struct state random; /* only its generator and log */
	int type;
	uint16_t port;
	int service;
	struct item item[PORT_STATE_ITEMS_MAX];
	unsigned items;
	bool crowded; /* UDP: more sockets than one chain is searched for */
	struct strbuf complaint;
};

int port_state_open_service(void); /* its descriptor or negative errno */
void port_state_populate(struct bench *bench);
void port_state_done(struct bench *bench);

struct wish port_state_wish(struct bench *bench);
void port_state_describe(const struct wish *wish, struct strbuf *out);
int port_state_open(const struct wish *wish,
		    int type); /* with its options, unbound; negative errno */
int port_state_bind(int fd, const struct wish *wish, uint16_t port); /* 0 or negative errno */

uint32_t port_state_below(struct bench *bench, uint32_t n); /* 0 .. n - 1 */
bool port_state_chance(struct bench *bench, uint32_t percent);

#endif
