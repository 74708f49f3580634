/*
 * The counting rule: how many more connect() calls from an address to a destination succeed before the first is refused.
 * It lives here and nowhere else. Pure: a snapshot in, numbers out. docs/laws.md explains each step.
 *
 * Source: Linux __inet_hash_connect(), __inet_check_established(), tcp_twsk_unique(), inet_sk_get_local_port_range(),
 * udp_lib_get_port(); proven by tests/kernel/test_capacity.c on 6.1 and 6.18.
 */
#ifndef EPH_RULES_CAPACITY_H
#define EPH_RULES_CAPACITY_H

#include "capacity_result.h"
#include "snapshot.h"

struct capacity_query {
	uint8_t protocol;
	/* source the kernel will use (route, or bound with IP_BIND_ADDRESS_NO_PORT) */
	struct ip_address from;
	struct ip_address to;
	uint16_t to_port;
	/* UDP: the socket is bound to `from` before it gets its port; else the wildcard decides */
	bool bound;
	bool af_inet6;             /* the socket is AF_INET6 (matters for UDP towards IPv4) */
	bool v6only;               /* UDP, AF_INET6: IPV6_V6ONLY */
	bool reuseaddr, reuseport; /* UDP only: TCP ignores them here */
	uint32_t uid;              /* UDP with reuseport */
	bool has_window;           /* IP_LOCAL_PORT_RANGE was set, to: */
	struct port_range window;  /* either half may be 0, as the option allows */
	uint32_t device;           /* SO_BINDTODEVICE or link-local scope, 0 if none */
	int reuse_time_wait;       /* -1 as the namespace is set, 0 never, 1 always */
};

/**
 * capacity_count() - the answer to @query from what @netns shows
 * @netns: needs settings, binds, and in `sockets` every TCP socket with this remote end and every UDP socket
 * @laws:  how this kernel differs
 * Return: 0; -EINVAL with @reterr when the query makes no sense (families differ, port 0, a window on a kernel without);
 *         -ENODATA when the range of the namespace is not known.
 */
int capacity_count(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		   const struct capacity_query *query, struct capacity_result *ret,
		   struct eph_error *reterr);

/* The range connect() searches for a socket with this window (inet_sk_get_local_port_range). */
struct port_range capacity_range(struct port_range netns_range, bool has_window,
				 struct port_range window);

/* The ports the next TCP connect() may take if no 4-tuple stands in the way: in the range, not reserved, bucket not
 * certainly closed. What collectors count on (netns_snapshot.counted). */
void capacity_candidates(const struct netns_snapshot *netns, struct port_set *ret);

#endif
