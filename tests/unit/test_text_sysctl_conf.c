/* Exercises: core/text_sysctl_conf.c and core/file_list.c: which line of which file wins. */
#include "check.h"

#include "text_sysctl_conf.h"

#define RANGE "net.ipv4.ip_local_port_range"

static void add(struct file_list *list, const char *path, const char *text, enum file_kind kind,
		unsigned directory)
{
	assert_int_equal(
		file_list_add(list, strdup(path), strdup(text), strlen(text), kind, directory), 0);
}

static void assert_wins(const struct file_list *list, enum sysctl_reader reader, const char *path,
			uint32_t line, const char *value)
{
	struct sysctl_line found;

	assert_true(text_sysctl_conf_find(list, RANGE, reader, &found));
	assert_string_equal(found.file->path, path);
	assert_int_equal(found.line, line);
	assert_true(text_is(found.value, value));
}

/* One file: the value that wins, NULL when none does. */
static void assert_value(const char *text, const char *value)
{
	struct file_list list = {0};
	struct sysctl_line found;

	add(&list, "/etc/sysctl.d/a.conf", text, FILE_SYSCTL, 0);
	assert_int_equal(text_sysctl_conf_find(&list, RANGE, SYSCTL_READER_SYSTEMD, &found),
			 value != NULL);
	if (value && !text_is(found.value, value))
		fail_msg("%s: '%.*s' instead of '%s'", text, (int)found.value.length,
			 found.value.start, value);
	file_list_done(&list);
}

static void reads_lines(void **state)
{
	(void)state;
	assert_value("net.ipv4.ip_local_port_range = 1024 65000\n", "1024 65000");
	assert_value("  net/ipv4/ip_local_port_range=1024\t65000", "1024\t65000");
	assert_value("-net.ipv4.ip_local_port_range = 1 2\n", "1 2");
	assert_value("- net.ipv4.ip_local_port_range = 1 2\r\n", "1 2");
	assert_value("# net.ipv4.ip_local_port_range = 1 2\n", NULL);
	assert_value("; net.ipv4.ip_local_port_range = 1 2\n", NULL);
	assert_value("net.ipv4.ip_local_port_range = 1 2 # no comment\n", "1 2 # no comment");
	assert_value("net.ipv4.ip_local_port_range 1 2\n", NULL);
	assert_value("net.ipv4.ip_local_port_rang = 1 2\n", NULL);
	assert_value("net.ipv4.ip_local_port_ranges = 1 2\n", NULL);
	assert_value("net.ipv4.ip_local_port_range = 1 2\nnet.ipv4.ip_local_port_range = 3 4\n",
		     "3 4");
	assert_value("net.ipv4.ip_local_port_range =\n", "");
	assert_value("", NULL);
}

/* Each was put to systemd-sysctl 252 and to sysctl --system of procps 4.0.2. */
static void reads_paths(void **state)
{
	struct file_list list = {0};

	(void)state;
	assert_value(".net.ipv4.ip_local_port_range = 1 2\n", "1 2");
	assert_value("net..ipv4.ip_local_port_range = 1 2\n", "1 2");
	assert_value("-/net//ipv4/ip_local_port_range = 1 2\n", "1 2");
	assert_value("net..ipv4.*_port_range = 1 2\n", "1 2");
	assert_value("net./ipv4.ip_local_port_range = 1 2\n", NULL);
	assert_value("/proc/sys/net/ipv4/ip_local_port_range = 1 2\n", NULL);
	add(&list, "/etc/sysctl.d/a.conf", "-" RANGE " = 1 2\n- " RANGE " = 3 4\n", FILE_SYSCTL, 0);
	assert_wins(&list, SYSCTL_READER_SYSTEMD, "/etc/sysctl.d/a.conf", 2, "3 4");
	assert_wins(&list, SYSCTL_READER_PROCPS, "/etc/sysctl.d/a.conf", 1, "1 2");
	file_list_done(&list);
}

static void reads_patterns(void **state)
{
	(void)state;
	assert_value("net.ipv4.* = 1 2\n", "1 2");
	assert_value("net.*.ip_local_port_range = 1 2\n", "1 2");
	assert_value("net/ipv4/ip_local_port_rang? = 1 2\n", "1 2");
	assert_value("net.ipv4.ip_local_[n-q]ort_range = 1 2\n", "1 2");
	assert_value("net.ipv4.ip_local_[!p]ort_range = 1 2\n", NULL);
	assert_value("net.* = 1 2\n", NULL);
	assert_value("*ip_local_port_range = 1 2\n", NULL);
	assert_value("net.ipv4.ip_local_port_range[ = 1 2\n", NULL);
	/* A line that spells the key out beats a pattern, also a later one. */
	assert_value("net.ipv4.ip_local_port_range = 1 2\nnet.ipv4.* = 3 4\n", "1 2");
	assert_value("-net.ipv4.ip_local_port_range\nnet.ipv4.* = 3 4\n", NULL);
	assert_value("-net.ipv4.ip_local_port_range\nnet.ipv4.ip_local_port_range = 3 4\n", "3 4");
}

/* One file: what each program makes of it, NULL for nothing. */
static void assert_values(const char *text, const char *systemd, const char *procps)
{
	struct file_list list = {0};
	struct sysctl_line found;

	assert_value(text, systemd);
	add(&list, "/etc/sysctl.conf", text, FILE_SYSCTL_PROCPS, 0);
	if (text_sysctl_conf_find(&list, RANGE, SYSCTL_READER_PROCPS, &found) != (procps != NULL) ||
	    (procps && !text_is(found.value, procps)))
		fail_msg("%s: procps does not find '%s'", text, procps ? procps : "nothing");
	file_list_done(&list);
}

/* Each was put to systemd-sysctl 252 and to sysctl --system of procps 4.0.2. */
static void programs_differ(void **state)
{
	(void)state;
	/* systemd forgets a value that is taken back. */
	assert_values(RANGE " = 1 2\n-" RANGE "\n", NULL, "1 2");
	assert_values(RANGE " = 1 2\n-" RANGE "\n" RANGE " = 3 4\n", "3 4", "3 4");
	assert_values("-net.ipv4.*_port_range\nnet.ipv4.*_port_range = 1 2\n", "1 2", "1 2");
	assert_values("net.ipv4.*_port_range = 1 2\n-net.ipv4.*_port_range\n", NULL, "1 2");
	/* Odd names. */
	assert_values(RANGE ". = 1 2\n", "1 2", NULL);
	assert_values("net/ipv4/ip_local_port_range/ = 1 2\n", "1 2", NULL);
	assert_values(RANGE "/ = 1 2\n", NULL, NULL);
	assert_values("--" RANGE " = 1 2\n", NULL, "1 2");
	assert_values("---" RANGE " = 1 2\n", NULL, NULL);
	assert_values("net/ipv4/../ipv4/ip_local_port_range = 1 2\n", NULL, "1 2");
	assert_values("net/ipv4/conf/../ip_local_port_range = 1 2\n", NULL, "1 2");
	assert_values("net/./ipv4/ip_local_port_range = 1 2\n", "1 2", "1 2");
	assert_values("../sys/net/ipv4/ip_local_port_range = 1 2\n", NULL, NULL);
	assert_values("net/../../sys/net/ipv4/ip_local_port_range = 1 2\n", NULL, NULL);
	/* A pattern keeps its place until its value changes. */
	assert_values("net.ipv4.*_port_range = 1 2\nnet.ipv4.*_range = 3 4\nnet.ipv4.*_port_range "
		      "= 1 2\n",
		      "3 4", "1 2");
	assert_values("net.ipv4.*_port_range = 1 2\nnet.ipv4.*_range = 3 4\nnet.ipv4.*_port_range "
		      "= 5 6\n",
		      "5 6", "5 6");
	/* A name in a roundabout way is another name to procps. */
	assert_values("net//ipv4/ip_local_port_range = 1 2\nnet.ipv4.*_port_range = 3 4\n", "1 2",
		      "3 4");
	assert_values(RANGE " = 1 2\nnet//ipv4/*_port_range = 3 4\n", "1 2", "3 4");
	assert_values("net//ipv4/ip_local_port_range = 1 2\nnet//ipv4/*_port_range = 3 4\n", "1 2",
		      "1 2");
	assert_values("- " RANGE "\nnet.ipv4.*_port_range = 3 4\n", NULL, "3 4");
}

static void merges_directories(void **state)
{
	struct file_list list = {0};

	(void)state;
	add(&list, "/usr/lib/sysctl.d/50-default.conf", RANGE " = 1 1\n", FILE_SYSCTL, 3);
	add(&list, "/usr/lib/sysctl.d/60-hidden.conf", RANGE " = 2 2\n", FILE_SYSCTL, 3);
	add(&list, "/etc/sysctl.d/60-hidden.conf", "", FILE_SYSCTL, 0);
	add(&list, "/run/sysctl.d/40-early.conf", RANGE " = 3 3\n", FILE_SYSCTL, 1);
	file_list_settle(&list, 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.file[2].path, "/etc/sysctl.d/60-hidden.conf");
	assert_wins(&list, SYSCTL_READER_SYSTEMD, "/usr/lib/sysctl.d/50-default.conf", 1, "1 1");
	add(&list, "/etc/sysctl.conf", "#\n\n" RANGE " = 4 4\n", FILE_SYSCTL_PROCPS, 0);
	assert_wins(&list, SYSCTL_READER_SYSTEMD, "/usr/lib/sysctl.d/50-default.conf", 1, "1 1");
	assert_wins(&list, SYSCTL_READER_PROCPS, "/etc/sysctl.conf", 3, "4 4");
	file_list_done(&list);
}

static bool same(const char *a, const char *b)
{
	return text_sysctl_conf_same((struct text_span){a, strlen(a)},
				     (struct text_span){b, strlen(b)});
}

static void compares_values(void **state)
{
	(void)state;
	assert_true(same("1024 65000", "1024\t  65000"));
	assert_false(same("1024 65000", "1024 65001"));
	assert_false(same("1024", "1024 65001"));
	assert_true(same("", " "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines),        cmocka_unit_test(reads_paths),
		cmocka_unit_test(reads_patterns),     cmocka_unit_test(programs_differ),
		cmocka_unit_test(merges_directories), cmocka_unit_test(compares_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
