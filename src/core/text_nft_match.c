#include "text_nft_match.h"

#include <stdio.h>
#include <string.h>

#define NESTING_MAX 8u

enum key {
	KEY_OTHER,
	KEY_PORT,
	KEY_PROTOCOL,
	KEY_FAMILY,
	KEY_STATE,
	KEY_INTERFACE,
	KEY_LOCAL, /* fib daddr type */
};

const char *nft_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

void nft_match_narrow(struct nft_draft *draft, const char *why)
{
	draft->narrowed = true;
	if (!*draft->narrowed_by)
		snprintf(draft->narrowed_by, sizeof(draft->narrowed_by), "%s", why);
}

static enum key key_of_payload(const json_t *payload, uint8_t *ret_protocols)
{
	const char *protocol = nft_string(payload, "protocol");
	const char *field = nft_string(payload, "field");

	if (strcmp(protocol, "tcp") == 0)
		*ret_protocols = FIREWALL_TCP;
	else if (strcmp(protocol, "udp") == 0)
		*ret_protocols = FIREWALL_UDP;
	else if ((strcmp(protocol, "ip") == 0 && strcmp(field, "protocol") == 0) ||
		 (strcmp(protocol, "ip6") == 0 && strcmp(field, "nexthdr") == 0))
		return KEY_PROTOCOL;
	else if (strcmp(protocol, "th") != 0)
		return KEY_OTHER;
	return strcmp(field, "dport") == 0 ? KEY_PORT : KEY_OTHER;
}

static enum key key_of_meta(const char *name)
{
	if (strcmp(name, "l4proto") == 0)
		return KEY_PROTOCOL;
	if (strcmp(name, "nfproto") == 0)
		return KEY_FAMILY;
	if (strcmp(name, "iif") == 0 || strcmp(name, "iifname") == 0)
		return KEY_INTERFACE;
	return KEY_OTHER;
}

/* What the left side of a condition is, and the protocols that have such a field at all. */
static enum key key_of(const json_t *left, uint8_t *ret_protocols)
{
	const json_t *part;

	*ret_protocols = FIREWALL_TCP | FIREWALL_UDP;
	if ((part = json_object_get(left, "payload")))
		return key_of_payload(part, ret_protocols);
	if ((part = json_object_get(left, "meta")))
		return key_of_meta(nft_string(part, "key"));
	if ((part = json_object_get(left, "ct")))
		return strcmp(nft_string(part, "key"), "state") == 0 ? KEY_STATE : KEY_OTHER;
	if ((part = json_object_get(left, "fib")))
		return strcmp(nft_string(part, "result"), "type") == 0 ? KEY_LOCAL : KEY_OTHER;
	return KEY_OTHER;
}

const json_t *nft_elements(struct nft_draft *draft, const json_t *data)
{
	const char *name = json_string_value(data);

	if (!name)
		return json_object_get(data, "set");
	for (size_t i = 0; *name == '@' && i < draft->sets->count; i++) {
		const json_t *set = draft->sets->set[i], *elements;

		if (strcmp(nft_string(set, "name"), name + 1) != 0 ||
		    strcmp(nft_string(set, "table"), draft->table) != 0 ||
		    strcmp(nft_string(set, "family"), draft->family) != 0)
			continue;
		elements = json_object_get(set, "elem");
		draft->sets_missing |= !elements && draft->sets->terse;
		return elements;
	}
	return NULL;
}

/* Is @data the name of a set that has no elements now? */
static bool is_empty_set(const struct nft_draft *draft, const json_t *data)
{
	return json_is_string(data) && *json_string_value(data) == '@' && !draft->sets->terse;
}

static bool add_number(const json_t *from, const json_t *to, struct port_set *ports)
{
	json_int_t lo = json_integer_value(from), hi = json_integer_value(to);

	if (!json_is_integer(from) || !json_is_integer(to) || lo < 0 || hi > UINT16_MAX || lo > hi)
		return false;
	port_set_add_range(ports, (struct port_range){(uint16_t)lo, (uint16_t)hi});
	return true;
}

static bool add_value(struct nft_draft *draft, const json_t *value, size_t part, unsigned depth,
		      struct port_set *ports);

static bool add_all(struct nft_draft *draft, const json_t *elements, size_t part, unsigned depth,
		    struct port_set *ports)
{
	for (size_t i = 0; i < json_array_size(elements); i++)
		if (!add_value(draft, json_array_get(elements, i), part, depth, ports))
			return false;
	return true;
}

/* The ports that @value stands for: a number, a range, a set, the name of one, an element with its comment, the @part-th
 * of a concatenation, the key of a map's entry. False when it is something else. */
static bool add_value(struct nft_draft *draft, const json_t *value, size_t part, unsigned depth,
		      struct port_set *ports)
{
	const json_t *inner;

	if (depth == NESTING_MAX)
		return false;
	if (json_is_integer(value))
		return add_number(value, value, ports);
	if (json_is_array(value))
		return add_value(draft, json_array_get(value, 0), part, depth + 1, ports);
	if ((inner = json_object_get(value, "range")))
		return add_number(json_array_get(inner, 0), json_array_get(inner, 1), ports);
	if ((inner = json_object_get(value, "elem")))
		return add_value(draft, json_object_get(inner, "val"), part, depth + 1, ports);
	if ((inner = json_object_get(value, "concat")))
		return add_value(draft, json_array_get(inner, part), part, depth + 1, ports);
	inner = nft_elements(draft, value);
	if (!inner)
		return is_empty_set(draft, value);
	return add_all(draft, inner, part, depth + 1, ports);
}

static void keep_ports(struct nft_draft *draft, const struct port_set *ports)
{
	if (draft->all_ports)
		draft->ports = *ports;
	else
		port_set_keep_set(&draft->ports, ports);
	draft->all_ports = false;
}

/* "<=" 1023 and the like, as the set of ports it leaves. */
static bool compare(const char *operator, const json_t * value, struct port_set *ports)
{
	json_int_t limit = json_integer_value(value), lo = 0, hi = UINT16_MAX;

	if (!json_is_integer(value) || limit < 0 || limit > UINT16_MAX)
		return false;
	if (*operator== '<')
		hi = operator[1] ? limit : limit - 1;
	else
		lo = operator[1] ? limit : limit + 1;
	if (lo <= hi)
		port_set_add_range(ports, (struct port_range){(uint16_t)lo, (uint16_t)hi});
	return true;
}

static void unreadable(struct nft_draft *draft, const char *what)
{
	draft->unread = true;
	nft_match_narrow(draft, what);
}

static void match_port(struct nft_draft *draft, const char *operator, const json_t * value,
		       size_t part)
{
	struct port_set ports = {0}, others = {0};
	bool read = *operator== '<' || * operator== '>' ? compare(operator, value, &ports)
							: add_value(draft, value, part, 0, &ports);

	if (!read) {
		unreadable(draft, "a list of ports that could not be read");
		return;
	}
	if (*operator== '!') {
		port_set_add_range(&others, (struct port_range){0, UINT16_MAX});
		port_set_remove_set(&others, &ports);
		ports = others;
	}
	keep_ports(draft, &ports);
}

static uint8_t protocol_of(const json_t *value)
{
	const char *name = json_string_value(value);

	if (name)
		return strcmp(name, "tcp") == 0   ? FIREWALL_TCP
		       : strcmp(name, "udp") == 0 ? FIREWALL_UDP
						  : 0;
	return json_integer_value(value) == 6    ? FIREWALL_TCP
	       : json_integer_value(value) == 17 ? FIREWALL_UDP
						 : 0;
}

static uint8_t family_of(const json_t *value)
{
	const char *name = json_string_value(value);

	if (name && strcmp(name, "ipv4") == 0)
		return FIREWALL_IPV4;
	return name && strcmp(name, "ipv6") == 0 ? FIREWALL_IPV6 : 0;
}

static uint8_t is_new(const json_t *value)
{
	const char *name = json_string_value(value);

	return name && strcmp(name, "new") == 0;
}

static uint8_t is_loopback(const json_t *value)
{
	const char *name = json_string_value(value);

	return name && strcmp(name, "lo") == 0;
}

static uint8_t is_local(const json_t *value)
{
	const char *name = json_string_value(value);

	return name && strcmp(name, "local") == 0;
}

/* What the values of @right come to together. */
static uint8_t sum(const json_t *right, uint8_t (*of)(const json_t *value), size_t *ret_values)
{
	const json_t *list = json_is_array(right) ? right : json_object_get(right, "set");
	uint8_t all = 0;

	*ret_values = list ? json_array_size(list) : 1;
	if (!list)
		return of(right);
	for (size_t i = 0; i < json_array_size(list); i++)
		all |= of(json_array_get(list, i));
	return all;
}

/* Of two things that a packet can be (TCP or UDP, IPv4 or IPv6) keep those that the condition allows. */
static void keep_bits(uint8_t *bits, bool negated, uint8_t allowed)
{
	*bits &= negated ? (uint8_t)~allowed : allowed;
}

/* "iifname eth0", "ip saddr 10.0.0.0" */
static void narrow_by(struct nft_draft *draft, const json_t *left, const char *operator,
		      const json_t * right)
{
	const json_t *payload = json_object_get(left, "payload");
	const json_t *prefix = json_object_get(right, "prefix"), *part;
	const char *value = json_string_value(prefix ? json_object_get(prefix, "addr") : right);
	char what[24] = "a condition", text[FIREWALL_NAME_BYTES];

	if (payload)
		snprintf(what, sizeof(what), "%.10s %.10s", nft_string(payload, "protocol"),
			 nft_string(payload, "field"));
	else if ((part = json_object_get(left, "meta")))
		snprintf(what, sizeof(what), "%.20s", nft_string(part, "key"));
	else if ((part = json_object_get(left, "ct")))
		snprintf(what, sizeof(what), "ct %.20s", nft_string(part, "key"));
	if (value && prefix)
		snprintf(text, sizeof(text), "%s %.2s%.24s/%d", what, operator, value,
			 (int)json_integer_value(json_object_get(prefix, "len")));
	else if (value)
		snprintf(text, sizeof(text), "%s %.2s%.36s", what, operator, value);
	nft_match_narrow(draft, value ? text : what);
}

/* A field of an IPv4 header is in no IPv6 packet. */
static void keep_family(struct nft_draft *draft, const json_t *left)
{
	const char *protocol = nft_string(json_object_get(left, "payload"), "protocol");

	if (strcmp(protocol, "ip") == 0)
		draft->families &= FIREWALL_IPV4;
	else if (strcmp(protocol, "ip6") == 0)
		draft->families &= FIREWALL_IPV6;
}

/* A packet from outside: it is no loopback one, it is new, and where it matters it is addressed to this host. */
static bool match_known(struct nft_draft *draft, enum key key, bool negated, const json_t *right)
{
	size_t values;

	switch (key) {
	case KEY_PROTOCOL:
		keep_bits(&draft->protocols, negated, sum(right, protocol_of, &values));
		return true;
	case KEY_FAMILY:
		keep_bits(&draft->families, negated, sum(right, family_of, &values));
		return true;
	case KEY_STATE:
		draft->never |= sum(right, is_new, &values) == negated;
		return true;
	case KEY_LOCAL:
		draft->never |= sum(right, is_local, &values) == negated;
		return true;
	case KEY_INTERFACE:
		if (!sum(right, is_loopback, &values) || values != 1)
			return false;
		draft->never |= !negated;
		return true;
	case KEY_PORT:
	case KEY_OTHER:
		break;
	}
	return false;
}

static void match_one(struct nft_draft *draft, const json_t *left, const char *operator,
		      const json_t * right, size_t part, bool several)
{
	uint8_t protocols;
	enum key key = key_of(left, &protocols);

	draft->protocols &= protocols;
	keep_family(draft, left);
	if (key == KEY_PORT) {
		if (several && *operator== '!')
			unreadable(draft, "a negated concatenation");
		else
			match_port(draft, operator, right, part);
	} else if (several || !match_known(draft, key, *operator== '!', right)) {
		narrow_by(draft, left, *operator== '!' ? "!=" : "", right);
	}
}

static void match(struct nft_draft *draft, const json_t *left, const char *operator,
		  const json_t * right)
{
	const json_t *concat = json_object_get(left, "concat");

	if (!concat)
		match_one(draft, left, operator, right, 0, false);
	for (size_t i = 0; i < json_array_size(concat); i++)
		match_one(draft, json_array_get(concat, i), operator, right, i, true);
}

void nft_match_read(struct nft_draft *draft, const json_t *one)
{
	match(draft, json_object_get(one, "left"), nft_string(one, "op"),
	      json_object_get(one, "right"));
}

void nft_match_key(struct nft_draft *draft, const json_t *key, const json_t *data)
{
	match(draft, key, "==", data);
}
