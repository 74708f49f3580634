/*
 * Exercises: os/reserved.c and what each system makes of its lists of reserved ports, on texts alone: rows, commands, what a
 * boot brings and the files that say so. A list of a host is read from what its own commands print.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"
#include "reserved.h"

static struct os_state *state_of(const char *system, const char *id, const char *text)
{
	struct os_state *state = malloc(sizeof(*state));
	struct os_output output = {id, text, strlen(text)};
	struct os_outputs outputs = {&output, 1};

	os_parse(os_find(system), "", &outputs, state, NULL);
	return state;
}

static struct os_list_wish wish_of(const char *words)
{
	struct os_list_wish wish = {.remove = *words == '-', .protocols = OS_TCP | OS_UDP};

	assert_int_equal(port_set_parse(words + 1, strlen(words + 1), &wish.ports, NULL), 0);
	return wish;
}

/* The value of a list, read and written again; "!" when it is refused. */
static void values_of_lists(void **unused)
{
	static const struct {
		const char *text, *rows, *merged;
	} value[] = {
		{"", "", ""},
		{"2049,4045", "2049,4045", "2049,4045"},
		{"9,7-8", "7-8,9", "7-9"},
		{"7,8,8-9", "!", "7-9"},
		{"65535", "65535", "65535"},
		{"1-65535", "1-65535", "1-65535"},
		{"0", "!", "!"},
		{"65536", "!", "!"},
		{"9-7", "!", "!"},
		{"7,,8", "!", "!"},
		{",", "!", "!"},
		{"7 8", "!", "!"},
		{"7;reboot", "!", "!"},
		{"-7", "!", "!"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(value) / sizeof(*value); i++)
		for (int rows = 0; rows < 2; rows++) {
			struct strbuf seen = STRBUF_INIT;
			struct os_ports ports;

			if (os_ports_read(value[i].text, rows, &ports) < 0)
				strbuf_puts(&seen, "!");
			else
				os_ports_format(&ports, &seen);
			assert_string_equal(seen.text, rows ? value[i].rows : value[i].merged);
			strbuf_done(&seen);
		}
}

static void rows_are_whole(void **unused)
{
	struct os_ports ports;

	(void)unused;
	assert_int_equal(os_ports_read("5-9,10-12,20", true, &ports), 0);
	assert_true(os_ports_has_row(&ports, (struct port_range){5, 9}));
	assert_true(os_ports_has_row(&ports, (struct port_range){10, 12}));
	assert_false(os_ports_has_row(&ports, (struct port_range){5, 12}));
	assert_false(os_ports_has_row(&ports, (struct port_range){6, 9}));
	assert_false(os_ports_has_row(&ports, (struct port_range){5, 8}));
	assert_false(os_ports_has_row(&ports, (struct port_range){13, 13}));
}

#define BSD(tcp) "net.inet.tcp.baddynamic=" tcp "\n"
#define NT5_KEY  "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"
#define ROWS                                                                                       \
	"\r\nPlages\r\n\r\nPort  Port\r\n----------    --------\r\n"                               \
	"      5357        5357\r\n     50000       50059     *\r\n     50060       50060     "    \
	"*\r\n"

static const struct change {
	const char *system, *id, *text, *wish;
	const char *commands;
} change[] = {
	{"openbsd", "", BSD("2049,6000"), "+8080,2049", "net.inet.tcp.baddynamic=+8080\n"},
	{"openbsd", "", BSD("2049,6000"), "-6000,7", "net.inet.tcp.baddynamic=-6000\n"},
	{"openbsd", "", BSD(""), "+8080-8082", "net.inet.tcp.baddynamic=+8080,+8081,+8082\n"},
	{"dragonfly", "", "net.inet.udp.baddynamic: 2049\n", "+80",
	 "/sbin/sysctl net.inet.udp.baddynamic=+80\n"},
	{"solaris10", "", "tcp_extra_priv_ports = 2049 4045\n", "+80-81",
	 "ndd -set /dev/tcp tcp_extra_priv_ports_add 80\n"
	 "ndd -set /dev/tcp tcp_extra_priv_ports_add 81\n"},
	{"solaris10", "", "udp_extra_priv_ports = 2049 4045\n", "-2049",
	 "ndd -set /dev/udp udp_extra_priv_ports_del 2049\n"},
	{"illumos", "", "tcp:extra_priv_ports:2049,4045::2049,4045:1024-65535\n", "+80",
	 "ipadm set-prop -t -p extra_priv_ports=80,2049,4045 tcp\n"},
	{"illumos", "", "tcp:extra_priv_ports:2049::2049,4045:1024-65535\n", "-2049", ""},
	{"linux", "", "net.ipv4.ip_local_reserved_ports = 80,82\n", "+81",
	 "echo \"80-82\" >/proc/sys/net/ipv4/ip_local_reserved_ports\n"},
	{"linux", "", "net.ipv4.ip_local_reserved_ports = 80\n", "-80",
	 "echo \"\" >/proc/sys/net/ipv4/ip_local_reserved_ports\n"},
	{"windows", "excludedportrange ipv6 udp", ROWS, "+50061-50062",
	 "netsh int ipv6 add excludedportrange protocol=udp startport=50061 numberofports=2\n"},
	{"windows", "excludedportrange ipv4 tcp", ROWS, "+50058-50063",
	 "netsh int ipv4 add excludedportrange protocol=tcp startport=50061 numberofports=3\n"},
	{"windows", "excludedportrange ipv4 tcp", ROWS, "-50000-50059",
	 "netsh int ipv4 delete excludedportrange protocol=tcp startport=50000 numberofports=60\n"},
	{"windows-nt5", "ReservedPorts", "\tReservedPorts\tREG_MULTI_SZ\t1433-1433\\04500-4500\r\n",
	 "+1434",
	 "reg add " NT5_KEY " /v ReservedPorts /t REG_MULTI_SZ /d 1433-1434\\04500-4500 /f\n"},
	{"windows-nt5", "ReservedPorts", "", "+80",
	 "reg add " NT5_KEY " /v ReservedPorts /t REG_MULTI_SZ /d 80-80 /f\n"},
	{"windows-nt5", "ReservedPorts", "\tReservedPorts\tREG_MULTI_SZ\t80-80\r\n", "-80",
	 "reg delete " NT5_KEY " /v ReservedPorts /f\n"},
};

static void commands_change_lists(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(change) / sizeof(*change); i++) {
		struct os_state *state = state_of(change[i].system, change[i].id, change[i].text);
		struct os_list_wish wish = wish_of(change[i].wish);
		struct strbuf seen = STRBUF_INIT;
		struct os_ports now, after;
		const struct os_reserved *reserved = NULL;
		const char *tail;

		for (size_t j = 0; j < state->reserveds; j++)
			if (state->reserved[j].list)
				reserved = &state->reserved[j];
		if (!reserved)
			fail_msg("%s: no list in %s", change[i].system, change[i].text);
		os_reserved_now(reserved, &now);
		os_ports_change(&now, &wish, reserved->list->rows, &after);
		os_list_commands(state, reserved->list,
				 reserved->list->store == OS_BOTH ? OS_RUNNING
								  : reserved->list->store,
				 &now, &after, &seen, NULL);
		/* Where sysctl is found is not what this is about. */
		tail = strstr(seen.text, "S net.");
		if (strcmp(tail ? tail + 2 : seen.text, change[i].commands) != 0)
			fail_msg("%s %s: %s\nexpected %s", change[i].system, change[i].wish,
				 seen.text, change[i].commands);
		strbuf_done(&seen);
		free(state);
	}
}

#define TCP "net.inet.tcp.baddynamic"

/* One file, before and after. "=": it stays as it is. */
static const struct keep {
	const char *system, *text, *path, *before, *wish, *after;
} keep[] = {
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", NULL, "+8080", TCP "=+8080\n"},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", "a=b", "+8080", "a=b\n" TCP "=+8080\n"},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", "a=b\r\n", "+8080",
	 "a=b\r\n" TCP "=+8080 #\r\n"},
	/* On the kernel's own list, as far as that is known. */
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", "a=b\n", "+2049", "="},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", TCP "=-2049\n", "+2049", TCP "=+2049\n"},
	{"openbsd", BSD("2049,7,8"), "/etc/sysctl.conf", " " TCP "=+7,-9 # why\n# end", "+8",
	 " " TCP "=+7,+8,-9 # why\n# end"},
	/* The shell passes over a last line without its newline, and so do we as long as it stays so. */
	{"openbsd", BSD("2049,7"), "/etc/sysctl.conf", TCP "=+7\nnet.inet.udp.baddynamic=5", "+8",
	 TCP "=+7,+8\nnet.inet.udp.baddynamic=5"},
	{"openbsd", BSD("2049,7,8"), "/etc/sysctl.conf", TCP "=+7\n" TCP "=+8\n", "-7",
	 TCP "=+7\n" TCP "=+8,-7\n"},
	{"openbsd", BSD("2049,7,8"), "/etc/sysctl.conf", TCP "=+7\n" TCP "=+8\n", "-8",
	 TCP "=+7\n"},
	{"openbsd", BSD("2049,8"), "/etc/sysctl.conf", TCP "=+8 # ours\n", "-8", "# ours\n"},
	/* Whoever put it there: it must not come back. */
	{"openbsd", BSD("2049,77"), "/etc/sysctl.conf", "", "-77,2049", TCP "=-77,-2049\n"},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", "", "-9", "="},
	{"openbsd", BSD("7,8"), "/etc/sysctl.conf", TCP "=7,8", "+9", TCP "=7,8,9\n"},
	{"openbsd", BSD("7,8"), "/etc/sysctl.conf", TCP "=7,8\n", "-8", TCP "=7\n"},
	{"openbsd", BSD("7,8"), "/etc/sysctl.conf", TCP "=7,8\n", "-7,8", "!"},
	/* Nothing of this the system applies. */
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", TCP " = +5\n#" TCP "=+6\n", "+8",
	 TCP " = +5\n#" TCP "=+6\n" TCP "=+8\n"},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", TCP "=+5,6\n", "+8", "!"},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", TCP "=+5-6\n", "+8", "!"},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", TCP "=+0\n", "+8", "!"},
	{"openbsd", BSD("2049"), "/etc/sysctl.conf", TCP "=+99999\n", "+8", "!"},
	{"dragonfly", "net.inet.tcp.baddynamic: 2049\n", "/etc/sysctl.conf", "", "+2049",
	 TCP "=+2049\n"},
	{"linux", "net.ipv4.ip_local_reserved_ports = 80\n", "/etc/sysctl.d/90-ephemports.conf",
	 NULL, "+8080", "net.ipv4.ip_local_reserved_ports = 80,8080\n"},
	{"linux", "net.ipv4.ip_local_reserved_ports = 80\n", "/etc/sysctl.d/1.conf",
	 "net/ipv4/ip_local_reserved_ports=80,90", "-90", "net/ipv4/ip_local_reserved_ports=80"},
	{"linux", "net.ipv4.ip_local_reserved_ports = \n", "/etc/sysctl.d/1.conf",
	 "net.ipv4.ip_local_reserved_ports = x\n", "+90", "!"},
};

static void files_keep_lists(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++) {
		const struct keep *k = &keep[i];
		struct os_state *state = state_of(k->system, "", k->text);
		struct os_file file = {k->path, k->before, k->before ? strlen(k->before) : 0,
				       false};
		struct os_files files = {&file, k->before != NULL};
		struct os_list_wish wish = wish_of(k->wish);
		struct os_reserved *before = malloc(sizeof(*before));
		struct os_edits edits;
		const char *seen = "=";
		int r;

		os_boot(state, &files);
		*before = state->reserved[0];
		r = os_list_persist(state, &files, &wish, &edits, NULL);
		if (r < 0)
			seen = "!";
		else if (edits.count)
			seen = strchr(edits.edit[0].text, '#') == edits.edit[0].text &&
					       strstr(edits.edit[0].text, "phemports")
				       ? strchr(edits.edit[0].text, '\n') + 1
				       : edits.edit[0].text;
		if (strcmp(seen, k->after) != 0)
			fail_msg("%s %s\n%s---- became\n%s----, expected\n%s----", k->system,
				 k->wish, k->before ? k->before : "nothing", seen, k->after);
		/* And a boot with it brings what was wanted. */
		if (r == 0) {
			if (edits.count)
				file = (struct os_file){k->path, edits.edit[0].text,
							edits.edit[0].length, false};
			files.count = edits.count ? 1 : files.count;
			os_boot(state, &files);
			assert_true(os_list_is_kept(before, &state->reserved[0], &wish));
		}
		os_edits_done(&edits);
		free(before);
		free(state);
	}
}

static void scripts_keep_lists_and_ranges(void **unused)
{
	static const char script[] =
		"#!/sbin/sh\n# Written by ephemports: the ephemeral port ranges, set at each "
		"boot.\nNDD=/usr/sbin/ndd\n\ncase \"${1:-start}\" in\nstart)\n"
		"\t${NDD} -set /dev/tcp tcp_smallest_anon_port 40000\n"
		"\t${NDD} -set /dev/tcp tcp_largest_anon_port 50000\n"
		"\t${NDD} -set /dev/tcp tcp_extra_priv_ports_add 7\n\t;;\nesac\nexit 0\n";
	struct os_state *state =
		state_of("solaris10", "",
			 "tcp_smallest_anon_port = 40000\ntcp_largest_anon_port = 50000\n"
			 "tcp_extra_priv_ports = 2049 4045 7\n");
	struct os_file file[] = {
		{"/etc/init.d/ephemports", script, sizeof(script) - 1, false},
		{"/etc/rc2.d/S70ephemports", script, sizeof(script) - 1, true},
	};
	struct os_files files = {file, 2};
	struct os_list_wish wish = wish_of("+8");
	struct os_edits edits;

	(void)unused;
	os_boot(state, &files);
	assert_true(port_set_has(&state->reserved[0].boot_plus, 7));
	assert_int_equal(os_list_persist(state, &files, &wish, &edits, NULL), 0);
	assert_int_equal(edits.count, 1);
	assert_non_null(strstr(edits.edit[0].text, "tcp_smallest_anon_port 40000"));
	assert_non_null(strstr(edits.edit[0].text, "tcp_extra_priv_ports_add 7\n"));
	assert_non_null(strstr(edits.edit[0].text, "tcp_extra_priv_ports_add 8\n"));
	os_edits_done(&edits);
	wish = wish_of("-7,2049");
	assert_int_equal(os_list_persist(state, &files, &wish, &edits, NULL), 0);
	assert_null(strstr(edits.edit[0].text, "_add 7"));
	assert_null(strstr(edits.edit[0].text, "_del 7"));
	assert_non_null(strstr(edits.edit[0].text, "tcp_extra_priv_ports_del 2049\n"));
	os_edits_done(&edits);
	free(state);
}

static const struct refusal {
	const char *system, *id, *text, *wish;
	int code;
	const char *word;
} refusal[] = {
	{"freebsd", "", "", "+8080", -EOPNOTSUPP, "range set"},
	{"irix", "", "", "+8080", -EOPNOTSUPP, "compiled in"},
	{"netbsd", "", "", "+8080", -EOPNOTSUPP, "anonportalgo.reserve"},
	{"openbsd", "", "", "+8080", -ENOENT, "could not be read"},
	{"windows", "excludedportrange ipv4 tcp", ROWS, "+5350-5360", -EBUSY, "5357-5357"},
	{"windows", "excludedportrange ipv4 tcp", ROWS, "-5357", -EBUSY, "driver"},
	{"windows", "excludedportrange ipv4 tcp", ROWS, "-50001", -EINVAL, "50000-50059"},
	{"windows", "excludedportrange ipv4 tcp", ROWS, "-50059-50060", -EINVAL, "50000-50059"},
	{"windows", "excludedportrange ipv4 tcp", ROWS, "-50060,80", 0, ""},
	/* An error message is no empty table. */
	{"windows", "excludedportrange ipv4 tcp", "Paramètre incorrect.\r\n", "+80", -ENOENT,
	 "could not be read"},
};

static void refusals_say_why(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(refusal) / sizeof(*refusal); i++) {
		struct os_state *state =
			state_of(refusal[i].system, refusal[i].id, refusal[i].text);
		struct os_list_wish wish = wish_of(refusal[i].wish);
		struct eph_error error = {.message = ""};
		int r = os_list_check(state, &wish, &error);

		if (r != refusal[i].code || !strstr(error.message, refusal[i].word))
			fail_msg("%s %s: %d, %s", refusal[i].system, refusal[i].wish, r,
				 error.message);
		free(state);
	}
}

/* Every system either has lists that can be changed, or says what to do instead. */
static void every_system_has_an_answer(void **unused)
{
	(void)unused;
	for (const struct os_system *const *system = os_systems; *system; system++) {
		assert_true(!(*system)->list == !!(*system)->no_list);
		assert_true(!(*system)->list == !(*system)->list_set);
		for (const struct os_list *list = (*system)->list; list && list->setting; list++)
			assert_true((list->store == OS_RUNNING) == !!(*system)->list_persist);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_lists),
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(commands_change_lists),
		cmocka_unit_test(files_keep_lists),
		cmocka_unit_test(scripts_keep_lists_and_ranges),
		cmocka_unit_test(refusals_say_why),
		cmocka_unit_test(every_system_has_an_answer),
	};

	(void)argc;
	(void)argv;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
