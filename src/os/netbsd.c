/*
 * NetBSD: IPv4 and IPv6 are set apart, TCP and UDP together. The kernel refuses min >= max, so the order of steps matters.
 */
#include <stdio.h>

#include "os_text.h"
#include "sysctl_conf.h"

static const struct os_range_spec specs[] = {
	{OS_REGULAR,
	 OS_TCP_UDP,
	 OS_IPV4,
	 {1024, 65535},
	 "net.inet.ip.anonportmin",
	 "net.inet.ip.anonportmax"},
	{OS_REGULAR,
	 OS_TCP_UDP,
	 OS_IPV6,
	 {1024, 65535},
	 "net.inet6.ip6.anonportmin",
	 "net.inet6.ip6.anonportmax"},
	{OS_LOW,
	 OS_TCP_UDP,
	 OS_IPV4,
	 {600, 1023},
	 "net.inet.ip.lowportmin",
	 "net.inet.ip.lowportmax"},
	{OS_LOW,
	 OS_TCP_UDP,
	 OS_IPV6,
	 {600, 1023},
	 "net.inet6.ip6.lowportmin",
	 "net.inet6.ip6.lowportmax"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR, {49152, 65535}, "", "", "NetBSD netinet/in.h and ip_input.c", false},
	{OS_LOW, {600, 1023}, "", "", "NetBSD netinet/in.h and ip_input.c", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"families", "IPv4 and IPv6 have settings of their own: set both",
	 "NetBSD netinet6/in6_pcb.c"},
	{"bounds", "min < max, both from 1024 to 65535 (low range: 600-1023), else EINVAL",
	 "NetBSD netinet/tcp_usrreq.c"},
	{"order", "upwards past the old maximum: max first; downwards: min first",
	 "NetBSD netinet/tcp_usrreq.c"},
	{"high range", "none; IP_PORTRANGE_HIGH means the regular one", "NetBSD netinet/in_pcb.c"},
	{"algorithm",
	 "bsd counts down from max; also random_start, random_pick, hash, doublehash and "
	 "randinc: net.inet.ip.anonportalgo.selected",
	 "NetBSD netinet/portalgo.c (2013)"},
	{"never chosen", "ports of net.inet.ip.anonportalgo.reserve", "NetBSD netinet/portalgo.c"},
	{"sharing", "none", "NetBSD netinet/in_pcb.c"},
	{"exhausted", "connect() fails with EAGAIN", "NetBSD netinet/portalgo.c"},
	{"TIME_WAIT", "2 * net.inet.tcp.msl, in half seconds (60)", "known, not read again"},
	{"boot", "/etc/sysctl.conf, read by rc.d/sysctl", "known, not read again"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_NOTHING,
	.show = "sysctl net.inet.ip.anonportmin net.inet.ip.anonportmax",
	.set = "sysctl -w net.inet.ip.anonportmin=32768",
	.persist = "/etc/sysctl.conf: net.inet.ip.anonportmin=32768",
	.fact = fact,
};

static const struct os_command commands[] = {
	{"sysctl", "for n in net.inet.ip net.inet6.ip6; do /sbin/sysctl $n.anonportmin "
		   "$n.anonportmax $n.lowportmin $n.lowportmax $n.anonportalgo.selected; done"},
	{NULL, NULL},
};

static const struct os_boot_file boot_files[] = {
	{"/etc/sysctl.conf"},
	{NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "NetBSD");
}

static void parse(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;

	os_text_parse_pairs(state, output);
	while (text_line_next(&lines, &line))
		if (os_text_pair(line, &name, &value) &&
		    text_is(name, "net.inet.ip.anonportalgo.selected") && value.length < 32)
			snprintf(state->algorithm, sizeof(state->algorithm), "%.*s",
				 (int)value.length, value.start);
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	if (step->store == OS_RUNNING)
		strbuf_printf(out, "/sbin/sysctl -w %s=%s", step->setting, step->after);
}

const struct os_system os_netbsd = {
	.name = "netbsd",
	.title = "NetBSD",
	.flags = OS_STRICT | OS_ORDERED,
	.spec = specs,
	.specs = 4,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.boot_file = boot_files,
	.is = is,
	.parse = parse,
	.set = set,
	.boot = sysctl_conf_boot,
	.persist = sysctl_conf_persist,
	.no_list = "net.inet.ip.anonportalgo.reserve and net.inet6.ip6.anonportalgo.reserve are "
		   "for that, but how "
		   "their value is written differs and was not seen, so it is left to you; or "
		   "set the range so that the port lies outside of it: ephemports range set "
		   "LOW-HIGH --host NAME",
};
