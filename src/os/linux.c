/*
 * Linux: one range for TCP, UDP, SCTP, IPv4 and IPv6, one for each network namespace. Files that keep it are sysctl.d's,
 * which core/text_sysctl_conf.h reads and sysctl_edit.h changes.
 */
#include <string.h>

#include "linux_boot.h"
#include "os_text.h"
#include "reserved.h"
#include "text_sysctl.h"

#define RANGE    "net.ipv4.ip_local_port_range"
#define RESERVED "net.ipv4.ip_local_reserved_ports"
#define FLOOR    "net.ipv4.ip_unprivileged_port_start"

static const struct os_range_spec specs[] = {
	{OS_REGULAR, OS_TCP_UDP, OS_IPV4_6, {1, 65535}, RANGE, RANGE},
};

static const struct os_default defaults[] = {
	{OS_REGULAR, {32768, 60999}, "4.2", "", "Linux 6.18 net/ipv4/af_inet.c", true},
	{OS_REGULAR,
	 {32768, 61000},
	 "2.4",
	 "4.1",
	 "known, not read again; less on small machines until "
	 "2.6",
	 true},
	{OS_REGULAR, {1024, 4999}, "", "2.2", "NcFTP, The Ephemeral Port Range; ip(7)", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"protocols",
	 "one pair for TCP, UDP, UDP-Lite and SCTP, IPv4 and IPv6; there is no net.ipv6 "
	 "twin",
	 "Linux 6.18 net/ipv4/sysctl_net_ipv4.c, measured"},
	{"namespaces", "each network namespace, so each container, has its own",
	 "measured on 6.18"},
	{"bounds",
	 "1-65535, low <= high, low not below net.ipv4.ip_unprivileged_port_start; else "
	 "EINVAL",
	 "Linux 6.18 net/ipv4/sysctl_net_ipv4.c, measured"},
	{"half a pair",
	 "writing one number changes the low end only and succeeds; sysctl -w echoes "
	 "what was typed, not what was stored: read back",
	 "measured on 6.18"},
	{"parity",
	 "ends of the same parity make an odd number of ports, of which each search skips "
	 "one; the kernel logs it once",
	 "Linux 6.18 net/ipv4/inet_hashtables.c, measured"},
	{"algorithm",
	 "RFC 6056 algorithm 4 with random steps, ports of the parity of low first; "
	 "bind(0) takes the other parity first",
	 "Linux 6.18 net/ipv4/inet_hashtables.c, "
	 "inet_connection_sock.c"},
	{"never chosen",
	 "net.ipv4.ip_local_reserved_ports; an explicit bind() gets them all the same",
	 "Linux 6.18 net/ipv4/inet_hashtables.c, measured"},
	{"sharing", "connect() shares a port between destinations; bind(0) and UDP do not",
	 "measured on 6.18"},
	{"exhausted", "connect(): EADDRNOTAVAIL; UDP connect(): EAGAIN; bind(0): EADDRINUSE",
	 "measured on 6.18"},
	{"TIME_WAIT", "60 s, compiled in; tcp_fin_timeout is something else",
	 "Linux 6.18 include/net/tcp.h"},
	{"boot",
	 "the last assignment in the sysctl.d directories by name of file; sysctl --system "
	 "reads /etc/sysctl.conf last, systemd-sysctl only through a link",
	 "sysctl(8), sysctl.d(5)"},
	{"outdated", "/etc/rc.local; 61000; \"if memory permits\"",
	 "NcFTP, The Ephemeral Port Range"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_BY_DESTINATION,
	.show = "sysctl " RANGE,
	.set = "sysctl -w " RANGE "=\"49152 65535\"",
	.persist = "/etc/sysctl.d/90-ephemports.conf: " RANGE " = 49152 65535",
	.fact = fact,
};

static const struct os_command commands[] = {
	{"proc",
	 "for n in ip_local_port_range ip_local_reserved_ports ip_unprivileged_port_start; do "
	 "echo \"net.ipv4.$n = `/bin/cat /proc/sys/net/ipv4/$n`\"; done"},
	{NULL, NULL},
};

static const struct os_list lists[] = {
	{RESERVED, OS_TCP_UDP, OS_IPV4_6, OS_RUNNING, false, ""},
	{.setting = NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "Linux");
}

static void take_range(struct os_state *state, struct text_span value)
{
	struct port_range range;

	if (text_sysctl_range(value.start, value.length, &range) < 0)
		return;
	state->range[0].value[OS_END_LOW] = range.lo;
	state->range[0].value[OS_END_HIGH] = range.hi;
}

static void parse(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;
	uint32_t number;

	while (text_line_next(&lines, &line)) {
		if (!os_text_pair(line, &name, &value))
			take_range(state, line);
		else if (text_is(name, RANGE))
			take_range(state, value);
		else if (text_is(name, RESERVED))
			os_text_reserve(state, RESERVED, OS_TCP_UDP, value, false);
		else if (text_is(name, FLOOR) && os_text_number(value, UINT16_MAX, &number))
			state->floor = (uint16_t)number;
	}
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	if (step->store == OS_RUNNING)
		strbuf_printf(out, "echo \"%s\" >/proc/sys/net/ipv4/ip_local_port_range",
			      step->after);
}

static void list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out)
{
	(void)list;
	(void)state;
	(void)store;
	(void)before;
	strbuf_puts(out, "echo \"");
	os_ports_format(after, out);
	strbuf_puts(out, "\" >/proc/sys/net/ipv4/ip_local_reserved_ports\n");
}

const struct os_system os_linux = {
	.name = "linux",
	.title = "Linux",
	.flags = OS_EVEN | OS_ONE_SETTING,
	.spec = specs,
	.specs = 1,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.is = is,
	.boot_file = linux_boot_files,
	.boot_sign = linux_boot_signs,
	.parse = parse,
	.set = set,
	.boot = linux_boot,
	.persist = linux_persist,
	.list = lists,
	.list_set = list_set,
	.list_persist = linux_list_persist,
};
