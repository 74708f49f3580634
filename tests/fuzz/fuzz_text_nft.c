/* A ruleset as nft -j prints it: the first byte says whether without elements (nft -t), the rest is the text. Whatever it
 * says, the questions asked of it end. */
#include <stdlib.h>
#include <string.h>

#include "text_nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct firewall *firewall)
{
	uint32_t rules = 0;

	for (size_t i = 0; i < firewall->chains; i++) {
		const struct firewall_chain *chain = &firewall->chain[i];

		if (chain->first != rules || chain->first + chain->rules > firewall->rules)
			abort();
		rules += chain->rules;
		for (uint32_t r = 0; r < chain->rules; r++)
			if (firewall->rule[chain->first + r].chain != i)
				abort();
	}
	if (rules != firewall->rules)
		abort();
	for (size_t i = 0; i < firewall->rules; i++) {
		const struct firewall_rule *rule = &firewall->rule[i];

		if (rule->port + rule->ports > firewall->ports ||
		    rule->action >= FIREWALL_ACTIONS || !rule->protocols || !rule->families ||
		    (rule->target != FIREWALL_NO_CHAIN && rule->target >= firewall->chains) ||
		    !memchr(rule->narrowed_by, '\0', FIREWALL_NAME_BYTES))
			abort();
		firewall_rule_has(firewall, rule, 80);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct firewall firewall;

	if (!size)
		return 0;
	if (text_nft_read((const char *)data + 1, size - 1, data[0] & 1, &firewall) == 0)
		look_at(&firewall);
	firewall_done(&firewall);
	return 0;
}
