/*
 * DragonFly BSD: names and clamping as FreeBSD; the range is dealt out to the CPUs.
 */
#include "os_text.h"
#include "portrange.h"
#include "sysctl_conf.h"
#include "sysctl_list.h"

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {1024, 5000},
	 "",
	 "",
	 "DragonFly netinet/in_pcb.c, IPPORT_RESERVED to "
	 "IPPORT_USERRESERVED",
	 true},
	{OS_HIGH, {49152, 65535}, "", "", "DragonFly netinet/in_pcb.c", false},
	{OS_LOW, {600, 1023}, "", "", "DragonFly netinet/in_pcb.c", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"bounds",
	 "each value is moved into 1024-65535 (low range: 1-1023) on its own, without an "
	 "error: read back after every change",
	 "DragonFly netinet/in_pcb.c"},
	{"algorithm",
	 "the range is split over the CPUs: each goes through its own share in order, "
	 "then through the next CPU's",
	 "DragonFly netinet/in_pcb.c"},
	{"sharing", "connect() shares a port between destinations",
	 "DragonFly netinet/in_pcb.c, in_pcbbind_remote()"},
	{"exhausted", "connect() fails with EADDRNOTAVAIL", "DragonFly netinet/in_pcb.c"},
	{"never chosen",
	 "ports of the baddynamicports table: net.inet.tcp.baddynamic and net.inet.udp.baddynamic",
	 "DragonFly netinet/in_pcb.c; the names of the settings are known, not read again"},
	{"TIME_WAIT", "2 * net.inet.tcp.msl (30000 ms)", "uncertain"},
	{"boot", "/etc/sysctl.conf; name=value without blanks only", "known, not read again"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_BY_DESTINATION,
	.show = "sysctl net.inet.ip.portrange",
	.set = "sysctl net.inet.ip.portrange.last=65535",
	.persist = "/etc/sysctl.conf: net.inet.ip.portrange.last=65535",
	.fact = fact,
};

static const struct os_command commands[] = {
	{"sysctl", "/sbin/sysctl net.inet.ip.portrange"},
	{"baddynamic", "/sbin/sysctl net.inet.tcp.baddynamic net.inet.udp.baddynamic 2>/dev/null"},
	{NULL, NULL},
};

/* What the kernel has on them by itself is not known. */
static const struct os_list lists[] = {
	{"net.inet.tcp.baddynamic", OS_TCP, OS_IPV4_6, OS_RUNNING, false, NULL},
	{"net.inet.udp.baddynamic", OS_UDP, OS_IPV4_6, OS_RUNNING, false, NULL},
	{.setting = NULL},
};

static const struct os_boot_file boot_files[] = {
	{"/etc/sysctl.conf"},
	{NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "DragonFly");
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	if (step->store == OS_RUNNING)
		strbuf_printf(out, "/sbin/sysctl %s=%s", step->setting, step->after);
}

static void list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out)
{
	(void)state;
	(void)store;
	sysctl_list_set("/sbin/sysctl", list, before, after, out);
}

const struct os_system os_dragonfly = {
	.name = "dragonfly",
	.title = "DragonFly BSD",
	.flags = OS_STRICT | OS_CLAMPS,
	.spec = portrange_specs,
	.specs = PORTRANGE_SPECS,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.boot_file = boot_files,
	.is = is,
	.parse = sysctl_list_parse,
	.set = set,
	.boot = sysctl_conf_boot,
	.persist = sysctl_conf_persist,
	.list = lists,
	.list_set = list_set,
	.list_persist = sysctl_list_persist,
};
