#include "firewall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void firewall_done(struct firewall *firewall)
{
	free(firewall->chain);
	free(firewall->rule);
	free(firewall->port);
	*firewall = (struct firewall){0};
}

/* Room for one more of @bytes each; the array, or NULL. */
static void *grow(void *array, size_t count, size_t *capacity, size_t bytes, size_t max)
{
	size_t larger = *capacity ? *capacity * 2 : 32;
	void *grown;

	if (count < *capacity)
		return array;
	if (count >= max)
		return NULL;
	grown = reallocarray(array, larger, bytes);
	if (grown)
		*capacity = larger;
	return grown;
}

struct firewall_chain *firewall_add_chain(struct firewall *firewall)
{
	void *grown = grow(firewall->chain, firewall->chains, &firewall->chains_capacity,
			   sizeof(*firewall->chain), FIREWALL_CHAINS_MAX);

	if (!grown) {
		firewall->failed = true;
		return NULL;
	}
	firewall->chain = grown;
	firewall->chain[firewall->chains] = (struct firewall_chain){0};
	return &firewall->chain[firewall->chains++];
}

struct firewall_rule *firewall_add_rule(struct firewall *firewall)
{
	void *grown = grow(firewall->rule, firewall->rules, &firewall->rules_capacity,
			   sizeof(*firewall->rule), FIREWALL_RULES_MAX);

	if (!grown) {
		firewall->failed = true;
		return NULL;
	}
	firewall->rule = grown;
	firewall->rule[firewall->rules] = (struct firewall_rule){0};
	return &firewall->rule[firewall->rules++];
}

static void add_range(struct firewall *firewall, struct firewall_rule *rule,
		      struct port_range range)
{
	void *grown = grow(firewall->port, firewall->ports, &firewall->ports_capacity,
			   sizeof(*firewall->port), FIREWALL_PORTS_MAX);

	if (!grown) {
		firewall->failed = true;
		return;
	}
	firewall->port = grown;
	firewall->port[firewall->ports++] = range;
	rule->ports++;
}

void firewall_set_ports(struct firewall *firewall, struct firewall_rule *rule,
			const struct port_set *set)
{
	int port = port_set_next(set, 0);

	rule->port = (uint32_t)firewall->ports;
	rule->ports = 0;
	while (port >= 0) {
		int end = port;

		while (end < UINT16_MAX && port_set_has(set, (uint16_t)(end + 1)))
			end++;
		add_range(firewall, rule, (struct port_range){(uint16_t)port, (uint16_t)end});
		port = end < UINT16_MAX ? port_set_next(set, end + 1) : -1;
	}
}

bool firewall_rule_has(const struct firewall *firewall, const struct firewall_rule *rule,
		       uint16_t port)
{
	if (rule->all_ports)
		return true;
	for (uint32_t i = 0; i < rule->ports; i++)
		if (port_range_has(firewall->port[rule->port + i], port))
			return true;
	return false;
}

uint32_t firewall_find_chain(const struct firewall *firewall, const char *family, const char *table,
			     const char *name)
{
	for (size_t i = 0; i < firewall->chains; i++) {
		const struct firewall_chain *chain = &firewall->chain[i];

		if (strcmp(chain->name, name) == 0 && strcmp(chain->table, table) == 0 &&
		    strcmp(chain->family, family) == 0)
			return (uint32_t)i;
	}
	return FIREWALL_NO_CHAIN;
}

int firewall_settle(struct firewall *firewall)
{
	struct firewall_rule *sorted = calloc(firewall->rules + 1, sizeof(*sorted));
	uint32_t next = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < firewall->rules; i++)
		firewall->chain[firewall->rule[i].chain].rules++;
	for (size_t i = 0; i < firewall->chains; i++) {
		firewall->chain[i].first = next;
		next += firewall->chain[i].rules;
		firewall->chain[i].rules = 0;
	}
	for (size_t i = 0; i < firewall->rules; i++) {
		struct firewall_chain *chain = &firewall->chain[firewall->rule[i].chain];

		sorted[chain->first + chain->rules++] = firewall->rule[i];
	}
	free(firewall->rule);
	firewall->rule = sorted;
	firewall->rules_capacity = firewall->rules + 1;
	return 0;
}
