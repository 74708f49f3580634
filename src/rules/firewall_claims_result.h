/*
 * What the packet filter does to a port: the answer of firewall_claims(), and what was read to give it.
 */
#ifndef EPH_RULES_FIREWALL_CLAIMS_RESULT_H
#define EPH_RULES_FIREWALL_CLAIMS_RESULT_H

#include "firewall.h"

#define FIREWALL_CLAIMS_MAX 8u

struct firewall_claim {
	enum firewall_action what;        /* DROP, REJECT, REDIRECT, DNAT or TPROXY */
	uint32_t chain;                   /* where it stands */
	const struct firewall_rule *rule; /* NULL: the chain's policy */
	/* every such packet; else some, by a condition of the rule or because of an earlier rule */
	bool certain;
};

struct firewall_claims {
	struct firewall firewall; /* what the claims point into */
	bool known;               /* the rules were read */
	bool in_part;             /* rules of the old iptables, or single ones, were not */
	/* not known although there are, or may be, tables: "nft took more than a second"; else NULL; not owned */
	const char *unknown_because;
	struct firewall_claim claim[FIREWALL_CLAIMS_MAX];
	unsigned count;
};

void firewall_claims_done(struct firewall_claims *claims);

/* "redirect", "dnat", "tproxy", "drop", "reject" */
const char *firewall_action_name(enum firewall_action action);

#endif
