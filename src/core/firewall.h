/*
 * The packet filter of one network namespace, as far as ports and the first packet of an inbound connection are
 * concerned: chains, and of each rule the ports it is about, what it does, and whether it is about some of the packets only.
 * Filled by text_nft.h; rules/firewall_claims.h judges it. Names come from whoever wrote the rules: made printable where
 * they are printed.
 *
 * What cannot be read (extensions of iptables are opaque to nft -j) is never guessed: such a rule is `unread`.
 */
#ifndef EPH_CORE_FIREWALL_H
#define EPH_CORE_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"
#include "port_set.h"

#define FIREWALL_NAME_BYTES 64
#define FIREWALL_CHAINS_MAX 4096u
#define FIREWALL_RULES_MAX  65536u
#define FIREWALL_PORTS_MAX  262144u /* ranges of all rules together */
#define FIREWALL_NO_CHAIN   UINT32_MAX

enum firewall_protocol {
	FIREWALL_TCP = 1u << 0,
	FIREWALL_UDP = 1u << 1,
};

enum firewall_family {
	FIREWALL_IPV4 = 1u << 0,
	FIREWALL_IPV6 = 1u << 1,
};

/* Where the packets of an inbound connection come by, in this order; other hooks have no rules here. */
enum firewall_hook {
	FIREWALL_NO_HOOK, /* reached by jump only, or none of ours */
	FIREWALL_INGRESS,
	FIREWALL_PREROUTING,
	FIREWALL_INPUT,
};

enum firewall_action {
	FIREWALL_ACCEPT,
	FIREWALL_DROP,
	FIREWALL_REJECT,
	FIREWALL_REDIRECT, /* to another port of this host */
	FIREWALL_DNAT,     /* to another address, mostly */
	FIREWALL_TPROXY,   /* to a socket of a local proxy */
	FIREWALL_JUMP,
	FIREWALL_GOTO,
	FIREWALL_RETURN,
	FIREWALL_UNKNOWN, /* ends or not: could not be read */
	FIREWALL_ACTIONS,
};

struct firewall_rule {
	uint32_t chain;       /* index of the one it stands in */
	uint32_t target;      /* of FIREWALL_JUMP and FIREWALL_GOTO: index, or FIREWALL_NO_CHAIN */
	uint64_t handle;      /* as nft counts: nft delete rule FAMILY TABLE CHAIN handle N */
	uint8_t action;       /* enum firewall_action */
	uint8_t protocols;    /* enum firewall_protocol: those it can be about */
	uint8_t families;     /* enum firewall_family, likewise */
	bool all_ports;       /* says nothing of the local port */
	bool narrowed;        /* only some packets to its ports: `narrowed_by` */
	bool unread;          /* some of it could not be read, so `narrowed` too */
	uint32_t port, ports; /* first of its ranges in firewall.port, and how many */
	struct ip_address to; /* FIREWALL_DNAT: IP_NONE when unknown or unchanged */
	struct port_range to_port;             /* {0, 0} when unknown or unchanged */
	char narrowed_by[FIREWALL_NAME_BYTES]; /* "iifname eth0", or "" */
};

struct firewall_chain {
	char family[8]; /* ip, ip6, inet, netdev */
	char table[FIREWALL_NAME_BYTES], name[FIREWALL_NAME_BYTES];
	uint8_t families; /* enum firewall_family */
	uint8_t hook;     /* enum firewall_hook */
	int32_t priority; /* lower ones first */
	uint32_t first,
		rules; /* its rules are together, in their order, once firewall_settle() was called */
	bool nat;      /* of type nat */
	bool drops;    /* policy of a base chain */
};

struct firewall {
	struct firewall_chain *chain; /* in the order of the ruleset */
	size_t chains, chains_capacity;
	struct firewall_rule *rule;
	size_t rules, rules_capacity;
	struct port_range *port;
	size_t ports, ports_capacity;
	unsigned unread;   /* rules that were not read in full */
	bool sets_missing; /* a rule looks its ports up in a set whose elements are not there */
	bool failed;       /* out of memory or beyond a limit: what is there is not all */
};

void firewall_done(struct firewall *firewall);

/* Append a zeroed one. NULL and `failed` when there is no room. Valid until the next is added. */
struct firewall_chain *firewall_add_chain(struct firewall *firewall);
struct firewall_rule *firewall_add_rule(struct firewall *firewall);

/* Give @rule, the last one added, the ports of @set; none of them is fine: it then matches nothing. */
void firewall_set_ports(struct firewall *firewall, struct firewall_rule *rule,
			const struct port_set *set);

/* Put the rules of each chain together. Return: 0 or -ENOMEM. */
int firewall_settle(struct firewall *firewall);

/* Is @port among those the rule is about? */
bool firewall_rule_has(const struct firewall *firewall, const struct firewall_rule *rule,
		       uint16_t port);

/* Index of a chain, FIREWALL_NO_CHAIN when there is none. */
uint32_t firewall_find_chain(const struct firewall *firewall, const char *family, const char *table,
			     const char *name);

#endif
