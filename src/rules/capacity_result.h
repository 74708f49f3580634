/*
 * The answer of capacity_count(): how many more connections from here to there. All counts are ports of `range`; the
 * five of them, reserved + blocked + in_use + time_wait + left_max, add up to its width, each port counted in the first
 * that applies.
 */
#ifndef EPH_RULES_CAPACITY_RESULT_H
#define EPH_RULES_CAPACITY_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "ip_address.h"
#include "port_range.h"

#define CAPACITY_FREES_MAX 8

struct capacity_frees {
	uint32_t seconds,
		/* after so many seconds, so many more TIME_WAIT ports are usable than in the entry before */
		ports;
};

struct capacity_result {
	uint8_t protocol;       /* enum socket_protocol */
	struct ip_address from; /* IP_NONE when it is not known */
	struct ip_address to;
	uint16_t to_port;
	/* the ports the kernel may choose from: namespace range narrowed by the socket's */
	struct port_range range;
	uint32_t reserved;           /* in ip_local_reserved_ports */
	uint32_t blocked;            /* bind bucket closed; UDP: held by another socket */
	uint32_t in_use;             /* the 4-tuple exists */
	uint32_t time_wait;          /* the 4-tuple is in TIME_WAIT and cannot be taken over now */
	uint32_t time_wait_reusable; /* of left_max: replaces a TIME_WAIT */
	uint32_t left, left_max;     /* certain, possible */
	/* connections after which the kernel's search becomes slow: ports of the first parity */
	uint32_t knee;
	bool unlimited;           /* UDP with SO_REUSEADDR or SO_REUSEPORT: ports repeat */
	bool exact;               /* left == left_max, and the rules are proven on this kernel */
	uint32_t inexact_because; /* enum snapshot_gap */
	struct capacity_frees frees[CAPACITY_FREES_MAX];
	unsigned n_frees;
};

#endif
