/*
 * FreeBSD: one set of ranges for TCP, UDP, IPv4 and IPv6, one for each vnet.
 */
#include "os_text.h"
#include "portrange.h"
#include "sysctl_conf.h"

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {10000, 65535},
	 "8",
	 "",
	 "FreeBSD 11.0 and 13.0 netinet/in.h, "
	 "IPPORT_EPHEMERALFIRST; 12.2 observed",
	 true},
	{OS_REGULAR, {49152, 65535}, "4.6", "7", "freebsd-net, February 2007", true},
	{OS_REGULAR,
	 {1024, 5000},
	 "",
	 "4.5",
	 "FreeBSD 1996-97 netinet/in_pcb.c; NcFTP, The "
	 "Ephemeral Port Range",
	 false},
	{OS_HIGH, {49152, 65535}, "3", "", "FreeBSD netinet/in.h, IPPORT_HIFIRSTAUTO", true},
	{OS_HIGH, {40000, 44999}, "", "2", "FreeBSD 1996-97 netinet/in_pcb.c", true},
	{OS_LOW, {600, 1023}, "", "", "FreeBSD netinet/in.h, IPPORT_RESERVEDSTART", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"bounds",
	 "each value is moved into 1024-65535 (low range: 1-1023) on its own, without an "
	 "error: read back after every change",
	 "FreeBSD 13 netinet/in_pcb.c, RANGECHK"},
	{"reversed", "first > last is accepted and means the range the other way round",
	 "FreeBSD 13 netinet/in_pcb.c"},
	{"one port",
	 "first == last divides by zero in newer kernels when portrange.randomized is 1: "
	 "never set it, not even between two steps",
	 "FreeBSD main netinet/in_pcb.c, by reading"},
	{"algorithm",
	 "random start, then upwards with a wrap; until 13 TCP falls back to sequential "
	 "for randomtime (45) seconds after more than randomcps (10) ports a second",
	 "FreeBSD 13.0 and main netinet/in_pcb.c"},
	{"sharing",
	 "from 13.0 connect() shares a port between destinations; until 12 a port serves "
	 "one connection; bind(0) never shares",
	 "FreeBSD 11.0 and 13.0 netinet/in_pcb.c"},
	{"exhausted", "connect() fails with EADDRNOTAVAIL", "FreeBSD netinet/in_pcb.c"},
	{"TIME_WAIT", "2 * net.inet.tcp.msl (30000 ms)", "FreeBSD 13 netinet/tcp_timewait.c"},
	{"boot",
	 "/etc/sysctl.conf, then /etc/sysctl.conf.local; until 10.0 a shell reads them: "
	 "name=value without blanks and with a newline behind it only; loader.conf does not "
	 "help, these are no tunables",
	 "FreeBSD 9.3 and 10.4 rc.d/sysctl; FreeBSD 13 netinet/in_pcb.c"},
	{"apply", "service sysctl reload reads the file without a reboot", "known, not read again"},
	{"privilege", "root; reservedlow and reservedhigh are frozen at securelevel 1",
	 "FreeBSD 13 netinet/in_pcb.c"},
	{"outdated",
	 "\"the default is 1024-5000, edit sysctl.conf and reboot\" was right until 4.5; a "
	 "reboot is not needed",
	 "NcFTP, The Ephemeral Port Range"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_DEPENDS,
	.show = "sysctl net.inet.ip.portrange",
	.set = "sysctl net.inet.ip.portrange.first=49152",
	.persist = "/etc/sysctl.conf: net.inet.ip.portrange.first=49152",
	.fact = fact,
};

static const struct os_command commands[] = {
	{"sysctl", "/sbin/sysctl net.inet.ip.portrange"},
	{NULL, NULL},
};

static const struct os_boot_file boot_files[] = {
	{"/etc/sysctl.conf"},
	{"/etc/sysctl.conf.local"},
	{NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "FreeBSD") || text_is(name, "GNU/kFreeBSD");
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	/* Until 4.3 sysctl(8) sets nothing without -w, later 4.x ignores it. */
	bool old = *state->release && os_version_compare(state->release, "5") < 0;

	if (step->store == OS_RUNNING)
		strbuf_printf(out, "/sbin/sysctl %s%s=%s", old ? "-w " : "", step->setting,
			      step->after);
}

const struct os_system os_freebsd = {
	.name = "freebsd",
	.title = "FreeBSD",
	.flags = OS_STRICT | OS_CLAMPS,
	.spec = portrange_specs,
	.specs = PORTRANGE_SPECS,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.boot_file = boot_files,
	.is = is,
	.parse = os_text_parse_pairs,
	.set = set,
	.boot = sysctl_conf_boot,
	.persist = sysctl_conf_persist,
	.no_list = "there is no list of ports that are never chosen; "
		   "set the range so that the port lies outside of it: ephemports range set "
		   "LOW-HIGH --host NAME",
};
