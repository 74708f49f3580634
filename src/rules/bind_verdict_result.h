/*
 * The question and the answer of bind_verdict(): what bind() and then listen() say to a new socket, and who stands in its
 * way.
 */
#ifndef EPH_RULES_BIND_VERDICT_RESULT_H
#define EPH_RULES_BIND_VERDICT_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "ip_address.h"
#include "kernel_laws.h"

#define BIND_BLOCKERS_MAX 64u
#define BIND_ADVICE_MAX   8u

struct bind_query {
	uint8_t protocol; /* enum socket_protocol */
	bool af_inet6;
	struct ip_address address; /* a v4-mapped one is IPv4 with af_inet6; 0.0.0.0 or :: is any */
	uint16_t port; /* not 0: which port the kernel would choose is for rules/capacity */
	bool reuseaddr, reuseport, v6only;
	uint32_t uid;    /* of the socket file */
	uint32_t device; /* SO_BINDTODEVICE or the scope of a link-local address; 0 none */
	bool listens;    /* TCP: listen() follows */
	bool privileged; /* CAP_NET_BIND_SERVICE in the namespace */
	/* a wildcard, an address of the namespace (for IPv6 with a device: of that device), 127/8,
	 * IPv4 multicast or broadcast */
	bool address_is_local;
	bool freebind; /* IP_FREEBIND, IP_TRANSPARENT or ip_nonlocal_bind */
	bool device_is_absent;
};

enum bind_answer {
	BIND_FREE,
	BIND_IN_USE, /* EADDRINUSE */
	/* any other errno: no socket is in the way, the address or the privilege is */
	BIND_FORBIDDEN,
};

/* How a socket came to its port. */
enum bind_how {
	BIND_HOW_LISTENING,
	BIND_HOW_BOUND,    /* by bind(), whether the port was named or 0 */
	BIND_HOW_OUTGOING, /* chosen by connect(), or by the first send of a UDP socket */
	BIND_HOW_ACCEPTED,
	BIND_HOW_TIME_WAIT, /* TIME_WAIT or FIN_WAIT2 mini-socket */
	BIND_HOW_KERNEL,    /* listens or is bound, and no process has it */
	BIND_HOW_SELF,      /* connected to itself */
	BIND_HOWS,
};

struct bind_blocker {
	uint32_t socket; /* index into netns->sockets */
	enum bind_how how;
	enum law automatic;    /* the port was not asked for: port 0, or listen() without bind() */
	bool certain;          /* else it blocks or not, by an option that could not be read */
	bool orphan;           /* no process has it: closed, and its end is still under way */
	uint32_t seconds_left; /* BIND_HOW_TIME_WAIT: until it lets go */
};

struct bind_result {
	enum bind_answer verdict; /* of bind() and listen() */
	int error;                /* positive errno of the call that fails, 0 when free */
	bool listen_fails;        /* bind() succeeds, listen() is what fails */
	/* else free and in-use are both possible, and in-use is said when a socket may block */
	bool exact;
	uint32_t inexact_because; /* enum snapshot_gap */
	bool in_ephemeral_range, reserved, privileged_port;
	bool by_fast_path; /* free only because the bind bucket remembers an equal SO_REUSEPORT */
	struct bind_blocker blocker[BIND_BLOCKERS_MAX]; /* listening and bound ones first */
	unsigned n_blockers;
	uint64_t more_blockers; /* not in the list */
	uint64_t count
		[BIND_HOWS]; /* in the way, of each kind; those that were not read are not counted */
};

enum bind_advice_id {
	BIND_ADVICE_REUSEADDR,
	BIND_ADVICE_REUSEPORT,
	BIND_ADVICE_V6ONLY,
	BIND_ADVICE_ADDRESS, /* bind to `address` instead */
	BIND_ADVICE_WAIT,    /* in `seconds` all that is in the way is gone, if nothing new comes */
};

/* Something that would succeed now, or after waiting: the same law said so. */
struct bind_advice {
	enum bind_advice_id id;
	struct ip_address address;
	uint32_t seconds;
};

/* "listening", "bound", "outgoing", ...; as in the JSON. */
const char *bind_how_name(enum bind_how how);
const char *bind_answer_name(enum bind_answer answer); /* "free", "in-use", "forbidden" */
const char *bind_advice_name(
	enum bind_advice_id id); /* "reuseaddr", "reuseport", "v6only", "address", "wait" */

#endif
