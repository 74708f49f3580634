/*
 * IRIX: the range is compiled in.
 */
#include "systems.h"

static const struct os_range_spec specs[] = {
	{OS_REGULAR, OS_TCP_UDP, OS_IPV4_6, {1024, 65535}, NULL, NULL},
};

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {1024, 65535},
	 "",
	 "",
	 "IRIX netinet/in.h, IPPORT_RESERVED and IPPORT_MAXPORT, "
	 "as quoted by NcFTP, The Ephemeral Port Range",
	 false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"change", "not possible: systune has no such setting", "NcFTP, The Ephemeral Port Range"},
	{"algorithm", "sequential", "uncertain"},
	{"TIME_WAIT", "60 s", "uncertain"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_NOTHING,
	.show = "nothing: it is built in",
	.set = "nothing",
	.persist = "nothing",
	.fact = fact,
};

static const struct os_command commands[] = {
	{NULL, NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "IRIX") || text_is(name, "IRIX64");
}

const struct os_system os_irix = {
	.name = "irix",
	.title = "IRIX",
	.flags = OS_FIXED,
	.because =
		"IRIX has 1024-65535 compiled into its kernel, and systune has no setting for it. "
		"Open 1024-65535 in the firewall for this host only, keep services that must start "
		"below 1024, or let FTP and the like bind ports of their own choice.",
	.spec = specs,
	.specs = 1,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.is = is,
	.no_list = "there is no list of ports that are never chosen, and the range is compiled in; "
		   "let the service take a port below 1024",
};
