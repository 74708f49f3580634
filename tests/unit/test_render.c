/* Exercises the small parts of render: printable text, JSON, numbers, tables, bars. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bar.h"
#include "json.h"
#include "number.h"
#include "printable.h"
#include "screen.h"
#include "shorten.h"
#include "strbuf.h"
#include "table.h"
#include "utf8.h"

static void test_printable(void **state)
{
	static const struct {
		const char *in, *out;
		unsigned cells;
	} cases[] = {
		{"nginx", "nginx", 5},
		{"a\033[31mb\n\tc\r", "a\\x1b[31mb\\x0a\\x09c\\x0d", 23},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 4},
		{"\xe4\xb8\xad", "\xe4\xb8\xad", 2},
		{"e\xcc\x81", "e\xcc\x81", 1},
		{"\xff\xc3", "\\xff\\xc3", 8},
		{"\xc0\xaf", "\\xc0\\xaf", 8},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", 12},
		{"\xc2\x9b", "\\u009b", 6},
		/* NOLINTBEGIN(misc-misleading-bidirectional): that is what is tested */
		{"\xe2\x80\xae", "\\u202e", 6},
		{"\xe2\x81\xa6", "\\u2066", 6},
		/* NOLINTEND(misc-misleading-bidirectional) */
		{"\xe2\x80\xa8", "\\u2028", 6},
		{"\xf3\xa0\x81\x81", "\\ue0041", 7},
		{"\x7f", "\\x7f", 4},
		{"", "", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf out = STRBUF_INIT;

		printable_puts(&out, cases[i].in);
		assert_string_equal(out.text, cases[i].out);
		assert_int_equal(printable_width(out.text), cases[i].cells);
		strbuf_done(&out);
	}
}

static void test_cut(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	printable_cut(&out, "abcdefgh", 8);
	assert_string_equal(out.text, "abcdefgh");
	strbuf_clear(&out);
	printable_cut(&out, "abcdefghi", 8);
	assert_string_equal(out.text, "abcdef..");
	strbuf_clear(&out);
	printable_cut(&out, "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 5);
	assert_string_equal(out.text, "\xe4\xb8\xad..");
	strbuf_done(&out);
}

/* Is @text, which begins and ends with a quote, a JSON string of valid UTF-8 without bare control characters? */
static bool is_json_string(const char *text, size_t length)
{
	if (length < 2 || text[0] != '"' || text[length - 1] != '"')
		return false;
	for (size_t i = 1; i < length - 1;) {
		uint32_t point;
		unsigned size = utf8_next(text + i, length - 1 - i, &point);

		if (!size || point < 0x20 || point == '"')
			return false;
		if (point == '\\') {
			size = text[i + 1] == 'u' ? 6 : 2;
			if (i + size > length - 1 || !strchr("\"\\ntu", text[i + 1]) ||
			    (size == 6 && strspn(text + i + 2, "0123456789abcdef") < 4))
				return false;
		}
		i += size;
	}
	return true;
}

/* Every byte string must come out as a valid JSON string. */
static void test_json_strings(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		char text[24];
		struct strbuf out = STRBUF_INIT;
		struct json json = {.out = &out};

		for (size_t i = 0; i + 1 < sizeof(text); i++)
			text[i] = (char)(1 + rand_r(&seed) % (round % 2 ? 255 : 127));
		text[sizeof(text) - 1] = '\0';
		json_string(&json, NULL, text);
		if (!is_json_string(out.text, out.length))
			fail_msg("round %d: %s", round, out.text);
		strbuf_done(&out);
	}
}

static void test_json_document(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct json json = {.out = &out};

	(void)state;
	json_object(&json, NULL);
	json_uint(&json, "a", UINT64_MAX);
	json_int(&json, "b", INT64_MIN);
	json_array(&json, "c");
	json_array(&json, NULL);
	json_end(&json);
	json_object(&json, NULL);
	json_bool(&json, "x", true);
	json_end(&json);
	json_real(&json, NULL, 99.9);
	json_real(&json, NULL, -0.0625);
	json_real(&json, NULL, 0.0 / (double)(out.length * 0));
	json_end(&json);
	json_string(&json, "n", NULL);
	json_string(&json, "q", "\"\\\n\x01\xff");
	json_end(&json);
	assert_string_equal(out.text, "{\"a\":18446744073709551615,\"b\":-9223372036854775808,"
				      "\"c\":[[],{\"x\":true},99.9,-0.063,null],\"n\":null,"
				      "\"q\":\"\\\"\\\\\\n\\u0001\xef\xbf\xbd\"}\n");
	strbuf_done(&out);
}

static void test_numbers(void **state)
{
	(void)state;
	assert_string_equal(GROUPED(0), "0");
	assert_string_equal(GROUPED(999), "999");
	assert_string_equal(GROUPED(28232), "28 232");
	assert_string_equal(GROUPED(UINT64_MAX), "18 446 744 073 709 551 615");
	assert_string_equal(number_duration_us(200).text, "1 ms");
	assert_string_equal(number_duration_us(9400).text, "9 ms");
	assert_string_equal(number_duration_us(1234000).text, "1.2 s");
	assert_string_equal(number_duration_us(250000000).text, "4 min 10 s");
	assert_string_equal(number_percent(0).text, "0 %");
	assert_string_equal(number_percent(0.01).text, "<0.1 %");
	assert_string_equal(number_percent(7.5).text, "7.5 %");
	assert_string_equal(number_percent(99.99).text, "99 %");
	assert_string_equal(number_percent(100).text, "100 %");
}

static void test_table(void **state)
{
	static const struct table_column columns[] = {{"to", TABLE_LEFT}, {"in use", TABLE_RIGHT}};
	struct strbuf out = STRBUF_INIT;
	struct table table;

	(void)state;
	table_init(&table, columns, 2);
	table_cell(&table, "10.0.0.5:443\n");
	table_cell(&table, "1 915");
	table_cell(&table, "\xe4\xb8\xad");
	table_cell(&table, "");
	table_print(&table, 2, 0, &out);
	assert_string_equal(out.text, "  to                in use\n"
				      "  10.0.0.5:443\\x0a   1 915\n"
				      "  \xe4\xb8\xad\n");
	strbuf_clear(&out);
	table_print(&table, 0, 22, &out);
	assert_string_equal(out.text, "to              in use\n"
				      "10.0.0.5:443\\x0a\n"
				      "                 1 915\n"
				      "\xe4\xb8\xad\n");
	table_done(&table);
	strbuf_done(&out);
}

static void check_bar(const struct usage_group *group, unsigned knee, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	bar_add(&out, group, knee, 10);
	assert_string_equal(out.text, expected);
	strbuf_done(&out);
}

static void test_bar(void **state)
{
	struct usage_group group = {.capacity = 100, .left = 100, .left_max = 100};

	(void)state;
	check_bar(&group, 50, "|     |     |");
	group.in_use = 1;
	group.left = group.left_max = 99;
	check_bar(&group, 50, "|#    |     |");
	group.time_wait = 59;
	group.left = group.left_max = 40;
	check_bar(&group, 50, "|#++++|+    |");
	group.left = 0;
	check_bar(&group, 50, "|#++++|+????|");
	group.time_wait = 98;
	group.left = group.left_max = 1;
	check_bar(&group, 50, "|#++++|++++ |");
	group.time_wait = 99;
	group.left = group.left_max = 0;
	check_bar(&group, 50, "|#++++|+++++|");
	group.capacity = 0;
	check_bar(&group, 0, "|#####|#####|");
}

static void check_wrap(const char *text, unsigned width, const char *expected)
{
	struct strbuf out = STRBUF_INIT;

	screen_wrap(&out, text, 0, 2, width);
	assert_string_equal(out.text, expected);
	strbuf_done(&out);
}

/* "1 999" is one number and "60 s" one quantity; "60 sockets" is not, nor are two ports side by side. */
static void test_wrap_numbers(void **state)
{
	(void)state;
	check_wrap("ports: 1 999", 10, "ports:\n  1 999\n");
	check_wrap("up to 60 s more", 9, "up to\n  60 s\n  more\n");
	check_wrap("it is 51 %", 9, "it is\n  51 %\n");
	check_wrap("up to 60 sockets", 9, "up to 60\n  sockets\n");
	check_wrap("80 and 443 8080", 11, "80 and 443\n  8080\n");
	check_wrap("up to 60 ", 20, "up to 60\n");
	check_wrap("", 8, "\n");
}

static void test_wrap(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	assert_int_equal(screen_wrap(&out, "one two three", 4, 2, 11), 2);
	assert_string_equal(out.text, "one two\n  three\n");
	strbuf_done(&out);
}

static void cuts_long_lists_of_ports(void **state)
{
	struct strbuf list = STRBUF_INIT, out = STRBUF_INIT;

	(void)state;
	shorten_lists("1 of 3306,8000-8010: 10.0.0.1", &out);
	assert_string_equal(out.text, "1 of 3306,8000-8010: 10.0.0.1");
	strbuf_clear(&out);
	strbuf_puts(&list, "now 10001");
	for (unsigned port = 10003; port < 30000; port += 2)
		strbuf_printf(&list, ",%u", port);
	strbuf_puts(&list, ",40000-40009 here");
	shorten_lists(list.text, &out);
	/* 20 of five digits are 119 bytes; 10 000 odd ones and ten more are all. */
	assert_non_null(strstr(out.text, ",10039 ... and 9 990 more here"));
	assert_true(out.length < 200);
	strbuf_done(&list);
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printable),    cmocka_unit_test(test_cut),
		cmocka_unit_test(test_json_strings), cmocka_unit_test(test_json_document),
		cmocka_unit_test(test_numbers),      cmocka_unit_test(test_table),
		cmocka_unit_test(test_bar),          cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_wrap_numbers), cmocka_unit_test(cuts_long_lists_of_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
