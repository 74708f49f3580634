/*
 * What the packet filter of the namespace that was looked at does to one port.
 */
#ifndef EPH_WATCH_OBSERVE_CLAIMS_H
#define EPH_WATCH_OBSERVE_CLAIMS_H

#include "bind_verdict_result.h"
#include "firewall_claims_result.h"
#include "snapshot.h"

/**
 * observe_claims() - the claims on the port of @query in the first namespace of @snapshot
 * Nothing is known of a replayed snapshot, and nothing claimed of a port on loopback: packets from outside do not come
 * there. Replaces @ret; firewall_claims_done() it.
 */
void observe_claims(const struct snapshot *snapshot, const struct bind_query *query,
		    struct firewall_claims *ret);

/* Only what the rules are, of any port. */
void observe_firewall(const struct snapshot *snapshot, struct firewall_claims *ret);

#endif
