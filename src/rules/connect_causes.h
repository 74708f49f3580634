/*
 * Who holds the ports that a connection cannot have: the part of connect_verdict() that looks at sockets one by one.
 */
#ifndef EPH_RULES_CONNECT_CAUSES_H
#define EPH_RULES_CONNECT_CAUSES_H

#include "capacity.h"
#include "connect_verdict_result.h"

/* Append an empty cause. Return: it, or NULL when the list is full. */
struct connect_cause *connect_add_cause(struct connect_result *result, enum connect_cause_id id,
					bool certain);

/* Append what takes ports, most ports first, with their holders, where it matters: not for a connection that finds half
 * the range free. `capacity` and `answer` of @result are there. Return: 0 or -ENOMEM. */
int connect_add_ports(const struct snapshot *snapshot, const struct capacity_query *query,
		      struct connect_result *result);

#endif
