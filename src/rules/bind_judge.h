/*
 * Inside the law of bind(): one new socket against the owners of its port, one by one. Shared by bind_verdict.c (TCP) and
 * bind_udp.c.
 */
#ifndef EPH_RULES_BIND_JUDGE_H
#define EPH_RULES_BIND_JUDGE_H

#include "bind_verdict.h"
#include "overlap.h"

/* What may come of it: a set, as more than one outcome is possible where something is not known. */
enum outcome {
	OUTCOME_FREE = 1u << 0,
	OUTCOME_IN_USE = 1u << 1,
};

struct judge {
	const struct netns_snapshot *netns;
	const struct kernel_laws *laws;
	const struct bind_query *query;
	struct overlap_side side; /* of the new socket */
	bool without_waiting;     /* as if all TIME_WAIT had ended */
	struct bind_result *result;
};

/* Does this socket hold the port? Not in a VRF, not a connection that is only being set up. */
bool bind_judge_is_owner(const struct judge *judge, const struct socket_record *record);

/* Do the two meet: same or no device, and addresses that overlap? What is not known is noted in the result. */
enum law bind_judge_meets(const struct judge *judge, const struct socket_record *owner);

/* Do both have SO_REUSEPORT, and one user? TIME_WAIT belongs to nobody. */
enum law bind_judge_shares_port(const struct judge *judge, const struct socket_record *owner);

/* Do both have SO_REUSEADDR? */
enum law bind_judge_shares_address(const struct judge *judge, const struct socket_record *owner);

/* Put the socket at @index on the list of those in the way. */
void bind_judge_add_blocker(const struct judge *judge, size_t index, bool certain);

/* UDP, to a named port: a set of outcomes. */
unsigned bind_judge_udp(const struct judge *judge);

#endif
