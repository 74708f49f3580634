#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "change_session.h"
#include "firewall_rules.h"
#include "json.h"
#include "range.h"
#include "text_sysctl.h"

#define RANGE "net.ipv4.ip_local_port_range"

/* The range that holds on this host. */
static int read_range(const struct arguments *arguments, struct port_range *ret,
		      struct eph_error *reterr)
{
	struct change_session session;
	struct strbuf text = STRBUF_INIT;
	int r = change_session_open(arguments, false, &session, reterr);

	if (r == 0)
		r = session.local.runner.settings->read(&session.local.runner, RANGE, &text,
							reterr);
	if (r == 0 && text_sysctl_range(text.text, text.length, ret) < 0)
		r = error_set(reterr, -EINVAL, "range", RANGE " is not understood");
	strbuf_done(&text);
	change_session_close(&session);
	return r;
}

static void add_lines(const char *text, struct json *json)
{
	char line[256];

	json_array(json, "rules");
	for (size_t length; *text; text += length + 1) {
		length = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		json_string(json, NULL, line);
	}
	json_end(json);
}

static void show_json(const char *language, struct port_range range, const char *rules,
		      struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "language", language);
	json_object(&json, "range");
	json_uint(&json, "low", range.lo);
	json_uint(&json, "high", range.hi);
	json_uint(&json, "ports", port_range_width(range));
	json_end(&json);
	add_lines(rules, &json);
	json_end(&json);
}

static int add_rules(const struct arguments *arguments, const char *language,
		     struct port_range range, struct strbuf *out, struct eph_error *reterr)
{
	bool tcp = arguments_has(arguments, "tcp"), udp = arguments_has(arguments, "udp");
	bool v4 = arguments_has(arguments, "ipv4"), v6 = arguments_has(arguments, "ipv6");
	/* Passive FTP is TCP; UDP only for who asks for it. */
	int r = firewall_rules(language, range, (tcp || !udp ? OS_TCP : 0u) | (udp ? OS_UDP : 0u),
			       (v4 || !v6 ? OS_IPV4 : 0u) | (v6 || !v4 ? OS_IPV6 : 0u), out);

	if (r == -EOPNOTSUPP)
		return error_set(reterr, r, "range",
				 "a rule of %s is for IPv4 and IPv6: leave out -4 and -6",
				 language);
	return r < 0 ? error_set(reterr, r, "range", "'%.40s' is none of nft, iptables, pf, netsh",
				 language)
		     : 0;
}

int range_firewall(const struct arguments *arguments, struct outcome *outcome,
		   struct eph_error *reterr)
{
	const char *language = arguments_get(arguments, "for");
	struct strbuf rules = STRBUF_INIT;
	struct port_range range;
	int r;

	if (!language)
		return error_set(reterr, -EINVAL, "range",
				 "--for what? expected nft, iptables, pf or netsh");
	if (arguments->n_operands > 1)
		r = port_range_parse(arguments->operand[1], &range, reterr);
	else
		r = read_range(arguments, &range, reterr);
	if (r == 0)
		r = add_rules(arguments, language, range, &rules, reterr);
	if (r == 0 && arguments_has(arguments, "json"))
		show_json(language, range, rules.text, &outcome->text);
	else if (r == 0)
		strbuf_puts(&outcome->text, rules.text);
	strbuf_done(&rules);
	return r;
}
