/*
 * Do two sockets on the same port meet? Local addresses as the kernel compares them: IPv4, v4-mapped and IPv6, with or
 * without IPV6_V6ONLY.
 *
 * Source: Linux inet_rcv_saddr_equal(), ipv4_rcv_saddr_equal(), ipv6_rcv_saddr_equal() (net/ipv4/inet_connection_sock.c).
 * Not symmetric: of the two only the first socket's wildcard respects its own V6ONLY, see overlap.c.
 */
#ifndef EPH_RULES_OVERLAP_H
#define EPH_RULES_OVERLAP_H

#include <stdbool.h>

#include "ip_address.h"

struct socket_record;

enum overlap {
	OVERLAP_NO,
	OVERLAP_YES,
	OVERLAP_UNKNOWN, /* V6ONLY of a side decides, and is not known */
};

struct overlap_side {
	/* family IP_NONE counts as the wildcard of the socket's family */
	struct ip_address address;
	bool af_inet6; /* the socket is AF_INET6; a v4-mapped address is IPv4 in `address` */
	bool v6only;
	bool v6only_unknown;
	bool wildcard; /* its wildcard matches every address */
	bool stand_in; /* UDP: a real IPv6 address counts as 127.0.0.6 where IPv4 is compared */
};

enum overlap overlap_addresses(const struct overlap_side *one, const struct overlap_side *two);

/* A socket as a side, its wildcard matching. */
struct overlap_side overlap_socket(const struct socket_record *record);

#endif
