/*
 * HP-UX: ndd, and /etc/rc.config.d/nddconf, which /sbin/rc2.d/S340net applies at each boot.
 */
#include "ndd.h"
#include "nddconf.h"

static const struct os_range_spec specs[] = {
	{OS_REGULAR,
	 OS_TCP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "tcp_smallest_anon_port",
	 "tcp_largest_anon_port"},
	{OS_REGULAR,
	 OS_UDP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "udp_smallest_anon_port",
	 "udp_largest_anon_port"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {49152, 65535},
	 "",
	 "",
	 "NcFTP, The Ephemeral Port Range; outputs of HP-UX 11i",
	 false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"protocols", "TCP and UDP are set apart; IPv4 and IPv6 together", "ndd(1M) HP-UX 11i"},
	{"output", "values are separated by an empty line: ask for one at a time; always decimal",
	 "ndd(1M) HP-UX 11i; NcFTP, The Ephemeral Port Range"},
	{"help", "ndd -h tcp_largest_anon_port prints bounds and default", "HP-UX Handbook rev 13"},
	{"algorithm", "sequential", "uncertain"},
	{"TIME_WAIT", "tcp_time_wait_interval 60000 ms, 1 s to 10 min", "known, not read again"},
	{"boot",
	 "/etc/rc.config.d/nddconf: TRANSPORT_NAME[n], NDD_NAME[n] and NDD_VALUE[n], numbered "
	 "from 0 without a gap; ndd -c applies it now",
	 "ndd(1M) HP-UX 11i"},
	{"limit", "HP-UX 11.00 takes no more than 10 entries", "uncertain"},
	{"older", "10.20 has nettune instead of ndd", "known, not read again"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_NOTHING,
	.show = "ndd /dev/tcp tcp_smallest_anon_port",
	.set = "ndd -set /dev/tcp tcp_smallest_anon_port 49152",
	.persist = NDDCONF_PATH,
	.fact = fact,
};

static const struct os_command commands[] = {
	{"ndd", "for p in tcp udp; do for n in smallest_anon_port largest_anon_port "
		"smallest_nonpriv_port; do echo ${p}_$n = `ndd"
		" -get /dev/$p ${p}_$n 2>/dev/null`; done; done"},
	{NULL, NULL},
};

static const struct os_boot_file boot_files[] = {
	{NDDCONF_PATH},
	{"/sbin/init.d/ephemports"},
	{"/sbin/init.d/ephemports-range"},
	{"/sbin/rc1.d/S*"},
	{"/sbin/rc2.d/S*"},
	{"/sbin/rc3.d/S*"},
	{NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "HP-UX");
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	ndd_set("ndd", step, out);
}

const struct os_system os_hpux = {
	.name = "hpux",
	.title = "HP-UX",
	.spec = specs,
	.specs = 2,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.boot_file = boot_files,
	.is = is,
	.parse = ndd_parse,
	.set = set,
	.boot = nddconf_boot,
	.persist = nddconf_persist,
	.no_list = "there is no list of ports that are never chosen; "
		   "set the range so that the port lies outside of it: ephemports range set "
		   "LOW-HIGH --host NAME",
};
