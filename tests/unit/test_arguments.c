/* Exercises cli/arguments: places and forms of options, values, the end of options, what is unknown and its nearest
 * match; and that the command table keeps what the parser relies on. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arguments.h"

#define WORDS_MAX 12

#define LINE_BYTES 128

/* Splits @line at blanks; the words live in @store. */
static int split(const char *line, char store[LINE_BYTES], char *argv[WORDS_MAX])
{
	char *rest = store;
	int argc = 0;

	snprintf(store, LINE_BYTES, "%s", line);
	while (rest && argc < WORDS_MAX - 1)
		argv[argc++] = strsep(&rest, " ");
	argv[argc] = NULL;
	return argc;
}

static void test_accepted(void **state)
{
	static const struct {
		const char *line, *command, *option, *value, *operands;
	} cases[] = {
		{"e", "status", "json", NULL, ""},
		{"e --json", "status", "json", "", ""},
		{"e -j usage", "usage", "json", "", ""},
		{"e usage -j", "usage", "json", "", ""},
		{"e -N web usage dst 10/8", "usage", "netns", "web", "dst,10/8,"},
		{"e -Nweb usage", "usage", "netns", "web", ""},
		{"e --netns=web usage", "usage", "netns", "web", ""},
		{"e --netns usage status", "status", "netns", "usage", ""},
		{"e -4jN web usage", "usage", "netns", "web", ""},
		{"e --top 5 usage", "usage", "top", "5", ""},
		{"e usage --top=5 --top 6", "usage", "top", "6", ""},
		{"e usage --netns=", "usage", "netns", "", ""},
		{"e usage -- -x --json", "usage", "json", NULL, "-x,--json,"},
		{"e capacity 10.0.0.5:1 --from ::1", "capacity", "from", "::1", "10.0.0.5:1,"},
		{"e usage -", "usage", "json", NULL, "-,"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct eph_error error = {.message = ""};
		char store[LINE_BYTES], *argv[WORDS_MAX];
		struct arguments arguments;
		struct strbuf operands = STRBUF_INIT;
		const char *value;
		int argc = split(cases[i].line, store, argv);

		if (arguments_parse(argc, argv, &arguments, &error) != 0)
			fail_msg("%s: %s", cases[i].line, error.message);
		assert_string_equal(arguments.command->name, cases[i].command);
		value = arguments_get(&arguments, cases[i].option);
		assert_int_equal(value == NULL, cases[i].value == NULL);
		if (value)
			assert_string_equal(value, cases[i].value);
		for (unsigned o = 0; o < arguments.n_operands; o++)
			strbuf_printf(&operands, "%s,", arguments.operand[o]);
		assert_string_equal(operands.text, cases[i].operands);
		strbuf_done(&operands);
		arguments_done(&arguments);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *step, *says;
	} cases[] = {
		{"e stats", "stats", "'status'"},
		{"e capcity", "capcity", "'capacity'"},
		{"e zzzzzz", "zzzzzz", "ephemports help"},
		{"e usage --jsno", "--jsno", "'--json'"},
		{"e usage --zzzzzzzz", "--zzzzzzzz", "ephemports help usage"},
		{"e usage --plugin", "--plugin", "'status'"},
		{"e usage -x", "-x", "no such option"},
		{"e usage --top", "--top", "needs a value"},
		{"e -N", "--netns", "needs a value"},
		{"e --json=1", "options", "takes no value"},
		{"e status extra", "status", "'extra'"},
		{"e capacity a b", "capacity", "'b'"},
		{"e -- status", "status", "'status'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct eph_error error = {.message = ""};
		char store[LINE_BYTES], *argv[WORDS_MAX];
		struct arguments arguments;
		int argc = split(cases[i].line, store, argv);

		assert_int_equal(arguments_parse(argc, argv, &arguments, &error), -EINVAL);
		assert_string_equal(error.step, cases[i].step);
		if (!strstr(error.message, cases[i].says))
			fail_msg("%s: '%s' does not say %s", cases[i].line, error.message,
				 cases[i].says);
		arguments_done(&arguments);
	}
}

static void test_json_is_seen_on_broken_lines(void **state)
{
	static const struct {
		const char *line;
		bool json;
	} cases[] = {{"e --bad --json", true}, {"e -j bad", true},         {"e -4j", true},
		     {"e usage", false},       {"e -Nj", false},           {"e -N -j", false},
		     {"e usage -- -j", false}, {"e --netns --json", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char store[LINE_BYTES], *argv[WORDS_MAX];
		int argc = split(cases[i].line, store, argv);

		if (arguments_want_json(argc, argv) != cases[i].json)
			fail_msg("%s", cases[i].line);
	}
}

/* Before the command is known, an option's name alone must tell whether it takes a value. */
static void test_options_agree(void **state)
{
	(void)state;
	for (unsigned a = 0; commands[a]; a++) {
		const struct option_spec *mine = commands[a]->options;

		for (; mine && mine->name; mine++) {
			for (const struct option_spec *c = common_options; c->name; c++)
				assert_string_not_equal(mine->name, c->name);
			for (unsigned b = 0; commands[b]; b++)
				for (const struct option_spec *o = commands[b]->options;
				     o && o->name; o++)
					if (strcmp(o->name, mine->name) == 0)
						assert_int_equal(!o->value, !mine->value);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_json_is_seen_on_broken_lines),
		cmocka_unit_test(test_options_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
