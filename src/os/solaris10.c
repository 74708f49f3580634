/*
 * Solaris 10 and older: ndd, and a start script that sets again at each boot.
 */
#include "ndd.h"
#include "start_script.h"

#define NDD "/usr/sbin/ndd" /* for a script that runs without a PATH */

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
	{OS_REGULAR,
	 OS_SCTP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "sctp_smallest_anon_port",
	 "sctp_largest_anon_port"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {32768, 65535},
	 "",
	 "",
	 "NcFTP, The Ephemeral Port Range; illumos "
	 "inet/tcp/tcp_tunables.c",
	 false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"protocols", "TCP, UDP and (Solaris 10) SCTP are set apart; IPv4 and IPv6 together",
	 "illumos inet/tcp/tcp_tunables.c"},
	{"bounds", "1024-65535; these kernels do not compare smallest with largest",
	 "Solaris Tunable Parameters Reference Manual 817-0404"},
	{"output", "values are separated by an empty line: ask for one at a time",
	 "illumos cmd-inet ndd.c; NcFTP, The Ephemeral Port Range"},
	{"never chosen", "tcp_extra_priv_ports and udp_extra_priv_ports, by default 2049 and 4045",
	 "illumos inet/tcp/tcp_bind.c; the default is known, not read again"},
	{"algorithm", "random start, then upwards with a wrap; older releases sequential",
	 "illumos inet/tcp/tcp_bind.c; the release of the change is uncertain"},
	{"sharing", "connect() shares a port between destinations; bind(0) and UDP do not",
	 "illumos inet/tcp/tcp_bind.c"},
	{"exhausted", "connect() fails with EADDRNOTAVAIL", "illumos inet/tcp/tcp_bind.c"},
	{"TIME_WAIT",
	 "tcp_time_wait_interval 60000 ms, 1 s to 10 min; 240 s in 2.6 to 8; until 2.6 "
	 "the name was tcp_close_wait_interval",
	 "Solaris Tunable Parameters Reference Manual "
	 "817-0404; older releases uncertain"},
	{"boot",
	 "ndd does not last: a script in /etc/rc2.d after S69inet sets it again; /etc/system "
	 "cannot",
	 "NcFTP, The Ephemeral Port Range"},
	{"zones", "with a shared IP stack only the global zone may set", "known, not read again"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 240,
	.sharing = OS_SHARES_BY_DESTINATION,
	.show = "ndd /dev/tcp tcp_smallest_anon_port",
	.set = "ndd -set /dev/tcp tcp_smallest_anon_port 49152",
	.persist = "/etc/init.d/ephemports, linked as /etc/rc2.d/S70ephemports",
	.fact = fact,
};

/* For the shell of Solaris 10, which knows neither $( ) nor ! nor test -e. */
static const struct os_command commands[] = {
	{"ndd", "for p in tcp udp sctp; do for n in smallest_anon_port largest_anon_port "
		"smallest_nonpriv_port extra_priv_ports; do echo ${p}_$n = `ndd"
		" /dev/$p ${p}_$n 2>/dev/null`; done; done"},
	{NULL, NULL},
};

static const struct os_list lists[] = {
	{"tcp_extra_priv_ports", OS_TCP, OS_IPV4_6, OS_RUNNING, false, "2049,4045"},
	{"udp_extra_priv_ports", OS_UDP, OS_IPV4_6, OS_RUNNING, false, "2049,4045"},
	{.setting = NULL},
};

static const struct os_boot_file boot_files[] = {
	{"/etc/init.d/ephemports"}, {"/etc/init.d/ephemports-range"},
	{"/etc/rcS.d/S*"},          {"/etc/rc2.d/S*"},
	{"/etc/rc3.d/S*"},          {NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)version;
	return text_is(name, "SunOS") && !text_begins(release, "5.11") &&
	       !text_begins(release, "5.12");
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	ndd_set("ndd", step, out);
}

static const struct start_script script = {
	.ndd = NDD,
	.shell = "/sbin/sh",
	.script = "/etc/init.d/ephemports",
	.to_script = "../init.d/ephemports",
	.spare = "/etc/init.d/ephemports-range",
	.to_spare = "../init.d/ephemports-range",
	.first = "/etc/rc2.d/S70ephemports",
};

static void boot(struct os_state *state, const struct os_files *files)
{
	start_script_boot(&script, state, files);
}

static int persist(const struct os_state *state, const struct os_files *files,
		   const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr)
{
	return start_script_persist(&script, state, files, plan, ret, reterr);
}

static void list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out)
{
	(void)state;
	(void)store;
	ndd_list_set("ndd", list, before, after, out);
}

static int list_persist(const struct os_state *state, const struct os_files *files,
			const struct os_list_wish *wish, struct os_edits *ret,
			struct eph_error *reterr)
{
	return start_script_list_persist(&script, state, files, wish, ret, reterr);
}

const struct os_system os_solaris10 = {
	.name = "solaris10",
	.title = "Solaris 10 and older",
	.spec = specs,
	.specs = 3,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.boot_file = boot_files,
	.is = is,
	.parse = ndd_parse,
	.set = set,
	.boot = boot,
	.persist = persist,
	.list = lists,
	.list_set = list_set,
	.list_persist = list_persist,
};
