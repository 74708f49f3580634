#include "why_claims.h"

#include "json.h"
#include "names.h"
#include "number.h"
#include "printable.h"
#include "screen.h"
#include "strbuf.h"

/* "ip nat PREROUTING handle 2": as nft wants it behind "delete rule"; of a policy the chain alone. */
static void add_rule(const struct firewall_claims *claims, const struct firewall_claim *claim,
		     struct strbuf *out)
{
	const struct firewall_chain *chain = &claims->firewall.chain[claim->chain];

	strbuf_printf(out, "%s %s %s", chain->family, chain->table, chain->name);
	if (claim->rule)
		strbuf_printf(out, " handle %llu", (unsigned long long)claim->rule->handle);
}

/* ":80 of this host", "10.0.0.5:81" */
static void add_target(const struct firewall_rule *rule, struct strbuf *out)
{
	char text[IP_ADDRESS_TEXT_BYTES];
	bool port = rule->to_port.lo;

	if (rule->to.family == IP_V6 && port)
		strbuf_printf(out, " to [%s]", ip_address_format(&rule->to, text));
	else if (rule->to.family)
		strbuf_printf(out, " to %s", ip_address_format(&rule->to, text));
	else
		strbuf_puts(out, port                                ? " to "
				 : rule->action == FIREWALL_REDIRECT ? " to another port"
								     : " elsewhere");
	if (port)
		strbuf_printf(out, rule->to.family ? ":%u" : "port %u", rule->to_port.lo);
	if (port && rule->to_port.hi > rule->to_port.lo)
		strbuf_printf(out, "-%u", rule->to_port.hi);
}

static void add_some(const struct firewall_claim *claim, struct strbuf *out)
{
	if (claim->certain)
		return;
	if (claim->rule && *claim->rule->narrowed_by)
		strbuf_printf(out, ", of some packets (%s)", claim->rule->narrowed_by);
	else
		strbuf_puts(out, ", unless an earlier rule lets them pass");
}

static void add_sent_away(const struct firewall_claim *claim, const struct bind_query *query,
			  struct strbuf *out)
{
	const char *verb = claim->what == FIREWALL_REDIRECT ? "redirects"
			   : claim->what == FIREWALL_TPROXY ? "gives to a proxy"
							    : "sends";

	strbuf_printf(out, " %s %s/%u", verb, name_protocol(query->protocol), query->port);
	if (claim->what != FIREWALL_TPROXY)
		add_target(claim->rule, out);
	add_some(claim, out);
	strbuf_printf(out, ": a server on %u %s packets from outside", query->port,
		      claim->certain ? "never sees" : "does not see those");
}

static void add_sentence(const struct firewall_claims *claims, const struct firewall_claim *claim,
			 const struct bind_query *query, struct strbuf *out)
{
	strbuf_printf(out, "nftables %s ", claim->rule ? "rule" : "policy of");
	add_rule(claims, claim, out);
	if (claim->what != FIREWALL_DROP && claim->what != FIREWALL_REJECT) {
		add_sent_away(claim, query, out);
		return;
	}
	strbuf_printf(out, " %ss inbound packets to %s/%u",
		      claim->what == FIREWALL_DROP ? "drop" : "reject",
		      name_protocol(query->protocol), query->port);
	add_some(claim, out);
}

void why_claims_json(const struct firewall_claims *claims, const struct bind_query *query,
		     struct json *json)
{
	bool known = claims && claims->known;
	struct strbuf text = STRBUF_INIT;

	json_string(json, "firewall",
		    !known            ? "not-read"
		    : claims->in_part ? "read-in-part"
				      : "read");
	if (claims && claims->unknown_because)
		json_string(json, "firewall_not_read_because", claims->unknown_because);
	json_array(json, "claims");
	for (unsigned i = 0; known && i < claims->count; i++) {
		const struct firewall_claim *claim = &claims->claim[i];

		json_object(json, NULL);
		json_string(json, "what", firewall_action_name(claim->what));
		strbuf_clear(&text);
		add_rule(claims, claim, &text);
		json_string(json, "rule", text.text);
		json_bool(json, "certain", claim->certain);
		strbuf_clear(&text);
		add_sentence(claims, claim, query, &text);
		json_string(json, "text", text.text);
		json_end(json);
	}
	json_end(json);
	strbuf_done(&text);
}

static void add_paragraph(const char *sentence, unsigned width, struct strbuf *out)
{
	struct strbuf clean = STRBUF_INIT;

	printable_puts(&clean, sentence);
	strbuf_puts(out, "  ");
	screen_wrap(out, clean.text, 2, 2, width);
	strbuf_done(&clean);
}

/* What was not read may claim the port: said once, in a line. */
static void add_unread(const struct firewall_claims *claims, const struct bind_query *query,
		       unsigned width, struct strbuf *out)
{
	struct strbuf line = STRBUF_INIT;

	if (ip_address_is_loopback(&query->address))
		return;
	if (claims->unknown_because)
		strbuf_printf(&line, "firewall rules not read: %s", claims->unknown_because);
	else if (claims->in_part && claims->firewall.unread)
		strbuf_printf(&line, "%s firewall rule%s could not be read: see iptables-save",
			      GROUPED(claims->firewall.unread),
			      claims->firewall.unread == 1 ? "" : "s");
	else if (claims->in_part)
		strbuf_puts(&line, "firewall rules read in part: see iptables-save");
	if (line.length) {
		add_paragraph(line.text, width, out);
		strbuf_putc(out, '\n');
	}
	strbuf_done(&line);
}

void why_claims_text(const struct firewall_claims *claims, const struct bind_query *query,
		     unsigned width, struct strbuf *out)
{
	struct strbuf sentence = STRBUF_INIT;

	if (!claims)
		return;
	if (!claims->known || !claims->count) {
		add_unread(claims, query, width, out);
		return;
	}
	for (unsigned i = 0; i < claims->count; i++) {
		strbuf_clear(&sentence);
		add_sentence(claims, &claims->claim[i], query, &sentence);
		add_paragraph(sentence.text, width, out);
	}
	if (claims->in_part)
		add_paragraph("there are firewall rules that could not be read, which may change "
			      "this: see iptables-save",
			      width, out);
	strbuf_putc(out, '\n');
	strbuf_done(&sentence);
}
