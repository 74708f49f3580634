#include "text_nft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "text_nft_match.h"

struct reading {
	struct firewall *firewall;
	const json_t *objects;
	struct nft_sets sets;
	uint32_t last_chain; /* rules of one chain mostly follow each other */
	const json_t *rule;
};

/* What a statement of a rule does. */
struct effect {
	bool ends; /* no later statement counts */
	enum firewall_action action;
	const char *target;
	struct ip_address to;
	struct port_range to_port;
};

static uint8_t families_of(const char *family)
{
	if (strcmp(family, "ip") == 0)
		return FIREWALL_IPV4;
	if (strcmp(family, "ip6") == 0)
		return FIREWALL_IPV6;
	return strcmp(family, "inet") == 0 || strcmp(family, "netdev") == 0
		       ? FIREWALL_IPV4 | FIREWALL_IPV6
		       : 0;
}

static uint8_t hook_of(const char *name)
{
	if (strcmp(name, "ingress") == 0)
		return FIREWALL_INGRESS;
	if (strcmp(name, "prerouting") == 0)
		return FIREWALL_PREROUTING;
	return strcmp(name, "input") == 0 ? FIREWALL_INPUT : FIREWALL_NO_HOOK;
}

/* Chains of bridges and of ARP are passed over: they are about other machines' packets. */
static void read_chain(struct reading *reading, const json_t *object)
{
	uint8_t families = families_of(nft_string(object, "family"));
	json_int_t priority = json_integer_value(json_object_get(object, "prio"));
	struct firewall_chain *chain = families ? firewall_add_chain(reading->firewall) : NULL;

	if (!chain)
		return;
	snprintf(chain->family, sizeof(chain->family), "%s", nft_string(object, "family"));
	snprintf(chain->table, sizeof(chain->table), "%s", nft_string(object, "table"));
	snprintf(chain->name, sizeof(chain->name), "%s", nft_string(object, "name"));
	chain->families = families;
	chain->hook = hook_of(nft_string(object, "hook"));
	chain->nat = strcmp(nft_string(object, "type"), "nat") == 0;
	chain->drops = strcmp(nft_string(object, "policy"), "drop") == 0;
	if (priority > INT32_MIN && priority < INT32_MAX)
		chain->priority = (int32_t)priority;
}

static uint32_t find_chain(struct reading *reading, const char *name)
{
	const char *family = nft_string(reading->rule, "family");
	const char *table = nft_string(reading->rule, "table");
	const struct firewall *firewall = reading->firewall;

	if (reading->last_chain < firewall->chains) {
		const struct firewall_chain *chain = &firewall->chain[reading->last_chain];

		if (strcmp(chain->name, name) == 0 && strcmp(chain->table, table) == 0 &&
		    strcmp(chain->family, family) == 0)
			return reading->last_chain;
	}
	return firewall_find_chain(firewall, family, table, name);
}

static void add_rule(struct reading *reading, const struct nft_draft *draft,
		     const struct effect *effect)
{
	uint32_t chain = find_chain(reading, nft_string(reading->rule, "chain"));
	uint32_t target = effect->target ? find_chain(reading, effect->target) : FIREWALL_NO_CHAIN;
	json_int_t handle = json_integer_value(json_object_get(reading->rule, "handle"));
	struct firewall_rule *rule;

	reading->firewall->sets_missing |= draft->sets_missing;
	if (draft->never || !draft->protocols || !draft->families || chain == FIREWALL_NO_CHAIN)
		return;
	rule = firewall_add_rule(reading->firewall);
	if (!rule)
		return;
	reading->last_chain = chain;
	reading->firewall->unread += draft->unread || effect->action == FIREWALL_UNKNOWN;
	*rule = (struct firewall_rule){
		.chain = chain,
		.target = target,
		.handle = handle > 0 ? (uint64_t)handle : 0,
		.action = (uint8_t)effect->action,
		.protocols = draft->protocols,
		.families = draft->families,
		.all_ports = draft->all_ports,
		.narrowed = draft->narrowed,
		.unread = draft->unread,
		.to = effect->to,
		.to_port = effect->to_port,
	};
	memcpy(rule->narrowed_by, draft->narrowed_by, sizeof(rule->narrowed_by));
	if (!draft->all_ports)
		firewall_set_ports(reading->firewall, rule, &draft->ports);
}

/* {"redirect": {"port": 80}}, {"dnat": {"addr": "10.0.0.6", "port": {"range": [1000, 1099]}}}: an address or a port may be
 * looked up in a map, whose keys are then what the rule is about. */
static void read_nat(struct nft_draft *draft, const json_t *body, struct effect *effect)
{
	static const char *const parts[] = {"addr", "port"};
	const json_t *port = json_object_get(body, "port"), *range = json_object_get(port, "range");
	const char *address = json_string_value(json_object_get(body, "addr"));
	json_int_t lo = json_integer_value(range ? json_array_get(range, 0) : port);
	json_int_t hi = json_integer_value(range ? json_array_get(range, 1) : port);

	if (lo > 0 && lo <= hi && hi <= UINT16_MAX)
		effect->to_port = (struct port_range){(uint16_t)lo, (uint16_t)hi};
	if (address && ip_address_parse(address, &effect->to, NULL) < 0)
		effect->to = (struct ip_address){.family = IP_NONE};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const json_t *map = json_object_get(json_object_get(body, parts[i]), "map");

		if (map)
			nft_match_key(draft, json_object_get(map, "key"),
				      json_object_get(map, "data"));
	}
}

struct named_action {
	const char *name;
	enum firewall_action action;
};

static const struct named_action verdicts[] = {
	{"accept", FIREWALL_ACCEPT}, {"drop", FIREWALL_DROP},         {"reject", FIREWALL_REJECT},
	{"dnat", FIREWALL_DNAT},     {"redirect", FIREWALL_REDIRECT}, {"return", FIREWALL_RETURN},
	{"tproxy", FIREWALL_TPROXY}, {"jump", FIREWALL_JUMP},         {"goto", FIREWALL_GOTO},
	{"queue", FIREWALL_UNKNOWN},
};

/* Targets of iptables whose name says enough. */
static const struct named_action targets[] = {
	{"ACCEPT", FIREWALL_ACCEPT},     {"DROP", FIREWALL_DROP}, {"REJECT", FIREWALL_REJECT},
	{"REDIRECT", FIREWALL_REDIRECT}, {"DNAT", FIREWALL_DNAT}, {"TPROXY", FIREWALL_TPROXY},
	{"NFQUEUE", FIREWALL_UNKNOWN},
};

/* Statements that neither choose packets nor end a rule. */
static const char *const indifferent[] = {
	"counter",        "log",     "mangle", "comment", "set",      "ct helper", "ct timeout",
	"ct expectation", "notrack", "dup",    "secmark", "synproxy", "meter",     "map",
	"flow",           "last",
};

static const char *const limits[] = {"limit", "quota", "ct count", "connlimit"};

/* {"xt": {"type": "match", "name": "multiport"}}; older nft: {"xt": null}. */
static void read_extension(struct nft_draft *draft, const json_t *body, struct effect *effect)
{
	const char *type = nft_string(body, "type"), *name = nft_string(body, "name");
	char text[FIREWALL_NAME_BYTES];

	if (strcmp(name, "comment") == 0)
		return;
	if (strcmp(type, "target") == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
			if (strcmp(name, targets[i].name) == 0)
				*effect =
					(struct effect){.ends = true, .action = targets[i].action};
		return;
	}
	draft->unread = true;
	snprintf(text, sizeof(text), "iptables -m %.30s", *name ? name : "?");
	nft_match_narrow(draft, text);
}

/* {"accept": null}, {"jump": {"target": "sub"}}; false when @statement is no verdict. */
static bool read_verdict(struct nft_draft *draft, const json_t *statement, struct effect *effect)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		const json_t *body = json_object_get(statement, verdicts[i].name);

		if (!body)
			continue;
		*effect = (struct effect){.ends = true, .action = verdicts[i].action};
		if (verdicts[i].action == FIREWALL_JUMP || verdicts[i].action == FIREWALL_GOTO)
			effect->target = nft_string(body, "target");
		else
			read_nat(draft, body, effect);
		return true;
	}
	return false;
}

/* One rule for each entry: {"vmap": {"key": ..., "data": {"set": [[9700, {"drop": null}], ...]}}} */
static void read_vmap(struct reading *reading, const struct nft_draft *before, const json_t *vmap)
{
	const json_t *key = json_object_get(vmap, "key");
	struct nft_draft draft = *before;
	const json_t *elements = nft_elements(&draft, json_object_get(vmap, "data"));
	size_t count = json_array_size(elements);

	reading->firewall->sets_missing |= draft.sets_missing;
	reading->firewall->unread += !elements;
	for (size_t i = 0; i < count && !reading->firewall->failed; i++) {
		const json_t *entry = json_array_get(elements, i);
		struct effect effect = {.action = FIREWALL_UNKNOWN};

		draft = *before;
		nft_match_key(&draft, key, json_array_get(entry, 0));
		if (read_verdict(&draft, json_array_get(entry, 1), &effect))
			add_rule(reading, &draft, &effect);
	}
}

static bool has_one_of(const json_t *statement, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (json_object_get(statement, names[i]))
			return true;
	return false;
}

static void read_statement(struct reading *reading, struct nft_draft *draft,
			   const json_t *statement, struct effect *effect)
{
	const json_t *body;

	if ((body = json_object_get(statement, "match")))
		nft_match_read(draft, body);
	else if ((body = json_object_get(statement, "vmap")))
		read_vmap(reading, draft, body);
	else if ((body = json_object_get(statement, "xt")))
		read_extension(draft, body, effect);
	else if (has_one_of(statement, limits, ARRAY_SIZE(limits)))
		nft_match_narrow(draft, "a limit");
	else if (!read_verdict(draft, statement, effect) &&
		 !has_one_of(statement, indifferent, ARRAY_SIZE(indifferent)))
		*effect = (struct effect){.ends = true, .action = FIREWALL_UNKNOWN};
}

static void read_rule(struct reading *reading, const json_t *object)
{
	const json_t *statements = json_object_get(object, "expr");
	struct nft_draft draft = {
		.sets = &reading->sets,
		.family = nft_string(object, "family"),
		.table = nft_string(object, "table"),
		.all_ports = true,
		.protocols = FIREWALL_TCP | FIREWALL_UDP,
		.families = families_of(nft_string(object, "family")),
	};
	struct effect effect = {.ends = false};

	reading->rule = object;
	for (size_t i = 0; i < json_array_size(statements) && !effect.ends && draft.families; i++)
		read_statement(reading, &draft, json_array_get(statements, i), &effect);
	if (effect.ends)
		add_rule(reading, &draft, &effect);
}

static void for_each(struct reading *reading, const char *kind,
		     void (*read)(struct reading *reading, const json_t *object))
{
	for (size_t i = 0; i < json_array_size(reading->objects); i++) {
		const json_t *object = json_object_get(json_array_get(reading->objects, i), kind);

		if (object && !reading->firewall->failed)
			read(reading, object);
	}
}

static void note_set(struct reading *reading, const json_t *object)
{
	if (reading->sets.count < NFT_SETS_MAX)
		reading->sets.set[reading->sets.count++] = object;
	else
		reading->firewall->failed = true;
}

int text_nft_read(const char *text, size_t length, bool terse, struct firewall *ret)
{
	json_t *document = json_loadb(text, length, 0, NULL);
	struct firewall firewall = {0};
	struct reading reading = {
		.firewall = &firewall,
		.objects = json_object_get(document, "nftables"),
		.sets.terse = terse,
	};
	bool failed;

	*ret = firewall;
	if (!json_is_array(reading.objects)) {
		json_decref(document);
		return -EINVAL;
	}
	for_each(&reading, "set", note_set);
	for_each(&reading, "map", note_set);
	for_each(&reading, "chain", read_chain);
	for_each(&reading, "rule", read_rule);
	json_decref(document);
	failed = firewall.failed || firewall_settle(&firewall) < 0;
	if (failed)
		firewall_done(&firewall);
	*ret = firewall;
	return failed ? -ENOMEM : 0;
}
