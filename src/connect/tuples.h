/*
 * Exact questions to the kernel by sock_diag: which of up to 64 local ports are connected from one address to another. Needs
 * no privilege, and walks no table: half a microsecond a port, and three for the first.
 */
#ifndef EPH_CONNECT_TUPLES_H
#define EPH_CONNECT_TUPLES_H

#include <stdint.h>

#include "ip_address.h"

struct tuples {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	struct ip_address from, to;
	uint16_t to_port;
	uint32_t device;   /* that the asking socket is bound to, 0 none */
	uint32_t delay_ms; /* a TIME_WAIT is old when it is older than this (tcp_tw_reuse_delay) */
};

/* A bit a port: bit 0 is the first port of the word. */
struct tuples_seen {
	uint64_t live;      /* a connection, or one on its way */
	uint64_t time_wait; /* none of these, but a TIME_WAIT or FIN_WAIT2 without a socket */
	uint64_t old;       /* of these: TIME_WAIT, and old */
};

/* A descriptor for tuples_look(), to be closed by the caller. Return: it, or a negative errno. */
int tuples_open(void);

/**
 * tuples_look() - ask for the ports word * 64 + bit of @ports
 * Return: 0 or a negative errno, with nothing in @ret.
 */
int tuples_look(int fd, const struct tuples *tuples, unsigned word, uint64_t ports,
		struct tuples_seen *ret);

#endif
