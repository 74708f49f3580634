/* Ports inside the ephemeral range that the packet filter sends elsewhere. */
#include "host_risks_search.h"
#include "strbuf.h"

#define RULES_SHOWN 5u
#define LIST_SHOWN  60u

static bool sends_away(const struct firewall_rule *rule)
{
	return !rule->all_ports &&
	       (rule->action == FIREWALL_REDIRECT || rule->action == FIREWALL_DNAT);
}

/* Of its ports those that automatic choice may take; none where there are too many to be meant one by one. */
static void ports_of(const struct host_search *search, const struct firewall_rule *rule,
		     struct port_set *ret)
{
	const struct firewall *firewall = &search->config->firewall->firewall;
	const struct settings *settings = &search->netns->settings;
	struct port_set range = {0};

	port_set_clear(ret);
	for (uint32_t i = 0; i < rule->ports; i++)
		port_set_add_range(ret, firewall->port[rule->port + i]);
	port_set_add_range(&range, settings->range);
	port_set_keep_set(ret, &range);
	port_set_remove_set(ret, &settings->reserved);
	port_set_remove_set(ret, &search->netns->binds.listening);
}

static void format_ports(const struct port_set *ports, struct strbuf *out)
{
	port_set_format(ports, out);
	if (out->length <= LIST_SHOWN)
		return;
	out->length = LIST_SHOWN;
	out->text[LIST_SHOWN] = '\0';
	strbuf_puts(out, "...");
}

static void add_rule(struct host_search *search, struct risk *risk,
		     const struct firewall_rule *rule, const struct port_set *ports)
{
	const struct firewall_chain *chain = &search->config->firewall->firewall.chain[rule->chain];
	char address[IP_ADDRESS_TEXT_BYTES];
	struct strbuf list = STRBUF_INIT;

	format_ports(ports, &list);
	risk_evidence(search->result, risk, "%s: %s %s %s handle %llu %s%s", list.text,
		      chain->family, chain->table, chain->name, (unsigned long long)rule->handle,
		      rule->action == FIREWALL_REDIRECT ? "redirects"
		      : rule->to.family                 ? "sends to "
							: "sends elsewhere",
		      rule->to.family ? ip_address_format(&rule->to, address) : "");
	strbuf_done(&list);
}

void host_risks_of_firewall(struct host_search *search)
{
	const struct firewall_claims *claims = search->config->firewall;
	const struct firewall *firewall = claims ? &claims->firewall : NULL;
	struct port_set all = {0}, ports;
	struct strbuf list = STRBUF_INIT;
	struct risk *risk;
	unsigned shown = 0, rules = 0;

	for (size_t i = 0; claims && claims->known && i < firewall->rules; i++) {
		if (!sends_away(&firewall->rule[i]))
			continue;
		ports_of(search, &firewall->rule[i], &ports);
		port_set_add_set(&all, &ports);
	}
	if (!port_set_count(&all))
		return;
	format_ports(&all, &list);
	risk = risk_list_add(search->result, 0, "firewall-claims-range", RISK_INFO,
			     "the packet filter sends ports of the ephemeral range elsewhere: %s",
			     list.text);
	strbuf_done(&list);
	for (size_t i = 0; i < firewall->rules; i++) {
		if (!sends_away(&firewall->rule[i]))
			continue;
		ports_of(search, &firewall->rule[i], &ports);
		rules += port_set_count(&ports) != 0;
		if (port_set_count(&ports) && shown++ < RULES_SHOWN)
			add_rule(search, risk, &firewall->rule[i], &ports);
	}
	if (rules > RULES_SHOWN)
		risk_evidence(search->result, risk, "and %u more rules", rules - RULES_SHOWN);
	risk_evidence(search->result, risk,
		      "nothing listens there, so an outgoing connection may have the port when a "
		      "program that publishes it (docker-proxy, a NodePort) wants to bind it");
	risk_advice_reserve(search->result, risk, &all, false,
			    "reserve them: automatic choice then passes over them");
}
