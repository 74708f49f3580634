/*
 * What the processes of one pool know of the kernel's ports: per flow (protocol, source, destination) one bit a port,
 * "taken as far as we know". Lives in memory that several processes map, and is written without locks by all of them.
 *
 * Never to be assumed: that it is true. Sockets of others come and go unseen, a process may be killed at any instruction,
 * flows that share a hash share their bits, and an old flow gives its place to a new one. A wrong "taken" costs nothing
 * until the others are gone, a wrong "free" one failed attempt: the kernel judges (flat_connect.c).
 */
#ifndef EPH_CONNECT_KNOWN_PORTS_H
#define EPH_CONNECT_KNOWN_PORTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port_set.h"
#include "tuple_locks.h"

struct ip_address;

#define KNOWN_FLOW_SETS 256u

/* Flows that one hash may have; the one that was not used for longest gives way. */
#define KNOWN_FLOW_WAYS 8u

struct known_flow {
	_Atomic uint64_t key;  /* hash of the flow, 0: free */
	_Atomic uint64_t used; /* when, by known_ports.clock */
	/* All sources were asked at refused_ms, when known_ports.freed was refused_freed, and none had a port. Kept in the flow
	 * without a source. */
	_Atomic uint64_t refused_freed;
	_Atomic uint32_t refused_ms;
	/* Attempts since the last look at the kernel's sockets that met a port of others, when that was and how long it took. */
	_Atomic uint32_t missed, looked_ms, look_ms;
	_Atomic uint32_t
		count; /* ports taken, about: two who clear a flow at once may leave it wrong */
	_Atomic uint64_t taken[PORT_SET_WORDS];
	/* When the kernel last said that none of a word's ports is free; milliseconds, 0: never. */
	_Atomic uint32_t asked_ms[PORT_SET_WORDS];
};

/* What the pool did, for eph_pool_count() and `run --report`. */
struct known_counts {
	_Atomic uint64_t connections, windows, refused, failed, binds, passed;
};

struct known_ports {
	_Atomic uint64_t secret;   /* of the hash; 0 in fresh memory */
	_Atomic uint64_t clock;    /* flows made so far */
	_Atomic uint64_t freed;    /* ports that sockets of the pool gave back, ever */
	_Atomic uint32_t whole_ms; /* when the kernel was last asked without a window, 0 never */
	_Atomic uint32_t
		whole_is_more; /* it then gave a port that was no part of the pool's range */
	struct known_counts counts;
	struct tuple_locks locks;
	struct known_flow flows[KNOWN_FLOW_SETS * KNOWN_FLOW_WAYS];
};

/**
 * known_ports_map() - map what is known
 * @memory_fd: shared memory of at least sizeof(struct known_ports) bytes, zeroed when fresh; -1: anonymous, shared with
 *             the children that are forked later
 * Pages are touched as flows are used. Return: 0, -EINVAL when the memory is too small, or what mmap() says.
 */
int known_ports_map(int memory_fd, struct known_ports **ret);
void known_ports_unmap(struct known_ports *known);

/* The flow's place, made if there is none. @from may be NULL: the source that the routing table gives. Never NULL. */
struct known_flow *known_ports_flow(struct known_ports *known, uint8_t protocol,
				    const struct ip_address *from, const struct ip_address *to,
				    uint16_t to_port);

/* Is there one already? */
bool known_ports_has_flow(const struct known_ports *known, uint8_t protocol,
			  const struct ip_address *from, const struct ip_address *to,
			  uint16_t to_port);

/**
 * known_flow_pick() - a port of @usable that is not known to be taken, each as likely as the others
 * @random: 32 random bits, from which the search starts
 *
 * When nearly all are taken, a free port behind a long row of taken ones is likelier. Return: the port, or -1: none.
 */
int known_flow_pick(const struct known_flow *flow, const struct port_set *usable,
		    struct port_range range, uint64_t random);

/* The row of ports not known to be taken around @port within its word of 64: one port, or an even number, because a kernel
 * before 6.8 misses an end of an odd window. */
struct port_range known_flow_run(const struct known_flow *flow, const struct port_set *usable,
				 uint16_t port);

void known_flow_take(struct known_flow *flow, struct port_range range);
/* Learn from a look at the kernel that @taken are taken, those of them in @range. */
void known_flow_learn(struct known_flow *flow, struct port_range range,
		      const struct port_set *taken);
void known_flow_free(struct known_flow *flow, uint16_t port);

/* The kernel was asked at @now_ms for every port of @word (its number, port / 64) and has none. */
void known_flow_asked(struct known_flow *flow, int word, uint32_t now_ms);

/* The kernel gave @port, in a word that was thought full: nothing is known of the others there any more. */
void known_flow_doubt(struct known_flow *flow, uint16_t port);

/* Was the kernel last asked for @word more than @max_age_ms ago? */
bool known_flow_is_stale(const struct known_flow *flow, int word, uint32_t now_ms,
			 uint32_t max_age_ms);

/* All sources were asked from @start_ms on, when @freed ports had been given back, and none had a port. */
void known_flow_refuse(struct known_flow *any, uint64_t freed, uint32_t start_ms);
/* Was that at most @max_age_ms ago, and has nothing been given back since? */
bool known_flow_refused(const struct known_flow *any, uint64_t freed, uint32_t now_ms,
			uint32_t max_age_ms);

/* Was that at most @max_age_ms ago, whatever was given back since? */
bool known_flow_was_refused(const struct known_flow *any, uint32_t now_ms, uint32_t max_age_ms);

/* As known_flow_refuse(), and remembers how long asking took. */
void known_flow_refuse_after(struct known_flow *any, uint64_t freed, uint32_t start_ms,
			     uint32_t now_ms);
/* How old the kernel's answers may be on which a refusal rests: EPH_REFUSAL_AGE_MS / 2 for each source, and where asking takes
 * long, so much that it takes a twentieth of the time. */
uint32_t known_flow_age_ms(const struct known_flow *any, unsigned sources);

/* The first word of @range, from @word on, of which the kernel was last asked more than @max_age_ms ago; -1: none. */
int known_flow_stale(const struct known_flow *flow, struct port_range range, int word,
		     uint32_t now_ms, uint32_t max_age_ms);

#endif
