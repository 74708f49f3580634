/*
 * One condition of a rule, as nft -j writes it: which ports, protocols and families are left, and whether only some of
 * those packets are meant. Private to text_nft.c.
 */
#ifndef EPH_CORE_TEXT_NFT_MATCH_H
#define EPH_CORE_TEXT_NFT_MATCH_H

#include <jansson.h>

#include "firewall.h"

#define NFT_SETS_MAX 4096u

/* Named sets and maps of the ruleset, borrowed from the JSON. */
struct nft_sets {
	const json_t *set[NFT_SETS_MAX];
	size_t count;
	bool terse; /* the list was made without elements: one that has none is not known to be empty */
};

/* What a rule is about, as far as it was read. Begins with everything; each condition takes away. */
struct nft_draft {
	const struct nft_sets *sets;
	const char *family, *table;
	struct port_set ports;
	bool all_ports;
	uint8_t protocols, families; /* enum firewall_protocol, enum firewall_family */
	bool narrowed, unread;
	bool never; /* cannot be the first packet of a connection from outside */
	bool sets_missing;
	char narrowed_by[FIREWALL_NAME_BYTES];
};

/* {"op": ..., "left": ..., "right": ...} */
void nft_match_read(struct nft_draft *draft, const json_t *match);

/* The same for "@key is among the keys of @data", a set, a map or the name of one: vmap, and maps of NAT. */
void nft_match_key(struct nft_draft *draft, const json_t *key, const json_t *data);

/* Some packets only, for the reason @why. */
void nft_match_narrow(struct nft_draft *draft, const char *why);

/* The elements of {"set": [...]} or of "@name"; NULL when they are not there. */
const json_t *nft_elements(struct nft_draft *draft, const json_t *data);

/* A string member, "" when there is none. */
const char *nft_string(const json_t *object, const char *key);

#endif
