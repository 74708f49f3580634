/*
 * The law of bind() to a port, and of listen() after it: what the kernel will say to a socket with given options, and
 * which sockets are the reason. It lives here and nowhere else. Pure: a snapshot in, a verdict out.
 *
 * Source: Linux __inet_bind(), __inet6_bind(), inet_csk_get_port(), inet_csk_bind_conflict(), sk_reuseport_match(),
 * udp_lib_get_port(); proven by tests/kernel/test_bind_verdict.c on 6.18 and 6.1.
 *
 * Not seen from here: cgroup and LSM policies that refuse a bind (EPERM, EACCES), a SO_ATTACH_REUSEPORT program attached
 * before bind(), and, in a kernel without the fix of March 2026, that a UDP wildcard bind overlooks sockets on specific
 * addresses when more than ten share its hash chain.
 */
#ifndef EPH_RULES_BIND_VERDICT_H
#define EPH_RULES_BIND_VERDICT_H

#include <stddef.h>

#include "bind_verdict_result.h"
#include "snapshot.h"

struct eph_error;

/**
 * bind_verdict() - the answer to @query from what @netns shows
 * @netns: settings, and in `sockets` every socket with this local port (sockets_port, or sockets_complete)
 * Return: 0; -EINVAL with @reterr when the query makes no sense; -ENODATA when the sockets of that port were not read.
 */
int bind_verdict(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		 const struct bind_query *query, struct bind_result *ret, struct eph_error *reterr);

/**
 * bind_advise() - what would succeed instead of @query, which did not
 * @local: addresses of the namespace, tried when the query has a wildcard; may be NULL
 *
 * Each is judged by bind_verdict() with the changed option and promised only when that is free and exact.
 * Return: how many were written to @ret.
 */
unsigned bind_advise(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		     const struct bind_query *query, const struct ip_address *local, size_t n_local,
		     struct bind_advice ret[BIND_ADVICE_MAX]);

#endif
