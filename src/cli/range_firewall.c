#include <errno.h>

#include "change_session.h"
#include "firewall_rules.h"
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

int range_firewall(const struct arguments *arguments, struct outcome *outcome,
		   struct eph_error *reterr)
{
	const char *language = arguments_get(arguments, "for");
	bool tcp = arguments_has(arguments, "tcp"), udp = arguments_has(arguments, "udp");
	bool v4 = arguments_has(arguments, "ipv4"), v6 = arguments_has(arguments, "ipv6");
	struct port_range range;
	int r;

	if (!language)
		return error_set(reterr, -EINVAL, "range",
				 "--for what? expected nft, iptables, pf or netsh");
	if (arguments->n_operands > 1)
		r = port_range_parse(arguments->operand[1], &range, reterr);
	else
		r = read_range(arguments, &range, reterr);
	if (r < 0)
		return r;
	/* Passive FTP is TCP; UDP only for who asks for it. */
	r = firewall_rules(language, range, (tcp || !udp ? OS_TCP : 0u) | (udp ? OS_UDP : 0u),
			   (v4 || !v6 ? OS_IPV4 : 0u) | (v6 || !v4 ? OS_IPV6 : 0u), &outcome->text);
	return r < 0 ? error_set(reterr, r, "range", "'%.40s' is none of nft, iptables, pf, netsh",
				 language)
		     : 0;
}
