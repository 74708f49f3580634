/* Exercises: core/sysctl_edit.c: files that set a sysctl at boot, before and after an edit, byte for byte. */
#include "check.h"

#include <errno.h>

#include "error.h"
#include "sysctl_edit.h"
#include "text_sysctl_conf.h"

#define KEY "net.ipv4.ip_local_reserved_ports"
#define COMMENT                                                                                    \
	"# Written by ephemports; 'ephemports range log' tells when, 'ephemports range undo' "     \
	"takes it back.\n"

static void assert_edit(const char *before, const char *value, const char *after)
{
	struct strbuf out = STRBUF_INIT;

	sysctl_edit_text(before, strlen(before), KEY, value, &out);
	assert_string_equal(out.text, after);
	strbuf_done(&out);
}

static void edits_in_place(void **state)
{
	(void)state;
	/* Odd spacing, the other spelling, a sign that failures do not matter. */
	assert_edit("  net/ipv4/ip_local_reserved_ports=8080\t \n", "3306,8080",
		    "  net/ipv4/ip_local_reserved_ports=3306,8080\t \n");
	assert_edit("-" KEY " = 1\nvm.swappiness=10\n", "1-2",
		    "-" KEY " = 1-2\nvm.swappiness=10\n");
	/* A blank behind the sign, with which procps would not find the key. */
	assert_edit("x = 1\n - " KEY " = 1\n", "1-2", "x = 1\n -" KEY " = 1-2\n");
	/* No final newline. */
	assert_edit("# mine\n" KEY " = 1", "1,7", "# mine\n" KEY " = 1,7");
	/* CRLF. */
	assert_edit("# a\r\n" KEY " = 1\r\nvm.x = 2\r\n", "9",
		    "# a\r\n" KEY " = 9\r\nvm.x = 2\r\n");
	/* Duplicates: the last one is it. */
	assert_edit(KEY " = 1\n; note\n\n" KEY " = 2\nx = 3\n" KEY "=4\n# end\n", "5",
		    "; note\n\nx = 3\n" KEY "=5\n# end\n");
	/* Comments that look like it, longer and shorter keys, patterns. */
	assert_edit("#" KEY " = 1\n" KEY "x = 1\nnet.ipv4.ip_local_* = 1\n" KEY " = 2\n", "5",
		    "#" KEY " = 1\n" KEY "x = 1\nnet.ipv4.ip_local_* = 1\n" KEY " = 5\n");
	/* Comments behind values, which are part of them. */
	assert_edit("x = 1\n" KEY " = 1 # why\n", "5", "x = 1\n# why\n" KEY " = 5\n");
	assert_edit(KEY " = 1 ; old\r\n" KEY "\t=\t2\t# new", "5",
		    "; old\r\n# new\r\n" KEY "\t=\t5");
	/* Names that only one program knows. */
	assert_edit(" " KEY ". = 1\n", "5", " " KEY " = 5\n");
	assert_edit("--" KEY "=1\n", "5", "-" KEY "=5\n");
	assert_edit("net//ipv4/ip_local_reserved_ports = 1\n", "5",
		    "net//ipv4/ip_local_reserved_ports = 5\n");
	/* Taken back behind: to systemd, only a later line counts. */
	assert_edit(KEY " = 1\n- " KEY "\nx = 1\n", "5", "- " KEY "\nx = 1\n" KEY " = 5\n");
	assert_edit(KEY " = 1\n-" KEY "\n" KEY " = 2\n", "5", "-" KEY "\n" KEY " = 5\n");
	/* An empty value. */
	assert_edit(KEY " =\r\n", "5", KEY " = 5\r\n");
	assert_edit(KEY "=", "5", KEY "= 5");
}

static void edits_at_the_end(void **state)
{
	(void)state;
	assert_edit("", "5", KEY " = 5\n");
	assert_edit("# a\n", "5", "# a\n" KEY " = 5\n");
	assert_edit("# a\r\nx = 1\r\n", "5", "# a\r\nx = 1\r\n" KEY " = 5\r\n");
	assert_edit("# a\nx = 1", "5", "# a\nx = 1\n" KEY " = 5");
	assert_edit("# a\n", "", "# a\n" KEY " =\n");
}

static void drops(void **state)
{
	(void)state;
	assert_edit("a = 1\n" KEY " = 1\n" KEY " = 2\nb = 2", NULL, "a = 1\nb = 2");
	assert_edit("a = 1\n" KEY " = 1", NULL, "a = 1\n");
	assert_edit("# none\n", NULL, "# none\n");
}

struct given {
	const char *path, *text;
	enum file_kind kind;
};

static void make_list(const struct given *given, struct file_list *list)
{
	for (; given->path; given++)
		assert_int_equal(file_list_add(list, strdup(given->path), strdup(given->text),
					       strlen(given->text), given->kind,
					       strncmp(given->path, "/etc/", 5) ? 3 : 0),
				 0);
}

/* Pairs of path and text, NULL at the end. */
static void assert_plan_for(struct sysctl_readers readers, const struct given *given,
			    const char *value, const char *const *expected)
{
	struct file_list list = {0};
	struct sysctl_fact facts[16];
	struct sysctl_plan plan;
	struct eph_error error;
	unsigned n = 0;

	make_list(given, &list);
	sysctl_facts_guess(&list, facts);
	assert_int_equal(sysctl_edit_plan(&list, facts, &readers, KEY, value, &plan, &error), 0);
	for (; expected[2 * n]; n++) {
		assert_true(n < plan.edits);
		assert_string_equal(plan.edit[n].path, expected[2 * n]);
		assert_string_equal(plan.edit[n].text.text, expected[2 * n + 1]);
	}
	assert_int_equal(plan.edits, n);
	sysctl_plan_done(&plan);
	file_list_done(&list);
}

static void assert_plan(const struct given *given, const char *value, const char *const *expected)
{
	assert_plan_for(sysctl_readers_of(true, true, false), given, value, expected);
}

#define FILES(...)                                                                                 \
	(const struct given[])                                                                     \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			NULL, NULL, 0                                                              \
		}                                                                                  \
	}
#define EDITS(...)                                                                                 \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL, NULL                                                            \
	}

static void plans(void **state)
{
	(void)state;
	/* Nobody sets it. */
	assert_plan(FILES({"/usr/lib/sysctl.d/50-default.conf", "x = 1\n", FILE_SYSCTL}), "5",
		    EDITS("/etc/sysctl.d/90-ephemports.conf", COMMENT KEY " = 5\n"));
	/* The winner, not the other one. */
	assert_plan(FILES({"/etc/sysctl.d/10-a.conf", KEY " = 1\n", FILE_SYSCTL},
			  {"/etc/sysctl.d/70-b.conf", KEY " = 2\n", FILE_SYSCTL}),
		    "5", EDITS("/etc/sysctl.d/70-b.conf", KEY " = 5\n"));
	/* Our own file is there already, for another setting. */
	assert_plan(FILES({"/etc/sysctl.d/90-ephemports.conf", COMMENT "y = 1\n", FILE_SYSCTL}),
		    "5", EDITS("/etc/sysctl.d/90-ephemports.conf", COMMENT "y = 1\n" KEY " = 5\n"));
	/* A package's file, early and late. */
	assert_plan(FILES({"/usr/lib/sysctl.d/50-p.conf", KEY " = 1\n", FILE_SYSCTL}), "5",
		    EDITS("/etc/sysctl.d/90-ephemports.conf", COMMENT KEY " = 5\n"));
	assert_plan(FILES({"/usr/lib/sysctl.d/95-p.conf", KEY " = 1\n", FILE_SYSCTL}), "5",
		    EDITS("/etc/sysctl.d/zz-ephemports.conf", COMMENT KEY " = 5\n"));
	/* A pattern stays; a line that spells it out beats it even if it comes first. */
	assert_plan(FILES({"/etc/sysctl.d/95-p.conf", "net.ipv4.ip_local_reserved_* = 1\n",
			   FILE_SYSCTL}),
		    "5", EDITS("/etc/sysctl.d/90-ephemports.conf", COMMENT KEY " = 5\n"));
	/* Debian 12: /etc/sysctl.conf under two names is one file. */
	assert_plan(FILES({"/etc/sysctl.d/99-sysctl.conf", "#a\n" KEY " = 1\n", FILE_SYSCTL},
			  {"/etc/sysctl.conf", "#a\n" KEY " = 1\n", FILE_SYSCTL_PROCPS}),
		    "5", EDITS("/etc/sysctl.d/99-sysctl.conf", "#a\n" KEY " = 5\n"));
	/* Debian 13 with a left-over: systemd does not read it, sysctl --system does. */
	assert_plan(
		FILES({"/etc/sysctl.d/50-a.conf", KEY " = 1\n", FILE_SYSCTL},
		      {"/etc/sysctl.conf", KEY " = 2\r\n", FILE_SYSCTL_PROCPS}),
		"5",
		EDITS("/etc/sysctl.d/50-a.conf", KEY " = 5\n", "/etc/sysctl.conf", KEY " = 5\r\n"));
	/* Taken back in a file that is read later. */
	assert_plan(FILES({"/etc/sysctl.d/50-a.conf", KEY " = 1\n", FILE_SYSCTL},
			  {"/etc/sysctl.d/95-b.conf", "-" KEY "\n", FILE_SYSCTL}),
		    "5", EDITS("/etc/sysctl.d/zz-ephemports.conf", COMMENT KEY " = 5\n"));
	/* Ours, in a way that hides no pattern from sysctl --system. */
	assert_plan(FILES({"/etc/sysctl.d/90-ephemports.conf",
			   "net..ipv4.ip_local_reserved_ports = 1\n", FILE_SYSCTL},
			  {"/etc/sysctl.d/95-b.conf", "net.ipv4.ip_local_r* = 2\n", FILE_SYSCTL}),
		    "5", EDITS("/etc/sysctl.d/90-ephemports.conf", KEY " = 5\n"));
	/* Our name is taken elsewhere: ours would hide it. */
	assert_plan(FILES({"/usr/lib/sysctl.d/90-ephemports.conf", "x = 1\n", FILE_SYSCTL}), "5",
		    EDITS("/etc/sysctl.d/zz-ephemports.conf", COMMENT KEY " = 5\n"));
	/* In place already. */
	assert_plan(FILES({"/etc/sysctl.d/50-a.conf", KEY " = 5\n", FILE_SYSCTL}), "5",
		    (const char *const[]){NULL});
}

static void plans_none(void **state)
{
	(void)state;
	/* Where it is dropped, the loser must not win: it is dropped too. */
	assert_plan(FILES({"/etc/sysctl.d/10-a.conf", "a=1\n" KEY " = 1\n", FILE_SYSCTL},
			  {"/etc/sysctl.d/70-b.conf", KEY " = 2\nb=1\n", FILE_SYSCTL}),
		    NULL,
		    EDITS("/etc/sysctl.d/10-a.conf", "a=1\n", "/etc/sysctl.d/70-b.conf", "b=1\n"));
	assert_plan(FILES({"/usr/lib/sysctl.d/50-p.conf", KEY " = 1\n", FILE_SYSCTL}), NULL,
		    EDITS("/etc/sysctl.d/90-ephemports.conf", COMMENT KEY " =\n"));
}

static void plans_without_systemd(void **state)
{
	struct sysctl_readers main = sysctl_readers_of(false, false, false);
	struct sysctl_readers scripts = sysctl_readers_of(false, true, false);
	struct sysctl_readers package = sysctl_readers_of(false, true, true);

	(void)state;
	/* No directory that anybody reads. */
	assert_plan_for(main, FILES({"/etc/sysctl.conf", "x = 1", FILE_SYSCTL_PROCPS}), "5",
			EDITS("/etc/sysctl.conf", "x = 1\n" KEY " = 5"));
	assert_plan_for(main, FILES({NULL, NULL, 0}), "5",
			EDITS("/etc/sysctl.conf", COMMENT KEY " = 5\n"));
	assert_plan_for(main, FILES({"/etc/sysctl.conf", KEY " = 1\n", FILE_SYSCTL_PROCPS}), "5",
			EDITS("/etc/sysctl.conf", KEY " = 5\n"));
	/* Its sysctl knows no patterns. */
	assert_plan_for(main, FILES({"/etc/sysctl.conf", "net.ipv4.* = 5\n", FILE_SYSCTL_PROCPS}),
			"5", EDITS("/etc/sysctl.conf", "net.ipv4.* = 5\n" KEY " = 5\n"));
	assert_plan_for(main, FILES({"/etc/sysctl.conf", KEY " = 1\nx = 1\n", FILE_SYSCTL_PROCPS}),
			NULL, EDITS("/etc/sysctl.conf", "x = 1\n"));
	/* Directories, then the file. */
	assert_plan_for(scripts, FILES({"/etc/sysctl.conf", "x = 1\n", FILE_SYSCTL_PROCPS}), "5",
			EDITS("/etc/sysctl.d/90-ephemports.conf", COMMENT KEY " = 5\n"));
	/* A line that one reader passes over is put right in its place. */
	assert_plan_for(scripts, FILES({"/etc/sysctl.d/a.conf", "- " KEY " = 1\n", FILE_SYSCTL}),
			"5", EDITS("/etc/sysctl.d/a.conf", "-" KEY " = 5\n"));
	/* Which directory comes last is not known. */
	assert_plan_for(package,
			FILES({"/usr/lib/sysctl.d/50-p.conf", KEY " = 1\n", FILE_SYSCTL},
			      {"/etc/sysctl.conf", "x = 1\n", FILE_SYSCTL_PROCPS}),
			"5",
			EDITS("/etc/sysctl.d/90-ephemports.conf", COMMENT KEY " = 5\n",
			      "/etc/sysctl.conf", "x = 1\n" KEY " = 5\n"));
}

static void refuses(void **state)
{
	struct file_list list = {0};
	struct sysctl_fact facts[2];
	struct sysctl_plan plan;
	struct sysctl_readers readers = sysctl_readers_of(true, true, false);
	struct eph_error error;

	(void)state;
	make_list(FILES({"/usr/lib/sysctl.d/zzzzz.conf", KEY " = 1\n", FILE_SYSCTL}), &list);
	sysctl_facts_guess(&list, facts);
	assert_int_equal(sysctl_edit_plan(&list, facts, &readers, KEY, "5", &plan, &error), -EBUSY);
	assert_non_null(strstr(error.message, "/usr/lib/sysctl.d/zzzzz.conf would still set"));
	sysctl_plan_done(&plan);
	file_list_done(&list);
}

/* Random lines: afterwards both readers find the value, and every other line is still there, in order. */
static void survives(void **state)
{
	static const char *const lines[] = {KEY " = 1",
					    KEY "=2,3",
					    "-" KEY " = 4",
					    "# " KEY " = 5",
					    "net.ipv4.* = 6",
					    "vm.swappiness = 10",
					    "",
					    "  ; x",
					    "-net.ipv4.ip_local_reserved_ports",
					    "junk"};
	uint64_t seed = check_seed();

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct strbuf text = STRBUF_INIT, others = STRBUF_INIT, out = STRBUF_INIT;
		unsigned count = (unsigned)(check_random(&seed) % 8);
		const char *end = check_random(&seed) % 2 ? "\r\n" : "\n";
		struct file_list list = {0};
		struct sysctl_line found;

		for (unsigned j = 0; j < count; j++) {
			size_t which = check_random(&seed) % 10;
			/* An empty last line without a newline cannot be told from none. */
			bool last = j + 1 == count && *lines[which] && check_random(&seed) % 2;

			strbuf_printf(&text, "%s%s", lines[which], last ? "" : end);
			if (which > 2)
				strbuf_printf(&others, "%s\n", lines[which]);
		}
		sysctl_edit_text(text.text, text.length, KEY, "7-9", &out);
		assert_int_equal(file_list_add(&list, strdup("/etc/sysctl.d/a.conf"),
					       strdup(out.text), out.length, FILE_SYSCTL, 0),
				 0);
		assert_true(text_sysctl_conf_find(&list, KEY, SYSCTL_READER_SYSTEMD, &found));
		assert_true(text_is(found.value, "7-9"));
		strbuf_clear(&text);
		for (char *line = out.text; *line;) {
			size_t length = strcspn(line, "\r\n");

			if (!memmem(line, length, "7-9", 3))
				strbuf_printf(&text, "%.*s\n", (int)length, line);
			line += length;
			line += *line == '\r';
			line += *line == '\n';
		}
		assert_string_equal(text.text, others.text);
		file_list_done(&list);
		strbuf_done(&text);
		strbuf_done(&others);
		strbuf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_in_place), cmocka_unit_test(edits_at_the_end),
		cmocka_unit_test(drops),          cmocka_unit_test(plans),
		cmocka_unit_test(plans_none),     cmocka_unit_test(plans_without_systemd),
		cmocka_unit_test(refuses),        cmocka_unit_test(survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
