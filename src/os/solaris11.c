/*
 * Solaris 11: ipadm keeps running and persistent values itself.
 */
#include "ipadm.h"

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {32768, 65535},
	 "",
	 "",
	 "Oracle E82638; illumos inet/tcp/tcp_tunables.c",
	 false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"protocols", "TCP, UDP and SCTP are set apart; IPv4 and IPv6 together",
	 "illumos inet/tcp/tcp_tunables.c"},
	{"bounds", "1024-65535, and smallest may not pass largest, not even between two steps",
	 "illumos inet/tcp/tcp_tunables.c"},
	{"never chosen", "the property extra_priv_ports", "illumos inet/tcp/tcp_bind.c"},
	{"algorithm",
	 "16 random bits folded into the range, then upwards with a wrap; nearly uniform",
	 "illumos inet/tcp/tcp_bind.c"},
	{"sharing",
	 "connect() shares a port between destinations, whatever the local address; "
	 "bind(0) and UDP do not",
	 "illumos inet/tcp/tcp_bind.c"},
	{"exhausted", "connect() fails with EADDRNOTAVAIL", "illumos inet/tcp/tcp_bind.c"},
	{"TIME_WAIT", "the private property _time_wait_interval, 60 s; 1 s to 10 min",
	 "illumos inet/tcp/tcp_tunables.c"},
	{"boot",
	 "set-prop lasts; -t sets the running value only; reset-prop returns to the default; "
	 "/etc/ipadm/ipadm.conf belongs to ipmgmtd: never edit it",
	 "illumos cmd-inet ipadm.c; Oracle "
	 "E82638"},
	{"privilege", "root or the rights profile Network Management", "illumos cmd-inet ipadm.c"},
	{"outdated", "ndd and a script in rc2.d: ndd reaches the running value only here",
	 "illumos cmd-inet ndd.c"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_BY_DESTINATION,
	.show = "ipadm show-prop -p smallest_anon_port,largest_anon_port tcp",
	.set = "ipadm set-prop -t -p smallest_anon_port=49152 tcp",
	.persist = "ipadm set-prop -p smallest_anon_port=49152 tcp",
	.fact = fact,
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	return text_is(name, "SunOS") && text_begins(release, "5.11") &&
	       text_begins(version, "11.");
}

const struct os_system os_solaris11 = {
	.name = "solaris11",
	.title = "Solaris 11",
	.flags = OS_ORDERED,
	.spec = ipadm_spec,
	.specs = IPADM_SPECS,
	.fallback = defaults,
	.facts = &facts,
	.read = ipadm_command,
	.is = is,
	.parse = ipadm_parse,
	.set = ipadm_set,
	.kept_by = os_kept_both,
	.kept_in = "/etc/ipadm/ipadm.conf",
	.list = ipadm_list,
	.list_set = ipadm_list_set,
};
