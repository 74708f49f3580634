/*
 * Exercises: what keeps a range after a boot: os/boot.c, sysctl_conf.c, nddconf.c, start_script.c, rc_tcpip.c, plist.c and
 * stanza.c. Each case is a messy set of files, a wish, and the files byte for byte as they must then be; after that the
 * boot is judged again, and wishing the same once more changes nothing.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"
#include "rc_local.h"
#include "stanza.h"
#include "systems.h"

#define FILES_MAX 6

static const char *const output_of[][2] = {
	{"freebsd", "net.inet.ip.portrange.first: 10000\nnet.inet.ip.portrange.last: 65535\n"},
	{"dragonfly", "net.inet.ip.portrange.first: 1024\nnet.inet.ip.portrange.last: 5000\n"},
	{"macos", "net.inet.ip.portrange.first: 49152\nnet.inet.ip.portrange.last: 65535\n"},
	{"openbsd", "net.inet.ip.portfirst=1024\nnet.inet.ip.portlast=49151\n"},
	{"netbsd", "net.inet.ip.anonportmin = 49152\nnet.inet.ip.anonportmax = 65535\n"},
	{"hpux", "tcp_smallest_anon_port = 49152\ntcp_largest_anon_port = 65535\n"},
	{"solaris10", "tcp_smallest_anon_port = 32768\ntcp_largest_anon_port = 65535\n"},
	{"aix", "tcp_ephemeral_low = 32768\ntcp_ephemeral_high = 65535\n"},
};

static struct os_state *state_of(const char *system, const char *release)
{
	struct os_state *state = malloc(sizeof(*state));
	const char *text = NULL;
	struct os_output output;
	struct os_outputs outputs = {&output, 1};

	for (size_t i = 0; i < sizeof(output_of) / sizeof(*output_of); i++)
		if (strcmp(output_of[i][0], system) == 0)
			text = output_of[i][1];
	assert_non_null(text);
	output = (struct os_output){"", text, strlen(text)};
	assert_int_equal(os_parse(os_find(system), release, &outputs, state, NULL), 0);
	return state;
}

struct content {
	const char *path, *text;
};

static const struct persist_case {
	const char *name, *system, *release;
	uint16_t lo, hi;
	struct content before[FILES_MAX];
	struct content after[FILES_MAX]; /* those that change; a link's text is "-> TARGET" */
} cases[] = {
#include "boot_cases.inc"
};

static const char *text_at(const struct content *content, const char *path)
{
	while (strcmp(content->path, path) != 0)
		content++;
	return content->text;
}

/* Exactly as many bytes as it has, so that a read past the end shows. */
static char *copy_of(const char *text, size_t length)
{
	char *copy = malloc(length ? length : 1);

	for (size_t i = 0; i < length; i++)
		copy[i] = text[i];
	return copy;
}

/* "-> PATH" is a link to another of them. */
static size_t files_of(const struct content *content, struct os_file *file)
{
	size_t count = 0;

	for (; count < FILES_MAX && content[count].path; count++) {
		bool link = strncmp(content[count].text, "-> ", 3) == 0;
		const char *text =
			link ? text_at(content, content[count].text + 3) : content[count].text;
		size_t length = strlen(text);

		file[count] =
			(struct os_file){content[count].path, copy_of(text, length), length, link};
	}
	return count;
}

static void expect_edits(const struct persist_case *test, const struct os_edits *edits)
{
	size_t expected = 0;

	while (expected < FILES_MAX && test->after[expected].path)
		expected++;
	for (size_t i = 0; i < edits->count; i++) {
		const struct os_edit *edit = &edits->edit[i];
		const char *text = edit->text ? edit->text : edit->link_to;
		const char *want = i < expected ? test->after[i].text : "nothing";

		if (!edit->text && strncmp(want, "-> ", 3) == 0)
			want += 3;
		if (i >= expected || strcmp(edit->path, test->after[i].path) != 0 ||
		    strcmp(text, want) != 0)
			fail_msg("%s: %s\n%s---- expected %s\n%s----", test->name, edit->path, text,
				 i < expected ? test->after[i].path : "nothing", want);
	}
	if (edits->count != expected)
		fail_msg("%s: %zu edits, expected %zu", test->name, edits->count, expected);
}

static void put(struct os_file *file, const struct os_edit *edit, const char *path, bool link)
{
	free((void *)(uintptr_t)file->text);
	*file = (struct os_file){path, copy_of(edit->text, edit->length), edit->length, link};
}

/* The files with what @edits make of them. Every link leads to the script. */
static size_t apply(struct os_file *file, size_t count, const struct os_edits *edits)
{
	const struct os_edit *script = NULL;

	for (size_t e = 0; e < edits->count; e++) {
		const struct os_edit *edit = &edits->edit[e];
		size_t i = 0;

		if (strstr(edit->path, "init.d"))
			script = edit;
		while (i < count && strcmp(file[i].path, edit->path) != 0)
			i++;
		if (i == count)
			file[count++] = (struct os_file){.text = NULL};
		put(&file[i], edit->text ? edit : script, edit->path, !edit->text);
	}
	for (size_t i = 0; script && i < count; i++)
		if (file[i].link)
			put(&file[i], script, file[i].path, true);
	return count;
}

static void expect_boot(const struct persist_case *test, struct os_state *state,
			const struct os_files *files, const struct os_wish *wish)
{
	struct os_edits again;

	os_boot(state, files);
	if (!state->range[0].boot_known || state->range[0].boot.lo != wish->range.lo ||
	    state->range[0].boot.hi != wish->range.hi)
		fail_msg("%s: the boot brings %u-%u from %s", test->name, state->range[0].boot.lo,
			 state->range[0].boot.hi, state->range[0].where);
	assert_int_equal(os_persist(state, files, wish, &again, NULL), 0);
	if (again.count)
		fail_msg("%s: once more changes %s to\n%s----", test->name, again.edit[0].path,
			 again.edit[0].text);
	os_edits_done(&again);
}

static void run_case(const struct persist_case *test)
{
	struct os_state *state = state_of(test->system, test->release);
	struct os_file file[FILES_MAX + OS_EDITS_MAX];
	struct os_files files = {file, files_of(test->before, file)};
	struct os_wish wish = {OS_REGULAR, OS_TCP, OS_IPV4, {test->lo, test->hi}, false};
	struct eph_error error = {.message = ""};
	struct os_edits edits;

	if (os_persist(state, &files, &wish, &edits, &error) < 0)
		fail_msg("%s: %s", test->name, error.message);
	expect_edits(test, &edits);
	files.count = apply(file, files.count, &edits);
	expect_boot(test, state, &files, &wish);
	for (size_t i = 0; i < files.count; i++)
		free((void *)(uintptr_t)file[i].text);
	os_edits_done(&edits);
	free(state);
}

static void files_byte_for_byte(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run_case(&cases[i]);
	print_message("%zu cases\n", sizeof(cases) / sizeof(*cases));
}

#define TEN                                                                                        \
	"NDD_NAME[0]=a\nNDD_NAME[1]=a\nNDD_NAME[2]=a\nNDD_NAME[3]=a\nNDD_NAME[4]=a\nNDD_NAME[5]="  \
	"a\n"                                                                                      \
	"NDD_NAME[6]=a\nNDD_NAME[7]=a\nNDD_NAME[8]=a\nNDD_NAME[9]=a\n"

#define PLIST_OF(program, keys)                                                                    \
	"<dict><key>ProgramArguments</key><array><string>" program "</string></array>"             \
	"<key>" keys "</dict>"

static const struct boot_case {
	const char *system, *release;
	struct content file[FILES_MAX];
	const char *expected; /* "LOW-HIGH where", or "default" */
} boots[] = {
	{"freebsd", "14.1", {{NULL, NULL}}, "default"},
	{"freebsd",
	 "14.1",
	 {{"/etc/sysctl.conf.local", "net.inet.ip.portrange.first=30000\n"},
	  {"/etc/sysctl.conf", "net.inet.ip.portrange.first=20000\n"}},
	 "30000-65535 /etc/sysctl.conf.local line 1"},
	{"freebsd",
	 "14.1",
	 {{"/etc/sysctl.conf", "net.inet.ip.portrange.first=100\n"}},
	 "1024-65535 /etc/sysctl.conf line 1"},
	{"freebsd",
	 "14.1",
	 {{"/etc/sysctl.conf", "#net.inet.ip.portrange.first=20000\n"}},
	 "default"},
	{"freebsd",
	 "4.11",
	 {{"/etc/sysctl.conf", "net.inet.ip.portrange.first = 20000\n"}},
	 "default"},
	{"freebsd",
	 "13.2",
	 {{"/etc/sysctl.conf", "net.inet.ip.portrange.first = 20000 # why\n"}},
	 "20000-65535 /etc/sysctl.conf line 1"},
	{"openbsd", "7.5", {{"/etc/sysctl.conf", "net.inet.ip.portfirst = 20000\n"}}, "default"},
	{"netbsd",
	 "9.3",
	 {{"/etc/sysctl.conf",
	   "net.inet.ip.anonportmin = 20000\nnet.inet.ip.anonportmax= 60000\r\n"}},
	 "49152-60000 /etc/sysctl.conf line 2"},
	{"freebsd", "9.3", {{"/etc/sysctl.conf", "net.inet.ip.portrange.first=20000"}}, "default"},
	{"freebsd",
	 "10.4",
	 {{"/etc/sysctl.conf", "net.inet.ip.portrange.first: '20000'\r\n"}},
	 "20000-65535 /etc/sysctl.conf line 1"},
	{"openbsd",
	 "7.5",
	 {{"/etc/sysctl.conf", "a=1\nnet.inet.ip.portfirst=20000\r\n"}},
	 "default"},
	{"hpux",
	 "B.11.31",
	 {{"/etc/rc.config.d/nddconf",
	   "TRANSPORT_NAME[1]=tcp\nNDD_NAME[1]=tcp_smallest_anon_port\nNDD_VALUE[1]=9000\n"}},
	 "default"},
	{"hpux",
	 "B.11.31",
	 {{"/etc/rc.config.d/nddconf",
	   "NDD_NAME[0]=tcp_smallest_anon_port\nNDD_VALUE[0]=9000\nNDD_VALUE[0]=8000\n"},
	  {"/sbin/rc2.d/S500tune", "ndd -set /dev/tcp tcp_largest_anon_port 50000\n"}},
	 "8000-50000 /sbin/rc2.d/S500tune line 1"},
	{"solaris10",
	 "5.10",
	 {{"/etc/rc3.d/S10a", "/usr/sbin/ndd -set /dev/tcp tcp_smallest_anon_port 3000\n"},
	  {"/etc/rc2.d/S99z", "LO=2000; HI=1\nLO=\"2500\"\n"
			      "x && ndd -set /dev/tcp tcp_largest_anon_port '50000'; "
			      "ndd -set /dev/tcp tcp_smallest_anon_port ${LO}\n"},
	  {"/etc/init.d/other", "ndd -set /dev/tcp tcp_smallest_anon_port 1\n"}},
	 "3000-50000 /etc/rc3.d/S10a line 1"},
	/* 11.00 applies ten entries. */
	{"hpux",
	 "B.11.00",
	 {{"/etc/rc.config.d/nddconf",
	   TEN "NDD_NAME[10]=tcp_smallest_anon_port\nNDD_VALUE[10]=9000\n"}},
	 "default"},
	{"hpux",
	 "B.11.11",
	 {{"/etc/rc.config.d/nddconf",
	   TEN "NDD_NAME[10]=tcp_smallest_anon_port\nNDD_VALUE[10]=9000\n"}},
	 "9000-65535 /etc/rc.config.d/nddconf line 12"},
	{"solaris10",
	 "5.10",
	 {{"/etc/rc2.d/S72net",
	   "for p in tcp udp; do\nndd -set /dev/$p ${p}_smallest_anon_port 9000\ndone\n"}},
	 "unknown /etc/rc2.d/S72net line 2"},
	/* A variable is what it was given last, before it is used. */
	{"solaris10",
	 "5.10",
	 {{"/etc/rc2.d/S99z",
	   "LO=1\nLO=2000\nndd -set /dev/tcp tcp_smallest_anon_port $LO\nLO=3\n"}},
	 "2000-65535 /etc/rc2.d/S99z line 3"},
	/* A value that only running the script would tell. */
	{"solaris10",
	 "5.10",
	 {{"/etc/rc2.d/S99z", "ndd -set /dev/tcp tcp_smallest_anon_port `cat /etc/low`\n"}},
	 "unknown /etc/rc2.d/S99z line 1"},
	{"aix",
	 "5.1",
	 {{"/etc/rc.net", "no -o tcp_ephemeral_low=9000\n"}},
	 "9000-65535 /etc/rc.net line 1"},
	{"aix", "7.3", {{"/etc/rc.net", "no -o tcp_ephemeral_low=9000\n"}}, "default"},
	{"aix",
	 "7.3",
	 {{"/etc/rc.tcpip", "# no -o tcp_ephemeral_low=1\nno -o tcp_ephemeral_low=9000 -o "
			    "tcp_ephemeral_high=65500\n"}},
	 "9000-65500 /etc/rc.tcpip line 2"},
	{"macos", "24.1", {{"/etc/sysctl.conf", "net.inet.ip.portrange.first=20000\n"}}, "default"},
	{"macos",
	 "24.1",
	 {{"/Library/LaunchDaemons/a.plist",
	   PLIST_OF("/bin/sh</string><string>-c</string><string>sleep 9; /usr/sbin/sysctl -w "
		    "net.inet.ip.portrange.first=20000; x",
		    "RunAtLoad</key> <true/>")},
	  {"/Library/LaunchDaemons/b.plist",
	   PLIST_OF("/usr/sbin/sysctl</string><string>net.inet.ip.portrange.first=1",
		    "RunAtLoad</key><false/>")},
	  {"/Library/LaunchDaemons/c.plist",
	   PLIST_OF("/usr/sbin/sysctl</string><string>net.inet.ip.portrange.first=2",
		    "Label</key><true/>")},
	  {"/Library/LaunchDaemons/d.plist",
	   PLIST_OF("/usr/sbin/sysctl</string><string>net.inet.ip.portrange.first=3",
		    "RunAtLoad</key><true/><key>Disabled</key>\n<true/>")}},
	 "20000-65535 /Library/LaunchDaemons/a.plist line 1"},
	{"macos",
	 "13.4",
	 {{"/etc/sysctl.conf", "net.inet.ip.portrange.first=20000\n"}},
	 "20000-65535 /etc/sysctl.conf line 1"},
};

static void what_the_boot_brings(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(boots) / sizeof(*boots); i++) {
		struct os_state *state = state_of(boots[i].system, boots[i].release);
		const struct os_range *range = &state->range[0];
		struct os_file file[FILES_MAX];
		struct os_files files = {file, files_of(boots[i].file, file)};
		char seen[256];

		os_boot(state, &files);
		if (!range->boot_set)
			snprintf(seen, sizeof(seen), "default");
		else if (!range->boot_known)
			snprintf(seen, sizeof(seen), "unknown %s", range->where);
		else
			snprintf(seen, sizeof(seen), "%u-%u %s", range->boot.lo, range->boot.hi,
				 range->where);
		if (strcmp(seen, boots[i].expected) != 0)
			fail_msg("case %zu, %s %s: %s, expected %s", i, boots[i].system,
				 boots[i].release, seen, boots[i].expected);
		for (size_t f = 0; f < files.count; f++)
			free((void *)(uintptr_t)file[f].text);
		free(state);
	}
}

/* Where our script is when the site has one of the usual name. */
#define SPARE "/etc/init.d/ephemports-range"

static void refused(const char *system, const char *release, const char *path, const char *text,
		    size_t length, int code)
{
	struct os_state *state = state_of(system, release);
	const struct os_file file[] = {{path, text, length, false},
				       {"/etc/init.d/ephemports", "exit 0\n", 7, false}};
	struct os_files files = {file, !path ? 0 : strcmp(path, SPARE) == 0 ? 2 : 1};
	struct os_wish wish = {OS_REGULAR, OS_TCP, OS_IPV4, {50000, 60000}, false};
	struct eph_error error = {.message = ""};
	struct os_edits edits;

	assert_int_equal(os_persist(state, &files, &wish, &edits, &error), code);
	assert_true(*error.message);
	os_edits_done(&edits);
	free(state);
}

static void files_that_are_left_alone(void **unused)
{
	static const char binary[] = "net.inet.ip.portrange.first=1\0\n";
	static const char open_block[] = "# ephemports begin: the ephemeral port ranges\n"
					 "/usr/sbin/no -o tcp_ephemeral_high=65535\n"
					 "start /usr/sbin/syslogd \"$src_running\"\n";
	static const char plist[] = "<plist><key>ProgramArguments</key><array>"
				    "<string>/bin/echo</string></array></plist>";
	static const char disabled[] =
		PLIST_OF("/usr/sbin/sysctl", "RunAtLoad</key><true/><key>Disabled</key><true/>");

	static const char gap[] = "TRANSPORT_NAME[1]=ip\nNDD_NAME[1]=ip_forwarding\n"
				  "NDD_VALUE[1]=0\n";
	static const char gutted[] = "#!/sbin/sh\n# Written by ephemports: the ephemeral port "
				     "ranges, set at each boot.\nexit 0\n";
	static const char returns[] = "#!/sbin/sh\r\n# Written by ephemports\r\n\t${NDD} -set "
				      "/dev/tcp tcp_largest_anon_port 65535\r\n";

	(void)unused;
	refused("freebsd", "14.1", "/etc/sysctl.conf", binary, sizeof(binary) - 1, -EINVAL);
	refused("hpux", "B.11.31", "/etc/rc.config.d/nddconf", binary, sizeof(binary) - 1, -EINVAL);
	refused("aix", "5.1", "/etc/rc.tcpip", binary, sizeof(binary) - 1, -EINVAL);
	refused("aix", "5.1", "/etc/rc.tcpip", open_block, sizeof(open_block) - 1, -EINVAL);
	refused("aix", "5.1", NULL, NULL, 0, -ENOENT);
	refused("macos", "24.1", "/Library/LaunchDaemons/local.ephemports.plist", plist,
		sizeof(plist) - 1, -EINVAL);
	refused("macos", "24.1", "/Library/LaunchDaemons/local.ephemports.plist", disabled,
		sizeof(disabled) - 1, -EINVAL);
	refused("macos", "24.1", "/Library/LaunchDaemons/local.ephemports.plist", "bplist00", 8,
		-EINVAL);
	refused("solaris10", "5.10", SPARE, "#!/sbin/sh\n", 11, -EEXIST);
	refused("solaris10", "5.10", "/etc/init.d/ephemports", gutted, sizeof(gutted) - 1, -EEXIST);
	refused("solaris10", "5.10", "/etc/init.d/ephemports", returns, sizeof(returns) - 1,
		-EINVAL);
	refused("hpux", "B.11.31", "/etc/rc.config.d/nddconf", gap, sizeof(gap) - 1, -EINVAL);
}

static void a_stanza(void **unused)
{
	struct strbuf text = STRBUF_INIT;
	struct os_step step = {OS_NEXT_BOOT, "ipport_userreserved", "65535", ""};

	(void)unused;
	/* Back to nothing: what was there is taken out. */
	stanza_command(&step, &text);
	assert_non_null(strstr(text.text, "ipport_userreserved = 65535"));
	assert_non_null(strstr(text.text, "/sbin/sysconfigdb -r -f"));
	assert_null(strpbrk(text.text, "'\n"));
	strbuf_done(&text);
}

static void rc_local(void **unused)
{
	static const struct {
		const char *text;
		unsigned line, lo, hi;
	} test[] = {
		{"#!/bin/sh\necho \"49152 65535\" > /proc/sys/net/ipv4/ip_local_port_range\nexit "
		 "0\n",
		 2, 49152, 65535},
		{"sysctl -w net.ipv4.ip_local_port_range=\"1024 65000\"", 1, 1024, 65000},
		{"/sbin/sysctl -w net/ipv4/ip_local_port_range='1024\t4999' >/dev/null\n", 1, 1024,
		 4999},
		{"# echo 1 2 > /proc/sys/net/ipv4/ip_local_port_range\n", 0, 1, 1},
		{"echo $LOW $HIGH > /proc/sys/net/ipv4/ip_local_port_range", 1, 1, 0},
		{"echo 99999 1 > ip_local_port_range", 1, 1, 0},
		{"echo 1 2 > ip_local_port_range\necho 3 4 >ip_local_port_range", 2, 3, 4},
		{"", 0, 1, 1},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(test) / sizeof(*test); i++) {
		struct port_range range = {1, 1};
		char *copy = malloc(strlen(test[i].text) + 1);

		memcpy(copy, test[i].text, strlen(test[i].text));
		assert_int_equal(rc_local_find(copy, strlen(test[i].text), &range), test[i].line);
		if (range.lo != test[i].lo || range.hi != test[i].hi)
			fail_msg("'%s': %u-%u", test[i].text, range.lo, range.hi);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_byte_for_byte),
		cmocka_unit_test(what_the_boot_brings),
		cmocka_unit_test(files_that_are_left_alone),
		cmocka_unit_test(a_stanza),
		cmocka_unit_test(rc_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
