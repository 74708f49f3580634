/*
 * What the network of a namespace says to a connection before any port is looked for: is there a way, is the source one
 * of its own addresses, is IPv6 on. Asked from the running kernel only (collect/network.h), never part of a snapshot
 * file: with `asked` false nothing below is known.
 */
#ifndef EPH_CORE_CONNECT_FACTS_H
#define EPH_CORE_CONNECT_FACTS_H

#include "ip_address.h"
#include "kernel_laws.h"

#define CONNECT_LOCAL_MAX 8u

struct connect_facts {
	bool asked;
	int bind_error; /* errno of bind() to the source asked for, 0: none asked for, or it may be had */
	int route_error; /* errno of connect() for want of a way or of a source address, 0: there is one */
	bool route_unknown; /* no port was free to ask with: route_error and source say nothing */
	bool many_hosts;    /* broadcast or multicast: TCP does not connect there */
	struct ip_address
		source; /* the local address of the connection; IP_NONE when there is none */
	enum law ipv6_disabled;    /* net.ipv6.conf.all.disable_ipv6 */
	enum law lo_ipv6_disabled; /* net.ipv6.conf.lo.disable_ipv6 */
	enum law ipv6_absent;      /* the kernel has no IPv6 at all */
	enum law loopback_up;
	/* Addresses of the namespace, of the family of the destination: the first of them. */
	struct ip_address local[CONNECT_LOCAL_MAX];
	unsigned n_local, more_local;
};

#endif
