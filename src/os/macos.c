/*
 * macOS: names and clamping as FreeBSD; kept after a boot by a LaunchDaemon of ours.
 */
#include "os_text.h"
#include "plist.h"
#include "portrange.h"

static const struct os_default defaults[] = {
	{OS_REGULAR, {49152, 65535}, "", "", "xnu-123.5 to xnu-11417 bsd/netinet/in_pcb.c", false},
	{OS_HIGH, {49152, 65535}, "", "", "xnu bsd/netinet/in_pcb.c", false},
	{OS_LOW, {600, 1023}, "", "", "xnu bsd/netinet/in_pcb.c", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"bounds",
	 "each value is moved into 1024-65535 (low range: 1-1023) on its own, without an "
	 "error: read back after every change",
	 "xnu bsd/netinet/in_pcb.c"},
	{"high range", "some clients use it: change hifirst and hilast too",
	 "xnu bsd/netinet/in_pcb.c"},
	{"algorithm",
	 "TCP sequential upwards, unless net.inet.tcp.randomize_ports is 1; UDP random "
	 "start (since 10.6)",
	 "xnu-1456 bsd/netinet/in_pcb.c"},
	{"never chosen", "restricted ports: 55555 on macOS", "xnu bsd/netinet/in_pcb.c"},
	{"UDP",
	 "newer releases refuse when fewer than 4096 UDP ports are left, unless "
	 "net.inet.ip.portrange.ipport_allow_udp_port_exhaustion is 1",
	 "xnu-11417"},
	{"sharing", "none: a port serves one connection of the host", "xnu bsd/netinet/in_pcb.c"},
	{"exhausted", "connect() fails with EADDRNOTAVAIL (IPv4) or EAGAIN (IPv6)",
	 "xnu bsd/netinet/in_pcb.c and in6_src.c"},
	{"TIME_WAIT", "2 * net.inet.tcp.msl (15000 ms since 10.5)",
	 "xnu-1228 bsd/netinet/tcp_timer.c"},
	{"boot",
	 "/etc/sysctl.conf was read until 10.9; later notes disagree, so a LaunchDaemon with "
	 "RunAtLoad is the way",
	 "launchd-842; later is uncertain"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 30,
	.time_wait_max_s = 30,
	.sharing = OS_SHARES_NOTHING,
	.show = "sysctl net.inet.ip.portrange",
	.set = "sudo sysctl -w net.inet.ip.portrange.first=32768",
	.persist = PLIST_PATH,
	.fact = fact,
};

static const struct os_command commands[] = {
	{"sysctl", "/usr/sbin/sysctl net.inet.ip.portrange"},
	{NULL, NULL},
};

static const struct os_boot_file boot_files[] = {
	{"/etc/sysctl.conf"},
	{"/Library/LaunchDaemons/*"},
	{NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "Darwin");
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	if (step->store == OS_RUNNING)
		strbuf_printf(out, "/usr/sbin/sysctl -w %s=%s", step->setting, step->after);
}

const struct os_system os_macos = {
	.name = "macos",
	.title = "macOS",
	.flags = OS_CLAMPS,
	.spec = portrange_specs,
	.specs = PORTRANGE_SPECS,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.boot_file = boot_files,
	.is = is,
	.parse = os_text_parse_pairs,
	.set = set,
	.boot = plist_boot,
	.persist = plist_persist,
	.no_list = "ports that are never chosen are compiled in; "
		   "set the range so that the port lies outside of it: ephemports range set "
		   "LOW-HIGH --host NAME",
};
