/*
 * OpenBSD: regular and high range for TCP, UDP, IPv4 and IPv6 together; the low range is compiled in. Its sysctl(8) exits
 * with 0 even when it failed: what counts is what is read back.
 */
#include "os_text.h"
#include "sysctl_conf.h"
#include "sysctl_list.h"

/* In /usr/sbin until the 2000s. */
#define SYSCTL "S=/sbin/sysctl; test -x $S || S=/usr/sbin/sysctl; $S"

static const struct os_range_spec specs[] = {
	{OS_REGULAR,
	 OS_TCP_UDP,
	 OS_IPV4_6,
	 {1, 65535},
	 "net.inet.ip.portfirst",
	 "net.inet.ip.portlast"},
	{OS_HIGH,
	 OS_TCP_UDP,
	 OS_IPV4_6,
	 {1, 65535},
	 "net.inet.ip.porthifirst",
	 "net.inet.ip.porthilast"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {1024, 49151},
	 "",
	 "",
	 "OpenBSD netinet/in.h, IPPORT_USERRESERVED; NcFTP, The "
	 "Ephemeral Port Range",
	 false},
	{OS_HIGH, {49152, 65535}, "", "", "OpenBSD netinet/in.h, IPPORT_HIFIRSTAUTO", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"low range", "1023 down to 600, for root, compiled in", "OpenBSD netinet/in_pcb.c"},
	{"older", "the regular range once ended at 5000",
	 "known, not read again; release uncertain"},
	{"never chosen",
	 "net.inet.tcp.baddynamic and net.inet.udp.baddynamic, and the port of IPsec "
	 "NAT-T; sysctl net.inet.tcp.baddynamic=+8080 adds one",
	 "OpenBSD netinet/in_pcb.c; the "
	 "edit is known, not read again"},
	{"bounds", "0-65535", "uncertain"},
	{"algorithm", "random start, then upwards with a wrap; TCP and UDP alike",
	 "OpenBSD netinet/in_pcb.c, in_pcbpickport()"},
	{"sharing", "none between destinations; another local address may hold the same port",
	 "OpenBSD netinet/in_pcb.c"},
	{"exhausted", "connect() fails with EADDRNOTAVAIL", "OpenBSD netinet/in_pcb.c"},
	{"TIME_WAIT", "2 * 30 s, no setting", "uncertain"},
	{"boot", "/etc/sysctl.conf, read by /etc/rc; name=value without blanks only",
	 "known, not read again"},
	{"exit status", "sysctl exits with 0 even when it failed: read back",
	 "known, not read again"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_BY_ADDRESS,
	.show = "sysctl net.inet.ip.portfirst net.inet.ip.portlast net.inet.ip.porthifirst "
		"net.inet.ip.porthilast",
	.set = "sysctl net.inet.ip.portfirst=49152",
	.persist = "/etc/sysctl.conf: net.inet.ip.portfirst=49152",
	.fact = fact,
};

static const struct os_command commands[] = {
	{"sysctl", SYSCTL " net.inet.ip.portfirst net.inet.ip.portlast net.inet.ip.porthifirst "
			  "net.inet.ip.porthilast net.inet.tcp.baddynamic net.inet.udp.baddynamic"},
	{NULL, NULL},
};

/* As the kernel of some releases has them; others differ a little. */
static const struct os_list lists[] = {
	{"net.inet.tcp.baddynamic", OS_TCP, OS_IPV4_6, OS_RUNNING, false,
	 "587,749-751,853,871,2049,6000-6010"},
	{"net.inet.udp.baddynamic", OS_UDP, OS_IPV4_6, OS_RUNNING, false,
	 "623,664,749-751,2049,3784,3785,7784"},
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
	return text_is(name, "OpenBSD");
}

/* Before 3.5 sysctl(8) sets nothing without -w, today's ignores it. */
static bool is_old(const struct os_state *state)
{
	return *state->release && os_version_compare(state->release, "4") < 0;
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	if (step->store == OS_RUNNING)
		strbuf_printf(out, SYSCTL " %s%s=%s", is_old(state) ? "-w " : "", step->setting,
			      step->after);
}

static void list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out)
{
	(void)store;
	sysctl_list_set(is_old(state) ? SYSCTL " -w" : SYSCTL, list, before, after, out);
}

const struct os_system os_openbsd = {
	.name = "openbsd",
	.title = "OpenBSD",
	.spec = specs,
	.specs = 2,
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
