/*
 * BSD/OS: the range is compiled in, and is the recommended one.
 */
#include "systems.h"

static const struct os_range_spec specs[] = {
	{OS_REGULAR, OS_TCP_UDP, OS_IPV4_6, {1024, 65535}, NULL, NULL},
};

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {49152, 65535},
	 "",
	 "",
	 "BSD/OS netinet/in.h, IPPORT_DYNAMIC and "
	 "IPPORT_DYNAMIC_LAST, as quoted by NcFTP, The Ephemeral Port Range",
	 false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"change",
	 "only by a new kernel: IPPORT_DYNAMIC and IPPORT_DYNAMIC_LAST in netinet/in.h; there "
	 "is no sysctl",
	 "NcFTP, The Ephemeral Port Range"},
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
	return text_is(name, "BSD/OS");
}

const struct os_system os_bsdos = {
	.name = "bsdos",
	.title = "BSD/OS",
	.flags = OS_FIXED,
	.because =
		"BSD/OS has 49152-65535 compiled into its kernel; there is no sysctl for it. It is "
		"the recommended range, so nothing needs to change; another one takes a kernel "
		"built "
		"with other values of IPPORT_DYNAMIC and IPPORT_DYNAMIC_LAST in netinet/in.h.",
	.spec = specs,
	.specs = 1,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.is = is,
	.no_list = "there is no list of ports that are never chosen, and the range is compiled in; "
		   "let the service take a port below 49152",
};
