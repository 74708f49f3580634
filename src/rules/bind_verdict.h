/*
 * The law of bind() to a port, and of listen() after it: what the kernel will say to a socket with given options, and
 * which sockets are the reason. It lives here and nowhere else. Pure: a snapshot in, a verdict out.
 *
 * Source: Linux __inet_bind(), __inet6_bind(), inet_csk_get_port(), inet_csk_bind_conflict(), sk_reuseport_match(),
 * udp_lib_get_port(); proven by tests/kernel/test_bind_verdict.c on 6.18.
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
