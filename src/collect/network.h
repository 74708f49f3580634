/*
 * What stands between a connection and its destination besides ports: asked from the kernel without sending anything.
 */
#ifndef EPH_COLLECT_NETWORK_H
#define EPH_COLLECT_NETWORK_H

#include "connect_facts.h"
#include "port_range.h"

struct eph_error;

/**
 * network_ask() - the facts of a connection in the namespace @netns_fd (-1: current)
 * @from:  the source it binds to, IP_NONE for none
 * @range: the ephemeral range: when it is used up, the question is asked from a port outside of it
 *
 * A UDP socket is connected, which takes the kernel through the same routing as TCP. Return: 0; negative errno with
 * @reterr when the namespace cannot be entered or no socket can be made. What the network refuses is a fact, no failure.
 */
int network_ask(int netns_fd, const struct ip_address *from, const struct ip_address *to,
		uint16_t port, struct port_range range, struct connect_facts *ret,
		struct eph_error *reterr);

#endif
