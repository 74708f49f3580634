/*
 * The law of connect(): success or errno, and why. What counts ports is capacity.h; this adds what the network says, who
 * holds the ports, and keeps hypotheses apart from knowledge. Pure: a snapshot in, a verdict out.
 *
 * Source: Linux tcp_v4_connect(), tcp_v6_connect() (route and source address first, then the port), inet_dgram_connect()
 * (UDP: the port first); proven by tests/kernel/test_why_connect.c on 6.18.
 *
 * Not seen from here: what firewalls do to packets, whether the other end answers, cgroup and LSM policies (EPERM,
 * EACCES), the limit of open files.
 */
#ifndef EPH_RULES_CONNECT_VERDICT_H
#define EPH_RULES_CONNECT_VERDICT_H

#include "capacity.h"
#include "connect_verdict_result.h"

/* The answer that needs no socket: the network refuses already. Then connect_verdict() may be given none. UDP looks for
 * its port first, unless bind() fails. */
bool connect_refused(const struct capacity_query *query, const struct connect_facts *facts);

/* Is it worth reading every socket, to know who blocks ports? By what capacity_count() said. */
bool connect_needs_blockers(const struct capacity_result *capacity);

/**
 * connect_verdict() - the answer to @query in the first namespace of @snapshot
 * @query: as for capacity_count(); `from` is the source the kernel chose, IP_NONE when it is not known
 * @facts: what the network said
 * Return: 0; -ENOMEM; what capacity_count() returns, with @reterr.
 */
int connect_verdict(const struct snapshot *snapshot, const struct capacity_query *query,
		    const struct connect_facts *facts, struct connect_result *ret,
		    struct eph_error *reterr);

#endif
