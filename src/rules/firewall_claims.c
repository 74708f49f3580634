#include "firewall_claims.h"

#include <stdlib.h>

#include "alloc.h"

#define DEPTH_MAX 16u     /* as the kernel's stack of jumps */
#define STEPS_MAX 262144u /* rules looked at for one question: jumps may multiply them */

struct walk {
	const struct firewall *firewall;
	uint8_t protocol, family;
	uint16_t port;
	bool softened; /* an earlier rule of this base chain may have decided otherwise */
	bool away; /* every packet is lost, or got another port or address: nothing later matters */
	unsigned named; /* jumps on the way here that name the port */
	unsigned steps;
	struct firewall_claim *claim;
	unsigned *claims;
};

/* What happened to a packet in a chain. */
enum end {
	END_THROUGH, /* it came out at the end, or returned */
	END_DECIDED, /* accepted, or sent away: nothing more of this base chain is for it */
	END_DISCARDED,
};

const char *firewall_action_name(enum firewall_action action)
{
	static const char *const names[FIREWALL_ACTIONS] = {
		[FIREWALL_ACCEPT] = "accept", [FIREWALL_DROP] = "drop",
		[FIREWALL_REJECT] = "reject", [FIREWALL_REDIRECT] = "redirect",
		[FIREWALL_DNAT] = "dnat",     [FIREWALL_TPROXY] = "tproxy",
		[FIREWALL_JUMP] = "jump",     [FIREWALL_GOTO] = "goto",
		[FIREWALL_RETURN] = "return", [FIREWALL_UNKNOWN] = "unknown",
	};

	return names[action];
}

static void claim(struct walk *walk, enum firewall_action what, uint32_t chain,
		  const struct firewall_rule *rule, bool certain)
{
	for (unsigned i = 0; i < *walk->claims; i++) {
		struct firewall_claim *seen = &walk->claim[i];

		if (seen->chain != chain || seen->rule != rule || seen->what != what)
			continue;
		seen->certain &= certain;
		return;
	}
	if (*walk->claims < FIREWALL_CLAIMS_MAX)
		walk->claim[(*walk->claims)++] = (struct firewall_claim){
			.what = what, .chain = chain, .rule = rule, .certain = certain};
}

static enum end walk_chain(struct walk *walk, uint32_t chain, bool certain, unsigned depth);

static bool matches(const struct walk *walk, const struct firewall_rule *rule)
{
	return (rule->protocols & walk->protocol) && (rule->families & walk->family) &&
	       firewall_rule_has(walk->firewall, rule, walk->port);
}

/* "Drop what comes from 10/8" is about hosts, not about this port, unless a jump named it. */
static void claim_rule(struct walk *walk, const struct firewall_rule *rule, bool certain)
{
	certain &= !walk->softened;
	if (!rule->all_ports || walk->named || certain)
		claim(walk, rule->action, rule->chain, rule, certain);
	walk->away |= certain;
}

static enum end jump(struct walk *walk, const struct firewall_rule *rule, bool certain,
		     unsigned depth)
{
	enum end end;

	walk->named += !rule->all_ports;
	end = walk_chain(walk, rule->target, certain, depth + 1);
	walk->named -= !rule->all_ports;
	return end;
}

/* What @rule does to a packet that it matches, for certain or perhaps. */
static enum end apply(struct walk *walk, const struct firewall_rule *rule, bool certain,
		      unsigned depth)
{
	switch ((enum firewall_action)rule->action) {
	case FIREWALL_ACCEPT:
		return END_DECIDED;
	case FIREWALL_DROP:
	case FIREWALL_REJECT:
		claim_rule(walk, rule, certain);
		return END_DISCARDED;
	case FIREWALL_REDIRECT:
	case FIREWALL_DNAT:
	case FIREWALL_TPROXY:
		claim_rule(walk, rule, certain);
		return END_DECIDED;
	case FIREWALL_JUMP:
	case FIREWALL_GOTO:
		return jump(walk, rule, certain, depth);
	case FIREWALL_RETURN:
	case FIREWALL_UNKNOWN:
	case FIREWALL_ACTIONS:
		break;
	}
	walk->softened |= rule->action == FIREWALL_UNKNOWN;
	return END_THROUGH;
}

static enum end walk_chain(struct walk *walk, uint32_t index, bool certain, unsigned depth)
{
	const struct firewall *firewall = walk->firewall;
	const struct firewall_chain *chain;

	if (index >= firewall->chains || depth == DEPTH_MAX)
		return END_THROUGH;
	chain = &firewall->chain[index];
	for (uint32_t i = 0; i < chain->rules; i++) {
		const struct firewall_rule *rule = &firewall->rule[chain->first + i];
		enum end end;

		if (walk->steps == STEPS_MAX)
			break;
		walk->steps++;
		if (!matches(walk, rule))
			continue;
		end = apply(walk, rule, certain && !rule->narrowed, depth);
		if (rule->narrowed)
			walk->softened |= end == END_DECIDED || rule->action == FIREWALL_RETURN;
		else if (end != END_THROUGH || rule->action == FIREWALL_RETURN ||
			 rule->action == FIREWALL_GOTO)
			return end;
	}
	return END_THROUGH;
}

static void walk_base(struct walk *walk, uint32_t index)
{
	const struct firewall_chain *chain = &walk->firewall->chain[index];

	walk->steps = 0;
	walk->softened = chain->hook == FIREWALL_INGRESS; /* of one device only */
	if (walk_chain(walk, index, !walk->softened, 0) == END_THROUGH && chain->drops)
		claim(walk, FIREWALL_DROP, index, NULL, !walk->softened);
}

/* The base chains that an inbound packet meets, in the kernel's order. */
static int by_order(const void *left, const void *right, void *context)
{
	const struct firewall *firewall = context;
	uint32_t x = *(const uint32_t *)left, y = *(const uint32_t *)right;
	const struct firewall_chain *a = &firewall->chain[x], *b = &firewall->chain[y];

	if (a->hook != b->hook)
		return a->hook < b->hook ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return (x > y) - (x < y);
}

static void walk_family(struct walk *walk, const uint32_t *base, size_t bases)
{
	for (size_t i = 0; i < bases && !walk->away; i++)
		if (walk->firewall->chain[base[i]].families & walk->family)
			walk_base(walk, base[i]);
}

void firewall_claims(struct firewall_claims *claims, uint8_t protocol, uint8_t families,
		     uint16_t port)
{
	static const uint8_t each[] = {FIREWALL_IPV4, FIREWALL_IPV6};
	struct firewall *firewall = &claims->firewall;
	CLEANUP(freep) uint32_t *base = calloc(firewall->chains + 1, sizeof(*base));
	size_t bases = 0;

	for (uint32_t i = 0; base && i < firewall->chains; i++)
		if (firewall->chain[i].hook != FIREWALL_NO_HOOK)
			base[bases++] = i;
	if (bases)
		qsort_r(base, bases, sizeof(*base), by_order, firewall);
	claims->count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(each); i++) {
		struct walk walk = {.firewall = firewall,
				    .protocol = protocol,
				    .family = each[i],
				    .port = port,
				    .claim = claims->claim,
				    .claims = &claims->count};

		if (families & each[i])
			walk_family(&walk, base, bases);
	}
}

void firewall_claims_done(struct firewall_claims *claims)
{
	firewall_done(&claims->firewall);
	*claims = (struct firewall_claims){.known = false};
}
