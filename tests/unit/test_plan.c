/*
 * Exercises: os/plan.c: the steps of a change, one setting at a time, on every system; that each lies where the system takes
 * it; and the way back.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"
#include "plan_order.h"

static struct os_state *state_of(const char *system, const char *release, const char *text)
{
	struct os_state *state = malloc(sizeof(*state));
	struct os_output output = {"", text, strlen(text)};
	struct os_outputs outputs = {&output, 1};

	assert_int_equal(os_parse(os_find(system), release, &outputs, state, NULL), 0);
	return state;
}

static struct os_wish wish_of(unsigned lo, unsigned hi)
{
	return (struct os_wish){.name = OS_REGULAR,
				.protocols = OS_TCP | OS_UDP | OS_SCTP,
				.families = OS_IPV4 | OS_IPV6,
				.range = {(uint16_t)lo, (uint16_t)hi}};
}

static void commands_of(const struct os_state *state, const struct os_plan *plan,
			struct strbuf *out)
{
	for (size_t i = 0; i < plan->steps; i++) {
		assert_true(os_set_command(state, &plan->step[i], out));
		strbuf_putc(out, '\n');
	}
}

#define BSD(first, last)                                                                           \
	"net.inet.ip.portrange.first: " first "\nnet.inet.ip.portrange.last: " last "\n"
#define NDD(low, high) "tcp_smallest_anon_port = " low "\ntcp_largest_anon_port = " high "\n"

#define STANZA(line)                                                                               \
	"f=/etc/ephemports.$$; (umask 077; echo \"inet:\"; echo \"\t" line "\") >$f && "           \
	"{ /sbin/sysconfigdb -m -f $f inet 2>/dev/null || /sbin/sysconfigdb -a -f $f inet; }; "    \
	"r=$?; /bin/rm -f $f; exit $r\n"

static const struct change {
	const char *system, *text;
	unsigned lo, hi;
	const char *commands; /* running, then those that keep it */
} change[] = {
	{"linux", "32768\t60999\n", 25536, 65535,
	 "echo \"25536 65535\" >/proc/sys/net/ipv4/ip_local_port_range\n"},
	{"linux", "32768\t60999\n", 32768, 60999, ""},
	{"freebsd", BSD("10000", "65535"), 49152, 65535,
	 "/sbin/sysctl net.inet.ip.portrange.first=49152\n"},
	{"freebsd", BSD("1024", "5000"), 49152, 65535,
	 "/sbin/sysctl net.inet.ip.portrange.last=65535\n"
	 "/sbin/sysctl net.inet.ip.portrange.first=49152\n"},
	{"freebsd", BSD("49152", "65535"), 10000, 20000,
	 "/sbin/sysctl net.inet.ip.portrange.first=10000\n"
	 "/sbin/sysctl net.inet.ip.portrange.last=20000\n"},
	/* Never through first == last. */
	{"freebsd", BSD("1024", "5000"), 5000, 60000,
	 "/sbin/sysctl net.inet.ip.portrange.last=60000\n"
	 "/sbin/sysctl net.inet.ip.portrange.first=5000\n"},
	{"freebsd", BSD("65535", "10000"), 10000, 65535,
	 "/sbin/sysctl net.inet.ip.portrange.first=10001\n"
	 "/sbin/sysctl net.inet.ip.portrange.last=65535\n"
	 "/sbin/sysctl net.inet.ip.portrange.first=10000\n"},
	{"dragonfly", BSD("1024", "5000"), 49152, 65535,
	 "/sbin/sysctl net.inet.ip.portrange.last=65535\n"
	 "/sbin/sysctl net.inet.ip.portrange.first=49152\n"},
	{"macos", BSD("49152", "65535"), 32768, 65535,
	 "/usr/sbin/sysctl -w net.inet.ip.portrange.first=32768\n"},
	{"openbsd", "net.inet.ip.portfirst=1024\nnet.inet.ip.portlast=49151\n", 49152, 65535,
	 "S=/sbin/sysctl; test -x $S || S=/usr/sbin/sysctl; $S net.inet.ip.portlast=65535\n"
	 "S=/sbin/sysctl; test -x $S || S=/usr/sbin/sysctl; $S net.inet.ip.portfirst=49152\n"},
	{"netbsd",
	 "net.inet.ip.anonportmin = 49152\nnet.inet.ip.anonportmax = 65535\n"
	 "net.inet6.ip6.anonportmin = 1024\nnet.inet6.ip6.anonportmax = 2048\n",
	 20000, 40000,
	 "/sbin/sysctl -w net.inet.ip.anonportmin=20000\n/sbin/sysctl -w "
	 "net.inet.ip.anonportmax=40000\n"
	 "/sbin/sysctl -w net.inet6.ip6.anonportmax=40000\n"
	 "/sbin/sysctl -w net.inet6.ip6.anonportmin=20000\n"},
	{"solaris10", NDD("32768", "65535"), 49152, 61000,
	 "ndd -set /dev/tcp tcp_smallest_anon_port 49152\n"
	 "ndd -set /dev/tcp tcp_largest_anon_port 61000\n"},
	{"hpux", NDD("1024", "5000"), 50001, 61000,
	 "ndd -set /dev/tcp tcp_largest_anon_port 61000\n"
	 "ndd -set /dev/tcp tcp_smallest_anon_port 50001\n"},
	/* The way back resets largest before smallest: 65535 first, so that smallest never passes it. */
	{"illumos",
	 "tcp:smallest_anon_port:32768::32768:1024-65535\ntcp:largest_anon_port:65535::65535:1024-"
	 "65535\n",
	 1024, 20000,
	 "ipadm set-prop -t -p smallest_anon_port=1024 tcp\n"
	 "ipadm set-prop -t -p largest_anon_port=20000 tcp\n"
	 "ipadm set-prop -p smallest_anon_port=1024 tcp\n"
	 "ipadm set-prop -p largest_anon_port=20000 tcp\n"},
	/* Running already, but not kept. */
	{"solaris11",
	 "tcp:smallest_anon_port:49152::32768:1024-65535\ntcp:largest_anon_port:65535::65535:1024-"
	 "65535\n",
	 49152, 65535,
	 "ipadm set-prop -p largest_anon_port=65535 tcp\n"
	 "ipadm set-prop -p smallest_anon_port=49152 tcp\n"},
	{"aix", "tcp_ephemeral_low = 32768\ntcp_ephemeral_high = 65535\n", 49152, 65535,
	 "/usr/sbin/no -o tcp_ephemeral_low=49152\n/usr/sbin/no -r -o tcp_ephemeral_low=49152\n"
	 "/usr/sbin/no -r -o tcp_ephemeral_high=65535\n"},
	{"windows", "Protocol tcp\r\nStart Port : 49152\r\nNumber of Ports : 16384\r\n", 10000,
	 10999,
	 "netsh int ipv4 set dynamicport tcp start=10000 num=1000 store=active\n"
	 "netsh int ipv4 set dynamicport tcp start=10000 num=1000\n"},
	{"windows-nt5", "no such value\r\n", 1025, 65534,
	 "reg add HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters /v MaxUserPort "
	 "/t REG_DWORD /d 65534 /f\n"},
	{"tru64", "ipport_userreserved = 5000\nipport_userreserved_min = 1024\n", 1024, 65535,
	 "/sbin/sysconfig -r inet ipport_userreserved=65535\n" STANZA(
		 "ipport_userreserved_min = 1024") STANZA("ipport_userreserved = 65535")},
};

/* Their sysctl(8) once set nothing without -w. */
static void old_releases_have_their_own_words(void **unused)
{
	static const struct {
		const char *system, *release, *text, *command;
	} old[] = {
		{"freebsd", "4.3-RELEASE", BSD("1024", "65535"),
		 "/sbin/sysctl -w net.inet.ip.portrange.first=2000\n"},
		{"freebsd", "5.0-RELEASE", BSD("1024", "65535"),
		 "/sbin/sysctl net.inet.ip.portrange.first=2000\n"},
		{"openbsd", "2.9", "net.inet.ip.portfirst = 1024\nnet.inet.ip.portlast = 65535\n",
		 "S=/sbin/sysctl; test -x $S || S=/usr/sbin/sysctl; $S -w "
		 "net.inet.ip.portfirst=2000\n"},
		{"openbsd", "7.4", "net.inet.ip.portfirst=1024\nnet.inet.ip.portlast=65535\n",
		 "S=/sbin/sysctl; test -x $S || S=/usr/sbin/sysctl; $S "
		 "net.inet.ip.portfirst=2000\n"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(old) / sizeof(*old); i++) {
		struct os_state *state = state_of(old[i].system, old[i].release, old[i].text);
		struct os_wish wish = wish_of(2000, 65535);
		struct strbuf commands = STRBUF_INIT;
		struct os_plan plan;

		assert_int_equal(os_plan(state, &wish, &plan, NULL), 0);
		commands_of(state, &plan, &commands);
		assert_string_equal(commands.text, old[i].command);
		strbuf_done(&commands);
		free(state);
	}
}

static void commands_in_their_order(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(change) / sizeof(*change); i++) {
		struct os_state *state = state_of(change[i].system, "", change[i].text);
		struct os_wish wish = wish_of(change[i].lo, change[i].hi);
		struct strbuf seen = STRBUF_INIT;
		struct os_plan plan;

		assert_int_equal(os_plan(state, &wish, &plan, NULL), 0);
		commands_of(state, &plan, &seen);
		assert_int_equal(os_plan_boot(state, &wish, &plan, NULL), 0);
		commands_of(state, &plan, &seen);
		if (strcmp(seen.text, change[i].commands) != 0)
			fail_msg("%s %u-%u:\n%sexpected\n%s", change[i].system, change[i].lo,
				 change[i].hi, seen.text, change[i].commands);
		strbuf_done(&seen);
		free(state);
	}
}

static const struct refusal {
	const char *system, *text;
	unsigned lo, hi;
	int code;
	const char *word; /* in the message */
} refusal[] = {
	{"irix", "", 49152, 65535, -EPERM, "compiled"},
	{"bsdos", "", 1024, 65535, -EPERM, "IPPORT_DYNAMIC"},
	{"freebsd", BSD("10000", "65535"), 100, 65535, -ERANGE, "1024"},
	{"freebsd", BSD("10000", "65535"), 20000, 20000, -ERANGE, "divide"},
	{"netbsd", "net.inet.ip.anonportmin = 49152\nnet.inet.ip.anonportmax = 65535\n", 2000, 2000,
	 -ERANGE, "refuses"},
	{"windows", "Start : 49152\nNumber : 16384\n", 10000, 10099, -ERANGE, "255"},
	{"windows-nt5", "", 49152, 65534, -ERANGE, "upper end"},
	{"tru64", "ipport_userreserved = 5000\nipport_userreserved_min = unknown attribute\n",
	 49152, 65535, -ERANGE, "upper end"},
	{"linux",
	 "net.ipv4.ip_local_port_range = 32768 60999\nnet.ipv4.ip_unprivileged_port_start = 1024\n",
	 1000, 65535, -ERANGE, "ip_unprivileged_port_start"},
	{"linux", "32768 60999\n", 60999, 32768, -EINVAL, "wrong way"},
};

static void refusals_say_why(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(refusal) / sizeof(*refusal); i++) {
		struct os_state *state = state_of(refusal[i].system, "", refusal[i].text);
		struct os_wish wish = wish_of(refusal[i].lo, refusal[i].hi);
		struct eph_error error = {.message = ""};
		struct os_edits edits;
		struct os_files none = {NULL, 0};
		struct os_plan plan;

		assert_int_equal(os_plan(state, &wish, &plan, &error), refusal[i].code);
		if (!strstr(error.message, refusal[i].word))
			fail_msg("%s: %s", refusal[i].system, error.message);
		if (state->system->persist)
			assert_int_equal(os_persist(state, &none, &wish, &edits, NULL),
					 refusal[i].code);
		free(state);
	}
}

static void a_range_that_is_not_there(void **unused)
{
	struct os_state *state = state_of("linux", "", "32768 60999\n");
	struct os_wish wish = wish_of(49152, 65535);
	struct os_plan plan;

	(void)unused;
	wish.name = OS_HIGH;
	assert_int_equal(os_plan(state, &wish, &plan, NULL), -ENOENT);
	free(state);
}

/* From random ends to random ends: no step passes where the system would refuse or break, all end as wished, and the steps
 * backwards too. */
static void no_step_leaves_the_system_in_between(void **unused)
{
	static const char *const names[] = {"freebsd",   "dragonfly", "netbsd", "openbsd", "macos",
					    "solaris10", "illumos",   "aix",    "hpux",    "tru64"};
	uint64_t seed = check_seed();

	(void)unused;
	for (unsigned i = 0; i < 200000; i++) {
		const struct os_system *system =
			os_find(names[check_random(&seed) % (sizeof(names) / sizeof(*names))]);
		/* Few values, so that ends often meet. */
		uint32_t span = 1 + (uint32_t)(check_random(&seed) % 6);
		uint32_t from[2] = {2000 + (uint32_t)(check_random(&seed) % span),
				    2000 + (uint32_t)(check_random(&seed) % span)};
		uint32_t to[2] = {2000 + (uint32_t)(check_random(&seed) % span),
				  2000 + (uint32_t)(check_random(&seed) % span)};
		struct os_state *state = calloc(1, sizeof(*state));
		struct os_wish wish = wish_of(to[0], to[1]);
		struct os_plan plan, back;

		state->system = system;
		state->ranges = 1;
		state->range[0] =
			(struct os_range){.spec = &system->spec[0], .value = {from[0], from[1]}};
		os_range_settle(state, &state->range[0]);
		if (to[0] > to[1] || ((system->flags & OS_STRICT) && to[0] == to[1]) ||
		    !plan_between_ok(system, from[0], from[1])) {
			free(state);
			continue;
		}
		wish.protocols = system->spec[0].protocols;
		assert_int_equal(os_plan(state, &wish, &plan, NULL), 0);
		os_plan_reverse(&plan, &back);
		for (size_t s = 0; s < plan.steps + back.steps; s++) {
			const struct os_step *step =
				s < plan.steps ? &plan.step[s] : &back.step[s - plan.steps];
			bool low = strcmp(step->setting, system->spec[0].low) == 0;

			assert_int_equal(strtoul(step->before, NULL, 10), from[!low]);
			from[!low] = (uint32_t)strtoul(step->after, NULL, 10);
			if (!plan_between_ok(system, from[0], from[1]))
				fail_msg("%s passes through %u-%u", system->name, from[0], from[1]);
			if (s + 1 == plan.steps)
				assert_true(from[0] == to[0] && from[1] == to[1]);
		}
		free(state);
	}
}

static void so_many_ports(void **unused)
{
	static const struct {
		const char *system;
		uint32_t ports;
		unsigned lo, hi;
	} wish[] = {
		{"linux", 1, 49152, 65535},        {"linux", 16384, 49152, 65535},
		{"linux", 16385, 49150, 65535},    {"linux", 40000, 25536, 65535},
		{"linux", 40001, 25534, 65535},    {"freebsd", 16385, 49151, 65535},
		{"freebsd", 64512, 1024, 65535},   {"windows", 64512, 1024, 65535},
		{"windows-nt5", 3976, 1025, 5000}, {"windows-nt5", 64510, 1025, 65534},
		{"linux", 64511, 1024, 65535},
	};
	struct eph_error error;
	struct port_range range;

	(void)unused;
	for (size_t i = 0; i < sizeof(wish) / sizeof(*wish); i++) {
		assert_int_equal(
			os_wish_ports(os_find(wish[i].system), wish[i].ports, &range, NULL), 0);
		if (range.lo != wish[i].lo || range.hi != wish[i].hi)
			fail_msg("%s %u: %u-%u", wish[i].system, wish[i].ports, range.lo, range.hi);
	}
	assert_int_equal(os_wish_ports(os_find("linux"), 64513, &range, &error), -ERANGE);
	assert_non_null(strstr(error.message, "64512"));
	assert_int_equal(os_wish_ports(os_find("linux"), 0, &range, NULL), -ERANGE);
	assert_int_equal(os_wish_ports(os_find("windows-nt5"), 64511, &range, NULL), -ERANGE);
}

static const struct warned {
	const char *system, *text;
	unsigned warnings;
} warned[] = {
	{"linux", "32768 60999\n", 0},
	{"linux", "32768 60998\n", OS_WARN_SAME_PARITY},
	{"linux", "1024 65535\n", OS_WARN_WELL_KNOWN},
	{"linux",
	 "net.ipv4.ip_local_port_range = 1 65535\nnet.ipv4.ip_unprivileged_port_start = 1\n",
	 OS_WARN_WELL_KNOWN | OS_WARN_SAME_PARITY},
	{"linux", "500 65535\n", OS_WARN_WELL_KNOWN | OS_WARN_BELOW_FLOOR},
	{"linux", "40000 40009\n", OS_WARN_NARROW},
	{"linux",
	 "net.ipv4.ip_local_port_range = 32768 60999\nnet.ipv4.ip_local_reserved_ports = "
	 "33000-39999\n",
	 OS_WARN_RESERVED},
	{"freebsd", BSD("65535", "10000"), OS_WARN_REVERSED},
	{"freebsd", BSD("60000", "60000"), OS_WARN_ONE_PORT | OS_WARN_NARROW},
	{"freebsd", BSD("1024", "5000"), OS_WARN_NARROW},
	{"freebsd", BSD("1024", "5001"), OS_WARN_NARROW | OS_WARN_WELL_KNOWN},
	{"openbsd", "net.inet.ip.portfirst=1024\nnet.inet.ip.portlast=49151\n", 0},
	{"netbsd",
	 "net.inet.ip.anonportmin = 49152\nnet.inet.ip.anonportmax = 65535\n"
	 "net.inet.ip.anonportalgo.selected = random_pick\n",
	 OS_WARN_EARLY_FAIL},
	{"netbsd",
	 "net.inet.ip.anonportmin = 49152\nnet.inet.ip.anonportmax = 65535\n"
	 "net.inet6.ip6.anonportmin = 32768\nnet.inet6.ip6.anonportmax = 65535\n",
	 OS_WARN_FAMILIES},
	{"solaris11",
	 "tcp:smallest_anon_port:49152::32768:x\ntcp:largest_anon_port:65535:65535:65535:x\n",
	 OS_WARN_BOOT_DIFFERS},
};

static void warnings_of_a_range(void **unused)
{
	static struct port_set listeners;

	(void)unused;
	for (size_t i = 0; i < sizeof(warned) / sizeof(*warned); i++) {
		struct os_state *state = state_of(warned[i].system, "", warned[i].text);

		os_warn(state, NULL);
		if (state->range[0].warnings != warned[i].warnings)
			fail_msg("%s '%s': %#x, expected %#x", warned[i].system, warned[i].text,
				 state->range[0].warnings, warned[i].warnings);
		port_set_clear(&listeners);
		port_set_add(&listeners, state->range[0].now.lo);
		os_warn(state, &listeners);
		assert_int_equal(state->range[0].listeners, 1);
		assert_int_equal(state->range[0].warnings, warned[i].warnings | OS_WARN_LISTENERS);
		free(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_in_their_order),
		cmocka_unit_test(old_releases_have_their_own_words),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(a_range_that_is_not_there),
		cmocka_unit_test(no_step_leaves_the_system_in_between),
		cmocka_unit_test(so_many_ports),
		cmocka_unit_test(warnings_of_a_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
