/*
 * The answer of connect_verdict(): would a connection from here to there succeed now; if not, with which errno, and what
 * is the reason. What is only possible is kept apart from what is known (`certain`).
 */
#ifndef EPH_RULES_CONNECT_VERDICT_RESULT_H
#define EPH_RULES_CONNECT_VERDICT_RESULT_H

#include "capacity_result.h"
#include "connect_facts.h"

#define CONNECT_CAUSES_MAX  24u
#define CONNECT_HOLDERS_MAX 4u
#define CONNECT_NOBODY      UINT32_MAX

enum connect_answer {
	CONNECT_OK,
	CONNECT_EXHAUSTED,      /* no local port is left */
	CONNECT_NOT_EXHAUSTION, /* refused before a port is looked for */
	CONNECT_NOT_SETTLED,    /* what was seen allows success and failure */
};

enum connect_cause_id {
	/* Ports that the connection cannot have. */
	CONNECT_IN_USE,
	CONNECT_TIME_WAIT,
	CONNECT_LISTENERS,
	CONNECT_BOUND,         /* by sockets that are bound and nothing else */
	CONNECT_BIND_POOL,     /* by sockets bound before they connected, or their TIME_WAIT */
	CONNECT_BLOCKED_OTHER, /* bucket closed by accepted connections, or by whom was not seen */
	CONNECT_UDP_POOL,      /* by UDP sockets, whatever their destination */
	CONNECT_RESERVED,
	CONNECT_NARROW_RANGE,
	CONNECT_PAST_KNEE, /* slow, not failing */
	/* Refused before a port is looked for. */
	CONNECT_SOURCE_NOT_LOCAL,
	CONNECT_IPV6_DISABLED,
	CONNECT_IPV6_ABSENT,
	CONNECT_LOOPBACK_DOWN,
	CONNECT_NO_SOURCE, /* a way, but no local address to go from; ::1 removed */
	CONNECT_NO_ROUTE,
	CONNECT_NO_SCOPE,      /* link-local without the interface */
	CONNECT_MANY_HOSTS,    /* TCP to broadcast or multicast */
	CONNECT_POLICY,        /* EACCES, EPERM: somebody forbids it */
	CONNECT_REFUSED,       /* another errno, as the kernel gave it */
	CONNECT_NOT_SEEN,      /* hypothesis: `gap` hides whether ports are free */
	CONNECT_ROUTE_UNKNOWN, /* hypothesis: addresses and routes were not asked */
	CONNECT_CAUSES,
};

struct connect_holder {
	uint32_t
		process; /* index into the snapshot's processes, CONNECT_NOBODY: no process has the socket */
	uint32_t sockets;
};

struct connect_cause {
	enum connect_cause_id id;
	bool certain;       /* else: a possibility */
	uint32_t ports;     /* of the range */
	uint32_t sockets;   /* that hold them */
	uint32_t time_wait; /* of these: in TIME_WAIT */
	uint32_t gap;       /* CONNECT_NOT_SEEN: enum snapshot_gap, one bit */
	struct connect_holder holder[CONNECT_HOLDERS_MAX]; /* those with the most sockets first */
	unsigned n_holders;
	uint32_t more_sockets; /* of holders left out */
};

/* The load of programs that bind before they connect, as it would be had they set IP_BIND_ADDRESS_NO_PORT. */
struct connect_pool {
	struct ip_address source; /* the address most of them are bound to */
	uint32_t sockets;         /* bound to it */
	uint32_t destinations;    /* that these go to */
	struct ip_address fullest;
	uint16_t fullest_port;
	uint32_t fullest_sockets;
};

struct connect_result {
	enum connect_answer answer;
	int error; /* positive errno that the kernel gives; 0 when it succeeds. Not settled: the one it would be */
	bool by_bind; /* bind() to the source is what fails */
	bool has_capacity;
	struct capacity_result capacity;
	struct connect_facts facts;
	struct connect_cause cause[CONNECT_CAUSES_MAX];
	unsigned n_causes;
	struct connect_pool pool; /* sockets 0: nobody binds before connecting */
	struct ip_address
		seen_source; /* CONNECT_ROUTE_UNKNOWN: connections to the destination leave from here */
	bool blockers_seen; /* every socket was looked at, so those that block are known */
};

const char *connect_answer_name(enum connect_answer answer); /* "ok", "exhausted", ... */
const char *connect_cause_name(enum connect_cause_id id);    /* "time-wait", ...; as in the JSON */

#endif
