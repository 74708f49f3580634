/*
 * Which ports are safe to give to a new service, now and for as long as it lives. Pure: a snapshot in, a set of ports out.
 *
 * Safe is a port that no socket has, and that the kernel gives to no connection: it lies outside the ephemeral range or is
 * reserved. Then no client can connect to itself on it either, while the service is down. Nor is it anybody else's:
 * privileged, configured for a service, named in /etc/services, or one of those that Kubernetes hands out.
 *
 * Not promised: that no program binds it by its number. Nothing in the kernel prevents that.
 */
#ifndef EPH_RULES_PICK_H
#define EPH_RULES_PICK_H

#include "pick_result.h"
#include "snapshot.h"

struct eph_error;

struct pick_query {
	bool tcp, udp;                     /* in use by which protocols matters */
	struct port_range range;           /* the ports looked at; 0 is no port */
	bool privileged;                   /* privileged ports are welcome too */
	const struct port_set *configured; /* ports of configured services; NULL: none known */
	const struct port_set *named;      /* those in /etc/services; NULL: none known */
};

/**
 * pick_judge() - sort the ports of @query by what speaks against them
 * @netns: settings; binds, or every socket of the namespace, or both
 *
 * A port counts as in use whatever the address, family and state of the socket that has it: TIME_WAIT too. Settings that
 * could not be read are taken at their strictest: no port is reserved, and those below 1024 are privileged.
 *
 * Return: 0; -ENODATA with @reterr when the ephemeral range is not known, or only one port was read.
 */
int pick_judge(const struct netns_snapshot *netns, const struct pick_query *query,
	       struct pick_result *ret, struct eph_error *reterr);

/**
 * pick_draw() - one port of the best rank that has any, each with the same chance; it is not drawn again
 * @random: any 64 bits. Same result and bits, same port
 * Return: the port, 0 when none is left; its rank in *@ret_rank.
 */
uint16_t pick_draw(struct pick_result *result, uint64_t random, enum pick_rank *ret_rank);

#endif
