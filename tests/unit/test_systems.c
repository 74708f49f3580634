/*
 * Exercises: os/systems.c and the parsers of every system, on texts as commands print them (tests/os/samples: transcripts,
 * and outputs put together from source) and on those that our own commands would get.
 */
#include "check.h"

#include <stdio.h>

#include "error.h"
#include "systems.h"

static const char *samples; /* directory */

static char *load(const char *path, size_t *ret_length)
{
	char name[512], *text = calloc(1, 1 << 16);
	FILE *file;

	snprintf(name, sizeof(name), "%s/%s", samples, path);
	file = fopen(name, "r");
	if (!file)
		fail_msg("%s: cannot be read", name);
	*ret_length = fread(text, 1, 1 << 16, file);
	fclose(file);
	return text;
}

/* "regular tcp ipv4 LOW-HIGH" of every known range, in short: R for regular, then protocols and families that are not all. */
static void describe(const struct os_state *state, char *text, size_t bytes)
{
	size_t at = 0;

	*text = '\0';
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];
		static const char names[] = "RHL";

		if (!range->known)
			continue;
		at += (size_t)snprintf(text + at, bytes - at, "%s%c%s%s %u-%u", at ? ", " : "",
				       names[range->spec->name],
				       range->spec->protocols == OS_TCP    ? " tcp"
				       : range->spec->protocols == OS_UDP  ? " udp"
				       : range->spec->protocols == OS_SCTP ? " sctp"
									   : "",
				       range->spec->families == OS_IPV6 ? " v6" : "", range->now.lo,
				       range->now.hi);
		if (range->boot_known)
			at += (size_t)snprintf(text + at, bytes - at, " boot %u-%u", range->boot.lo,
					       range->boot.hi);
	}
}

static int parse(const char *system, const char *release, const char *id, const char *text,
		 size_t length, struct os_state *state)
{
	/* In no more bytes than it has: one read past the end is one the sanitizer sees. */
	char *copy = malloc(length ? length : 1);
	struct os_output output = {id, copy, length};
	struct os_outputs outputs = {&output, 1};
	struct eph_error error;
	int r;

	memcpy(copy, text, length);
	assert_non_null(os_find(system));
	r = os_parse(os_find(system), release, &outputs, state, &error);
	free(copy);
	return r;
}

static const struct sample {
	const char *path, *system, *id, *expected;
} sample[] = {
	{"aix/no-a-ephemeral.txt", "aix", "", "R tcp 32768-65535, R udp 32768-65535"},
	{"aix/no-a-ephemeral-high-first.txt", "aix", "", "R tcp 32768-65535, R udp 32768-65535"},
	{"aix/no-o-set.txt", "aix", "", "R tcp 49152-65535"},
	{"aix/no-p-o-set.txt", "aix", "", "R tcp 9000-65500 boot 9000-65500"},
	{"aix/no-x.txt", "aix", "", ""},
	{"aix/no-L.txt", "aix", "", ""},
	{"dragonfly/sysctl-portrange.txt", "dragonfly", "",
	 "R 1024-5000, H 49152-65535, L 600-1023"},
	{"freebsd/sysctl-portrange-12.txt", "freebsd", "",
	 "R 10000-65535, H 49152-65535, L 600-1023"},
	{"freebsd/sysctl-portrange-13.txt", "freebsd", "",
	 "R 10000-65535, H 49152-65535, L 600-1023"},
	{"freebsd/sysctl-portrange-14.txt", "freebsd", "",
	 "R 10000-65535, H 49152-65535, L 600-1023"},
	{"freebsd/sysctl-portrange-2007.txt", "freebsd", "", "R 49152-65535, H 49152-65535"},
	{"freebsd/sysctl-portrange-4x.txt", "freebsd", "",
	 "R 1024-5000, H 49152-65535, L 600-1023"},
	{"freebsd/sysctl-set.txt", "freebsd", "", "R 1024-65535"},
	{"hpux/ndd-show.txt", "hpux", "", "R tcp 50001-61000"},
	{"hpux/ndd-single.txt", "hpux", "", "R udp 49152-65535"},
	{"hpux/ndd-h.txt", "hpux", "", ""},
	{"illumos/ipadm-show-prop.txt", "illumos", "", "R tcp 32768-65535 boot 32768-65535"},
	{"illumos/ipadm-show-prop-parsable.txt", "illumos", "",
	 "R udp 32768-65535 boot 32768-65535"},
	{"illumos/ipadm-set-prop.txt", "illumos", "", ""},
	{"linux/proc-show.txt", "linux", "", "R 32768-60999"},
	{"linux/proc-show-kernel22.txt", "linux", "", "R 1024-4999"},
	{"linux/sysctl-show.txt", "linux", "", "R 32768-60999"},
	{"linux/sysctl-n-show.txt", "linux", "", "R 32768-60999"},
	{"linux/sysctl-set-ok.txt", "linux", "", "R 49152-65535"},
	{"linux/sysctl-set-errors.txt", "linux", "", ""},
	{"macos/sysctl-portrange.txt", "macos", "", "R 49152-65535, H 49152-65535, L 600-1023"},
	{"macos/sysctl-portrange-new.txt", "macos", "", "R 49152-65535, H 49152-65535, L 600-1023"},
	{"macos/sysctl-set.txt", "macos", "", ""},
	{"netbsd/sysctl-show.txt", "netbsd", "", "R 49152-65535, R v6 49152-65535, L 600-1023"},
	{"netbsd/sysctl-set.txt", "netbsd", "", ""},
	{"openbsd/sysctl-show.txt", "openbsd", "", "R 1024-49151, H 49152-65535"},
	{"openbsd/sysctl-old.txt", "openbsd", "", "R 1024-49151, H 49152-65535"},
	{"openbsd/sysctl-set.txt", "openbsd", "", ""},
	{"solaris10/ndd-show.txt", "solaris10", "", "R tcp 49152-61000"},
	{"solaris10/ndd-show-single.txt", "solaris10", "", ""},
	{"solaris10/ndd-errors.txt", "solaris10", "", ""},
	{"solaris11/ipadm-show-prop.txt", "solaris11", "", "R tcp 32768-65500 boot 32768-65535"},
	{"tru64/sysconfig-q.txt", "tru64", "", "R 1024-5000"},
	{"tru64/sysconfig-q-named.txt", "tru64", "", "R 1024-5000"},
	{"tru64/sysconfig-r.txt", "tru64", "", "R 49152-65535"},
	{"windows/netsh-show-dynamicport-tcp.txt", "windows", "", "R tcp 49152-65535"},
	{"windows/netsh-show-dynamicport-tcp-crlf.txt", "windows", "", "R tcp 49152-65535"},
	{"windows/netsh-show-dynamicport-tcp-french.txt", "windows", "", "R tcp 49152-65535"},
	{"windows/netsh-show-dynamicport-tcp-french.txt", "windows", "dynamicport ipv6 udp",
	 "R udp v6 49152-65535"},
	{"windows/netsh-show-dynamicport-tcp-13977.txt", "windows", "", "R tcp 1024-15000"},
	{"windows/netsh-show-dynamicport-tcp-widened.txt", "windows", "", "R tcp 1024-65534"},
	{"windows/netsh-show-dynamicport-udp.txt", "windows", "", "R udp 49152-65535"},
	{"windows/get-nettcpsetting.txt", "windows", "", "R tcp 49152-65509"},
	{"windows/get-netudpsetting.txt", "windows", "", "R udp 49152-65535"},
	{"windows/netsh-set-dynamicport.txt", "windows", "", ""},
	{"windows/netsh-show-excludedportrange-tcp.txt", "windows", "", ""},
	{"windows/netsh-show-excludedportrange-empty.txt", "windows", "", ""},
	{"windows/reg-query-maxuserport.txt", "windows-nt5", "", "R 1025-65534 boot 1025-65534"},
};

static void every_sample_is_read(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(sample) / sizeof(*sample); i++) {
		struct os_state *state = malloc(sizeof(*state));
		char seen[512];
		size_t length;
		char *text = load(sample[i].path, &length);
		int r = parse(sample[i].system, "", sample[i].id, text, length, state);

		describe(state, seen, sizeof(seen));
		if (strcmp(seen, sample[i].expected) != 0 || (r == 0) != (*seen != '\0'))
			fail_msg("%s: read '%s' (%d), expected '%s'", sample[i].path, seen, r,
				 sample[i].expected);
		free(text);
		free(state);
	}
}

static const struct answer {
	const char *system, *id, *text, *expected;
} answer[] = {
	/* As our own commands print them. */
	{"solaris10", "ndd",
	 "tcp_smallest_anon_port = 32768\ntcp_largest_anon_port = 65535\n"
	 "tcp_smallest_nonpriv_port = 1024\ntcp_extra_priv_ports = 2049 4045\n"
	 "udp_smallest_anon_port = 40000\nudp_largest_anon_port = 50000\n"
	 "sctp_smallest_anon_port = \nsctp_largest_anon_port = \n",
	 "R tcp 32768-65535, R udp 40000-50000"},
	{"illumos", "ipadm",
	 "tcp:smallest_anon_port:50000:49152:32768:1024-65535\n"
	 "tcp:largest_anon_port:65535::65535:50000-65535\n"
	 "tcp:smallest_nonpriv_port:1024::1024:1024-32768\n"
	 "tcp:extra_priv_ports:2049,4045::2049,4045:1-65535\n",
	 "R tcp 50000-65535 boot 49152-65535"},
	{"aix", "no",
	 "tcp_ephemeral_low = 32768\ntcp_ephemeral_high = 65535\nudp_ephemeral_low = 9000\n"
	 "udp_ephemeral_high = 65500\n",
	 "R tcp 32768-65535, R udp 9000-65500"},
	{"netbsd", "sysctl",
	 "net.inet.ip.anonportmin = 49152\nnet.inet.ip.anonportmax = 65535\n"
	 "net.inet.ip.anonportalgo.selected = random_pick\n",
	 "R 49152-65535"},
	{"linux", "proc",
	 "net.ipv4.ip_local_port_range = 32768\t60999\nnet.ipv4.ip_local_reserved_ports = "
	 "8080,33000-33010\n"
	 "net.ipv4.ip_unprivileged_port_start = 1024\n",
	 "R 32768-60999"},
	{"windows", "kept ipv4 tcp", "\r\nx\r\n-\r\na : 49152\r\nb : 16384\r\n", ""},
	{"windows-nt5", "MaxUserPort", "ERREUR : introuvable\r\n", "R 1025-5000 boot 1025-5000"},
	{"windows-nt5", "ReservedPorts", "    ReservedPorts    REG_MULTI_SZ    1-2\r\n", ""},
	{"tru64", "sysconfig",
	 "inet:\nipport_userreserved = 5000\nipport_userreserved_min = unknown attribute\n",
	 "R 1024-5000"},
	{"tru64", "sysconfigdb",
	 "ipport_userreserved = 9000\ninet:\n\tipport_userreserved = 65535\n", ""},
	{"irix", "", "", "R 1024-65535"},
	{"bsdos", "", "", "R 49152-65535"},
	/* Numbers that are none. */
	{"freebsd", "", "net.inet.ip.portrange.first: 65536\nnet.inet.ip.portrange.last: -1\n", ""},
	{"freebsd", "",
	 "net.inet.ip.portrange.first: 10000 000\nnet.inet.ip.portrange.last: 65535\n", ""},
	{"freebsd", "", "xnet.inet.ip.portrange.first: 1\nnet.inet.ip.portrange.lastx: 2\n", ""},
	{"freebsd", "", "net.inet.ip.portrange.first: 60000\nnet.inet.ip.portrange.last: 50000\n",
	 "R 50000-60000"},
	{"windows", "dynamicport ipv4 tcp", "a : 65535\nb : 2\n", ""},
	{"windows", "dynamicport ipv4 tcp", "a : 49152\nb : 0\n", ""},
	{"windows", "dynamicport ipv4 tcp", "a : 49152\n", ""},
	{"linux", "", "60999 32768\n", ""},
	{"linux", "", "32768\n", ""},
};

static void answers_are_read(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(answer) / sizeof(*answer); i++) {
		struct os_state *state = malloc(sizeof(*state));
		char seen[512];

		parse(answer[i].system, "", answer[i].id, answer[i].text, strlen(answer[i].text),
		      state);
		describe(state, seen, sizeof(seen));
		if (strcmp(seen, answer[i].expected) != 0)
			fail_msg("%s '%s': read '%s', expected '%s'", answer[i].system,
				 answer[i].text, seen, answer[i].expected);
		free(state);
	}
}

/* Where -c -o fails for one protocol, its table is asked for; lines without blanks that follow are none of the table. */
static void ipadm_tells_in_either_form(void **unused)
{
	static const char text[] =
		"tcp:smallest_anon_port:20000:20000:32768:1024-65535\n"
		"PROTO PROPERTY              PERM CURRENT      PERSISTENT   DEFAULT      POSSIBLE\n"
		"tcp   smallest_anon_port    rw   20000        20000        32768        "
		"1024-65535\n"
		"tcp   largest_anon_port     rw   40000        --           65535        "
		"20000-65535\n"
		"udp:smallest_anon_port:32768::32768:1024-65535\n"
		"udp:largest_anon_port:50000:60000:65535:32768-65535\n";
	struct os_state *state = malloc(sizeof(*state));

	(void)unused;
	assert_int_equal(parse("illumos", "5.11", "ipadm", text, sizeof(text) - 1, state), 0);
	assert_true(state->range[0].now.lo == 20000 && state->range[0].now.hi == 40000);
	assert_true(state->range[0].boot.lo == 20000 && state->range[0].boot.hi == 65535);
	assert_true(state->range[1].now.lo == 32768 && state->range[1].now.hi == 50000);
	assert_true(state->range[1].boot.lo == 32768 && state->range[1].boot.hi == 60000);
	free(state);
}

static void aix_tells_what_the_next_boot_brings(void **unused)
{
	struct os_state *state = malloc(sizeof(*state));
	size_t length;
	char *text = load("aix/nextboot-stanza.txt", &length);
	static const char now[] = "tcp_ephemeral_low = 32768\ntcp_ephemeral_high = 65535\n";
	struct os_output output[] = {{"no", now, sizeof(now) - 1}, {"nextboot", text, length}};
	struct os_outputs outputs = {output, 2};

	(void)unused;
	assert_int_equal(os_parse(os_find("aix"), "7.3", &outputs, state, NULL), 0);
	assert_true(state->range[0].boot_known && state->range[0].boot_set);
	assert_int_equal(state->range[0].boot.lo, 9000);
	assert_int_equal(state->range[0].boot.hi, 65500);
	assert_string_equal(state->range[0].where, "/etc/tunables/nextboot");
	assert_false(state->range[1].known);
	assert_string_equal(state->range[1].where, "");
	free(text);
	free(state);
}

static void lists_of_other_ports(void **unused)
{
	struct os_state *state = malloc(sizeof(*state));
	size_t length;
	char *text = load("windows/netsh-show-excludedportrange-tcp.txt", &length);

	(void)unused;
	parse("windows", "", "excludedportrange ipv4 tcp", text, length, state);
	assert_int_equal(state->reserveds, 2);
	assert_false(state->reserved[1].lasting);
	assert_true(state->reserved[0].lasting);
	assert_int_equal(port_set_count(&state->reserved[0].ports), 60);
	assert_true(port_set_has(&state->reserved[0].ports, 50051));
	assert_true(port_set_has(&state->reserved[1].ports, 5357));
	assert_int_equal(port_set_count(&state->reserved[1].ports), 4 + 5 * 100);
	free(text);
	text = load("openbsd/sysctl-baddynamic.txt", &length);
	parse("openbsd", "", "", text, length, state);
	assert_int_equal(state->reserveds, 2);
	assert_true(port_set_has(&state->reserved[0].ports, 2049));
	assert_int_equal(port_set_count(&state->reserved[1].ports), 9);
	free(text);
	text = load("windows/reg-query-maxuserport.txt", &length);
	parse("windows-nt5", "", "", text, length, state);
	assert_int_equal(state->reserveds, 1);
	assert_int_equal(port_set_count(&state->reserved[0].ports), 3);
	assert_true(port_set_has(&state->reserved[0].ports, 4500));
	free(text);
	free(state);
}

static void reserved_lists_on_linux(void **unused)
{
	struct os_state *state = malloc(sizeof(*state));
	static const char text[] = "net.ipv4.ip_local_port_range = 32768\t60999\n"
				   "net.ipv4.ip_local_reserved_ports = 8080,33000-33010\n"
				   "net.ipv4.ip_unprivileged_port_start = 80\n";

	(void)unused;
	assert_int_equal(parse("linux", "6.1", "proc", text, sizeof(text) - 1, state), 0);
	assert_int_equal(state->floor, 80);
	assert_int_equal(state->reserveds, 1);
	assert_int_equal(port_set_count(&state->reserved[0].ports), 12);
	free(state);
}

static const struct identity {
	const char *text, *system, *release;
} identity[] = {
	{"Linux 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", "linux",
	 "6.1.0-18-amd64"},
	{"FreeBSD 14.1-RELEASE-p5 FreeBSD 14.1-RELEASE-p5 GENERIC\n", "freebsd", "14.1-RELEASE-p5"},
	{"FreeBSD\n4.5-RELEASE\nFreeBSD 4.5-RELEASE #0\n", "freebsd", "4.5-RELEASE"},
	{"OpenBSD 7.5 GENERIC.MP#82", "openbsd", "7.5"},
	{"NetBSD 9.3 NetBSD 9.3 (GENERIC)", "netbsd", "9.3"},
	{"DragonFly 6.4-RELEASE DragonFly v6.4.0", "dragonfly", "6.4-RELEASE"},
	{"Darwin 24.4.0 Darwin Kernel Version 24.4.0", "macos", "24.4.0"},
	{"SunOS 5.8 Generic_108528-29", "solaris10", "5.8"},
	{"SunOS 5.10 Generic_147147-26", "solaris10", "5.10"},
	{"SunOS 5.11 11.4.0.15.0", "solaris11", "5.11"},
	{"SunOS 5.11 omnios-r151046-e1ad3fd", "illumos", "5.11"},
	{"SunOS 5.11 joyent_20230126T000000Z", "illumos", "5.11"},
	{"SunOS\n5.11\nsnv_111b\nephemports-no-ipadm\n", "solaris10", "5.11"},
	{"SunOS\n5.10\nGeneric_147147-26\nephemports-no-ipadm\n", "solaris10", "5.10"},
	{"Linux\n6.1.0\n#1 SMP\nephemports-no-ipadm\n", "linux", "6.1.0"},
	{"AIX\n3\n7\nephemports-no-ipadm\n", "aix", "7.3"},
	{"CYGWIN_NT-10.0-19045\n3.4.9-1.x86_64\n2023-09-06 11:19 UTC\n", "windows", "10.0-19045"},
	{"MINGW64_NT-10.0 3.1.7", "windows", "10.0"},
	{"MSYS_NT-6.1 2.10", "windows", "6.1"},
	{"CYGWIN_NT-5.1 1.7.35", NULL, ""},
	{"AIX 3 7", "aix", "7.3"},
	{"AIX 1 5", "aix", "5.1"},
	{"HP-UX B.11.31 U", "hpux", "B.11.31"},
	{"OSF1 V5.1 2650", "tru64", "V5.1"},
	{"IRIX64 6.5 07202013", "irix", "6.5"},
	{"BSD/OS 4.3 BSDI BSD/OS 4.3 Kernel #0", "bsdos", "4.3"},
	{"\r\nMicrosoft Windows [Version 10.0.19045.3803]\r\n", "windows", "10.0.19045.3803"},
	{"Microsoft Windows [Version 6.0.6002]", "windows", "6.0.6002"},
	{"Microsoft Windows [\xe7\x89\x88\xe6\x9c\xac 10.0.22631.1]", "windows", "10.0.22631.1"},
	{"Microsoft Windows XP [Version 5.1.2600]", "windows-nt5", "5.1.2600"},
	{"Microsoft Windows 2000 [Version 5.00.2195]", "windows-nt5", "5.00.2195"},
	{"Authorised use only.\r\n\r\nMicrosoft Windows [Version 10.0.17763.5206]\r\n", "windows",
	 "10.0.17763.5206"},
	{"Windows NT Version 4.00\r\n", "windows-nt5", "4.00"},
	{"Windows is not here", NULL, ""},
	{"Minix 3.4.0", NULL, ""},
	{"Linux", NULL, ""},
	{"", NULL, ""},
	{"Microsoft Windows", NULL, ""},
	{"Linux 6\x1b[2J\x80 x", "linux", "6?[2J?"},
};

static void systems_are_recognized(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(identity) / sizeof(*identity); i++) {
		char release[64] = "";
		const struct os_system *system = os_identify(
			identity[i].text, strlen(identity[i].text), release, sizeof(release));

		if (!identity[i].system)
			assert_string_equal(system ? system->name : "", "");
		else if (!system || strcmp(system->name, identity[i].system) != 0 ||
			 strcmp(release, identity[i].release) != 0)
			fail_msg("'%s' is taken for %s %s", identity[i].text,
				 system ? system->name : "nothing", release);
	}
}

static const struct released {
	const char *system, *release;
	enum os_range_name name;
	uint16_t lo, hi;
} released[] = {
	{"freebsd", "4.5-RELEASE", OS_REGULAR, 1024, 5000},
	{"freebsd", "4.6-STABLE", OS_REGULAR, 49152, 65535},
	{"freebsd", "6.2-RELEASE", OS_REGULAR, 49152, 65535},
	{"freebsd", "7.4", OS_REGULAR, 49152, 65535},
	{"freebsd", "8.0", OS_REGULAR, 10000, 65535},
	{"freebsd", "14.1-RELEASE-p5", OS_REGULAR, 10000, 65535},
	{"freebsd", "", OS_REGULAR, 10000, 65535},
	{"freebsd", "2.2.8", OS_HIGH, 40000, 44999},
	{"linux", "2.2.26", OS_REGULAR, 1024, 4999},
	{"linux", "2.6.32-754.el6", OS_REGULAR, 32768, 61000},
	{"linux", "4.1.52", OS_REGULAR, 32768, 61000},
	{"linux", "4.2.0", OS_REGULAR, 32768, 60999},
	{"linux", "6.18.2", OS_REGULAR, 32768, 60999},
	{"hpux", "B.11.31", OS_REGULAR, 49152, 65535},
	{"tru64", "V5.1", OS_REGULAR, 1024, 5000},
};

static void defaults_follow_the_release(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(released) / sizeof(*released); i++) {
		const struct os_default *found = os_default_of(
			os_find(released[i].system), released[i].release, released[i].name);

		if (!found || found->range.lo != released[i].lo ||
		    found->range.hi != released[i].hi)
			fail_msg("%s %s: %u-%u", released[i].system, released[i].release,
				 found ? found->range.lo : 0, found ? found->range.hi : 0);
	}
	assert_null(os_default_of(os_find("linux"), "6.1", OS_HIGH));
}

static void the_list_is_whole(void **unused)
{
	(void)unused;
	for (size_t i = 0; os_systems[i]; i++) {
		const struct os_system *system = os_systems[i];

		assert_true(i == 0 || strcmp(os_systems[i - 1]->name, system->name) < 0);
		assert_ptr_equal(os_find(system->name), system);
		assert_true(system->specs && system->specs <= OS_RANGES_MAX);
		assert_true(system->facts && system->facts->time_wait_s);
		assert_non_null(os_default_of(system, "", OS_REGULAR));
		assert_int_equal(!!(system->flags & OS_FIXED), system->because != NULL);
		/* Commands go through a remote shell between single quotes. */
		for (const struct os_command *command = system->read; command->id; command++)
			assert_null(strpbrk(command->line, "'\n"));
	}
	assert_null(os_find("minix"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_is_read),
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(ipadm_tells_in_either_form),
		cmocka_unit_test(aix_tells_what_the_next_boot_brings),
		cmocka_unit_test(lists_of_other_ports),
		cmocka_unit_test(reserved_lists_on_linux),
		cmocka_unit_test(systems_are_recognized),
		cmocka_unit_test(defaults_follow_the_release),
		cmocka_unit_test(the_list_is_whole),
	};

	samples = argc > 1 ? argv[1] : "tests/os/samples";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
