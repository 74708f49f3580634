#include "firewall_rules.h"

#include <errno.h>
#include <string.h>

static const char *family_word(unsigned families, const char *v4, const char *v6, const char *both)
{
	return families == OS_IPV4 ? v4 : families == OS_IPV6 ? v6 : both;
}

/* The chain that most rulesets have. Where it exists it stays as it is, and the rule comes before any that drops. */
static void nft(struct port_range range, unsigned families, const char *protocol,
		struct strbuf *out)
{
	strbuf_printf(out, "insert rule inet filter input %s%s dport %u-%u accept\n",
		      family_word(families, "meta nfproto ipv4 ", "meta nfproto ipv6 ", ""),
		      protocol, range.lo, range.hi);
}

static void iptables(struct port_range range, unsigned families, const char *protocol,
		     struct strbuf *out)
{
	if (families & OS_IPV4)
		strbuf_printf(out, "iptables -I INPUT -p %s --dport %u:%u -j ACCEPT\n", protocol,
			      range.lo, range.hi);
	if (families & OS_IPV6)
		strbuf_printf(out, "ip6tables -I INPUT -p %s --dport %u:%u -j ACCEPT\n", protocol,
			      range.lo, range.hi);
}

static void pf(struct port_range range, unsigned families, const char *protocol, struct strbuf *out)
{
	strbuf_printf(out, "pass in %sproto %s to port %u:%u keep state\n",
		      family_word(families, "inet ", "inet6 ", ""), protocol, range.lo, range.hi);
}

static void netsh(struct port_range range, unsigned families, const char *protocol,
		  struct strbuf *out)
{
	(void)families; /* both, see below */
	strbuf_printf(
		out,
		"netsh advfirewall firewall add rule name=\"ephemeral ports %s %u-%u\" dir=in "
		"action=allow protocol=%s localport=%u-%u\n",
		protocol, range.lo, range.hi, protocol, range.lo, range.hi);
}

static const struct language {
	const char *name, *before;
	bool both_only; /* a rule is for both families */
	void (*rule)(struct port_range range, unsigned families, const char *protocol,
		     struct strbuf *out);
} languages[] = {
	{"nft", "add table inet filter\nadd chain inet filter input\n", false, nft},
	{"iptables", "", false, iptables},
	{"pf", "", false, pf},
	{"netsh", "", true, netsh},
};

int firewall_rules(const char *language, struct port_range range, unsigned protocols,
		   unsigned families, struct strbuf *out)
{
	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++) {
		if (strcmp(languages[i].name, language) != 0)
			continue;
		if (languages[i].both_only && families != (OS_IPV4 | OS_IPV6))
			return -EOPNOTSUPP;
		strbuf_puts(out, languages[i].before);
		if (protocols & OS_TCP)
			languages[i].rule(range, families, "tcp", out);
		if (protocols & OS_UDP)
			languages[i].rule(range, families, "udp", out);
		return 0;
	}
	return -EINVAL;
}
