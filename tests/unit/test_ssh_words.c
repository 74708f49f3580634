/* Exercises: os/ssh_words.c and os/ssh_files.c: hosts as users write them, words as foreign shells read them. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "runner.h"
#include "ssh_files.h"
#include "ssh_words.h"

#define RANDOM_WORDS 60

static void reads_targets(void **state)
{
	static const struct {
		const char *text, *user, *name, *port;
	} cases[] = {
		{"db1", "", "db1", ""},
		{"root@db1", "root", "db1", ""},
		{"root@db1:2222", "root", "db1", "2222"},
		{"db1:22", "", "db1", "22"},
		{"10.0.0.1", "", "10.0.0.1", ""},
		{"2001:db8::1", "", "2001:db8::1", ""},
		{"::1", "", "::1", ""},
		{"[2001:db8::1]", "", "2001:db8::1", ""},
		{"me@[fe80::1%eth0]:65535", "me", "fe80::1%eth0", "65535"},
		{"WIN\\Administrator@win", "WIN\\Administrator", "win", ""},
		{"a_b-c.example", "", "a_b-c.example", ""},
	};
	struct ssh_target target;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ssh_target_parse(cases[i].text, &target, NULL), 0);
		assert_string_equal(target.user, cases[i].user);
		assert_string_equal(target.name, cases[i].name);
		assert_string_equal(target.port, cases[i].port);
	}
}

static void refuses_targets(void **state)
{
	static const char *const bad[] = {
		"",
		"@",
		"root@",
		"@db1",
		"-oProxyCommand=x",
		"root@-oProxyCommand=x",
		"-l@db1",
		"db1:",
		"db1:0",
		"db1:65536",
		"db1:ssh",
		"db1:22:22",
		"[::1",
		"[::1]22",
		"[::1]:",
		"[-x:]",
		"[db1]",
		"[]",
		"a b",
		"a\tb",
		"a\nb",
		"a;b",
		"a`b`",
		"a$(b)",
		"a'b",
		"a\"b",
		"a/b",
		"root@a@b:1 2",
		"root:x@db1",
		"1:2:3",
		"::1:",
		":22",
		"db1\x80",
	};
	char longest[400];
	struct ssh_target target;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ssh_target_parse(bad[i], &target, NULL) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(ssh_target_parse(longest, &target, NULL), -EINVAL);
}

/* What a login shell makes of the words: printed by printf(1), each on a line. */
static void pass_through(const char *shell, const char *const *words, size_t count)
{
	const char *argv[RANDOM_WORDS + 8] = {"/usr/bin/printf", "%s\\n"};
	struct strbuf line = STRBUF_INIT, wrapped = STRBUF_INIT, expected = STRBUF_INIT;
	struct runner_output output;
	const char *begin;

	for (size_t i = 0; i < count; i++) {
		argv[i + 2] = words[i];
		strbuf_printf(&expected, "%s\n", words[i]);
	}
	assert_int_equal(ssh_quote_words(argv, &line), 0);
	assert_int_equal(ssh_wrap_line(line.text, &wrapped), 0);
	assert_int_equal(child_run((const char *const[]){shell, "-c", wrapped.text, NULL}, NULL, 0,
				   20000, &output),
			 0);
	begin = ssh_find_begin(output.text.text, output.text.length);
	if (!begin || strcmp(begin, expected.text) != 0)
		fail_msg("%s made of %s\n%s", shell, wrapped.text, output.text.text);
	assert_int_equal(output.status, 0);
	runner_output_done(&output);
	strbuf_done(&line);
	strbuf_done(&wrapped);
	strbuf_done(&expected);
}

static void every_shell(const char *const *words, size_t count)
{
	static const char *const shells[] = {"/bin/sh", "/bin/bash", "/bin/csh", "/usr/bin/tcsh",
					     "/usr/bin/fish"};

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (access(shells[i], X_OK) == 0)
			pass_through(shells[i], words, count);
}

static void words_survive(void **state)
{
	static const char *const words[] = {
		"plain",    "",         " ",        "a b",
		"'",        "''",       "a'b",      "\"",
		"\\",       "\\\\",     "\\'",      "$HOME",
		"$(id)",    "`id`",     "!",        "!!",
		"a!b",      "!$",       "\\!",      "*",
		"?",        "[a]",      "{a,b}",    "~",
		"~root",    "#",        "#x",       ";",
		"&&",       "|",        ">x",       "<x",
		"(",        ")",        "-n",       "--",
		"=x",       "^a^b",     "%1",       "\t",
		"a\tb",     "\x01\x7f", "\xc3\xa9", "32768\t60999",
		"'!'\"!\\", "\\n",      "\\041",    "@",
		"a=b;c",
	};

	(void)state;
	every_shell(words, sizeof(words) / sizeof(words[0]));
}

/* Bytes of all kinds but those that are refused. */
static void random_words_survive(void **state)
{
	static const char nasty[] = "'\"\\!$`; \t*?[]{}()<>|&#~^%=-abc09";
	static char text[RANDOM_WORDS][24];
	const char *words[RANDOM_WORDS];
	uint64_t seed = check_seed();

	(void)state;
	for (size_t i = 0; i < RANDOM_WORDS; i++) {
		size_t length = check_random(&seed) % 20;

		for (size_t j = 0; j < length; j++)
			text[i][j] = nasty[check_random(&seed) % (sizeof(nasty) - 1)];
		text[i][length] = '\0';
		words[i] = text[i];
	}
	every_shell(words, RANDOM_WORDS);
}

static void lines_keep_their_status(void **state)
{
	static const char *const lines[] = {"exit 7", "exit 255", "false", "kill -9 $$"};
	static const int status[] = {7, 254, 1, 128 + 9};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct strbuf wrapped = STRBUF_INIT;
		struct runner_output output;

		assert_int_equal(ssh_wrap_line(lines[i], &wrapped), 0);
		assert_int_equal(
			child_run((const char *const[]){"/bin/sh", "-c", wrapped.text, NULL}, NULL,
				  0, 20000, &output),
			0);
		assert_int_equal(output.status, status[i]);
		runner_output_done(&output);
		strbuf_done(&wrapped);
	}
}

static void refuses_words(void **state)
{
	struct strbuf out = STRBUF_INIT;
	char *huge = malloc(SSH_LINE_MAX + 10);

	(void)state;
	assert_int_equal(ssh_quote_word("a\nb", &out), -EINVAL);
	assert_int_equal(ssh_quote_word("a\rb", &out), -EINVAL);
	assert_int_equal(ssh_wrap_line("a\nb", &out), -EINVAL);
	assert_int_equal(ssh_wrap_line("a!b", &out), -EINVAL);
	assert_non_null(huge);
	memset(huge, 'a', SSH_LINE_MAX);
	huge[SSH_LINE_MAX] = '\0';
	assert_int_equal(ssh_wrap_line(huge, &out), -E2BIG);
	free(huge);
	strbuf_done(&out);
}

static void quotes_for_cmd(void **state)
{
	static const char *const bad[] = {"a%b", "a\"b", "a^b", "a!b", "a\nb", "a b\\"};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_int_equal(ssh_quote_cmd((const char *const[]){"reg", "query", "HKLM\\SYSTEM\\x",
							     "/v", "A B", "a&b", "", NULL},
				       &out),
			 0);
	assert_string_equal(out.text, "reg query HKLM\\SYSTEM\\x /v \"A B\" \"a&b\" \"\"");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ssh_quote_cmd((const char *const[]){"echo", bad[i], NULL}, &out),
				 -EINVAL);
	strbuf_done(&out);
}

/* Windows PowerShell and cmd.exe both take off one pair of quotes. */
static void wraps_for_powershell(void **state)
{
	static const struct {
		const char *line, *wrapped;
	} lines[] = {
		{"ver", "cmd /c \"ver\""},
		{"echo a& netsh int ipv4 show dynamicport tcp",
		 "cmd /c \"echo a& netsh int ipv4 show dynamicport tcp\""},
		{"reg query HKLM /v \"A B\"", "cmd /c 'reg query HKLM /v \"A B\"'"},
		{"echo $a 'b'", "cmd /c 'echo $a ''b'''"},
	};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		strbuf_clear(&out);
		assert_int_equal(ssh_wrap_cmd(lines[i].line, &out), 0);
		assert_string_equal(out.text, lines[i].wrapped);
	}
	assert_int_equal(ssh_wrap_cmd("ver\r\necho", &out), -EINVAL);
	strbuf_done(&out);
}

static void finds_the_beginning(void **state)
{
	static const char text[] =
		"Welcome ephemports-begin\nephemports-beginner\nephemports-begin\nx\n";

	(void)state;
	assert_string_equal(ssh_find_begin(text, sizeof(text) - 1), "x\n");
	assert_string_equal(ssh_find_begin("ephemports-begin\n", 17), "");
	assert_string_equal(ssh_find_begin("ephemports-begin\nephemports-begin\nx", 35), "x");
	assert_null(ssh_find_begin("ephemports-begin", 16));
	assert_null(ssh_find_begin("", 0));
	assert_null(ssh_find_begin("x\n", 2));
}

/* POSIX's example of nothing, and what cksum says here. */
static void sums_as_cksum(void **state)
{
	static char text[70000];
	struct runner_output output;
	char expected[64];
	struct ssh_sum sum = ssh_sum("", 0);

	(void)state;
	assert_true(sum.crc == 4294967295u && sum.length == 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + i / 251);
	for (size_t length = 1; length <= sizeof(text); length = length * 5 + 3) {
		assert_int_equal(child_run((const char *const[]){"cksum", NULL}, text, length,
					   20000, &output),
				 0);
		sum = ssh_sum(text, length);
		snprintf(expected, sizeof(expected), "%u %zu\n", sum.crc, sum.length);
		assert_string_equal(output.text.text, expected);
		runner_output_done(&output);
	}
}

static void make_bin(const char *bin)
{
	static const char *const tools[] = {"cat",  "chmod", "cp",  "dirname", "basename",
					    "expr", "id",    "ln",  "ls",      "mkdir",
					    "mv",   "rm",    "sed", "sync",    "wc"};
	char from[64], to[128];

	assert_int_equal(mkdir(bin, 0755), 0);
	for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
		snprintf(from, sizeof(from), "/usr/bin/%s", tools[i]);
		snprintf(to, sizeof(to), "%s/%s", bin, tools[i]);
		assert_int_equal(symlink(from, to), 0);
	}
}

static int run_with(const char *path, const char *line, const char *input)
{
	struct runner_output output;
	int status;

	assert_int_equal(child_run((const char *const[]){"/usr/bin/env", "-i", path, "/bin/sh",
							 "-c", line, NULL},
				   input, strlen(input), 20000, &output),
			 0);
	status = output.status;
	runner_output_done(&output);
	return status;
}

/* Busybox of Debian has no cksum. The length still tells of another writer and of a full disk. */
static void replaces_without_cksum(void **state)
{
	char top[] = "/tmp/ephemports-words-XXXXXX", bin[64], path[80], file[64];
	struct strbuf line = STRBUF_INIT;
	struct ssh_sum old = ssh_sum("old\n", 4), new = ssh_sum("newer\n", 6),
		       other = ssh_sum("never\n", 6);

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(bin, sizeof(bin), "%s/bin", top);
	snprintf(path, sizeof(path), "PATH=%s", bin);
	snprintf(file, sizeof(file), "%s/file", top);
	make_bin(bin);
	assert_int_equal(ssh_file_replace_line(file, NULL, &old, 0, &line), 0);
	assert_int_equal(ssh_file_error(run_with(path, line.text, "old\n")), 0);
	strbuf_clear(&line);
	assert_int_equal(ssh_file_replace_line(file, &old, &new, 0, &line), 0);
	assert_int_equal(ssh_file_error(run_with(path, line.text, "cut")), -ENOSPC);
	assert_int_equal(ssh_file_error(run_with(path, line.text, "newer\n")), 0);
	assert_int_equal(ssh_file_error(run_with(path, line.text, "newer\n")), -ESTALE);
	/* sha256sum, which it has, tells texts of one length apart. */
	strbuf_clear(&line);
	assert_int_equal(ssh_file_replace_line(file, &other, &old, 0, &line), 0);
	assert_int_equal(run_with(path, "/usr/bin/ln -s /usr/bin/sha256sum $PATH/", ""), 0);
	assert_int_equal(ssh_file_error(run_with(path, line.text, "old\n")), -ESTALE);
	strbuf_clear(&line);
	assert_int_equal(ssh_file_replace_line(file, &new, &old, 0, &line), 0);
	assert_int_equal(ssh_file_error(run_with(path, line.text, "odd\n")), -ENOSPC);
	assert_int_equal(ssh_file_error(run_with(path, line.text, "old\n")), 0);
	assert_int_equal(run_with(path, "rm -rf \"${PATH%/bin}\"", ""), 0);
	strbuf_done(&line);
}

static void reads_answers(void **state)
{
	static const struct {
		const char *text;
		int status, result;
	} cases[] = {
		{"ephemports-file none\n", 0, 0},
		{"ephemports-file 3 /etc/x\nabc", 0, 0},
		{"ephemports-file 4 /etc/x\nabc", 0, -ESTALE},
		{"ephemports-file 2 /etc/x\nabc", 0, -ESTALE},
		{"ephemports-file 99999999999999999999 /etc/x\nabc", 0, -EPROTO},
		{"ephemports-file -1 /etc/x\nabc", 0, -EPROTO},
		{"ephemports-file 3\nabc", 0, -EPROTO},
		{"ephemports-file 3 /etc/x", 0, -EPROTO},
		{"", 0, -EPROTO},
		{"ephemports-fil", 0, -EPROTO},
		{"", 42, -EMLINK},
		{"", 1, -EPROTO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct runner_file file;

		assert_int_equal(ssh_file_read_answer(cases[i].text, strlen(cases[i].text),
						      cases[i].status, &file),
				 cases[i].result);
		if (file.exists) {
			assert_string_equal(file.text, "abc");
			assert_string_equal(file.real_path, "/etc/x");
		}
		runner_file_done(&file);
	}
}

static void children_are_bounded(void **state)
{
	struct runner_output output;

	(void)state;
	assert_int_equal(
		child_run((const char *const[]){"sleep", "20", NULL}, NULL, 0, 100, &output),
		-ETIMEDOUT);
	runner_output_done(&output);
	assert_int_equal(
		child_run((const char *const[]){"sh", "-c", "exec >&- 2>&-; sleep 20", NULL}, NULL,
			  0, 100, &output),
		-ETIMEDOUT);
	runner_output_done(&output);
	assert_int_equal(child_run((const char *const[]){"yes", NULL}, NULL, 0, 20000, &output),
			 -EFBIG);
	runner_output_done(&output);
	assert_int_equal(child_run((const char *const[]){"sh", "-c",
							 "yes | "
							 "head -c 200000 1>&2; exit 3",
							 NULL},
				   NULL, 0, 20000, &output),
			 0);
	assert_int_equal(output.status, 3);
	assert_true(output.errors.length == 4096);
	runner_output_done(&output);
	assert_int_equal(child_run((const char *const[]){"/no/such", NULL}, NULL, 0, 1000, &output),
			 -ENOENT);
	runner_output_done(&output);
	assert_int_equal(child_run((const char *const[]){"cat", NULL}, "in", 2, 20000, &output), 0);
	assert_string_equal(output.text.text, "in");
	runner_output_done(&output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_targets),           cmocka_unit_test(refuses_targets),
		cmocka_unit_test(words_survive),           cmocka_unit_test(random_words_survive),
		cmocka_unit_test(lines_keep_their_status), cmocka_unit_test(refuses_words),
		cmocka_unit_test(quotes_for_cmd),          cmocka_unit_test(wraps_for_powershell),
		cmocka_unit_test(finds_the_beginning),     cmocka_unit_test(sums_as_cksum),
		cmocka_unit_test(replaces_without_cksum),  cmocka_unit_test(reads_answers),
		cmocka_unit_test(children_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
