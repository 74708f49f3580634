/* Exercises: base/parse.c: numbers that are refused instead of wrapped, words between blanks. */
#include "check.h"

#include <errno.h>

#include "parse.h"

static void reads_numbers(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(parse_uint("18446744073709551615", 20, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(parse_uint("18446744073709551616", 20, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(parse_uint("256", 3, 255, &value), -ERANGE);
	assert_int_equal(parse_uint("00255", 5, 255, &value), 0);
	assert_int_equal(value, 255);
	assert_int_equal(parse_uint("", 0, 255, &value), -EINVAL);
	assert_int_equal(parse_uint("-1", 2, 255, &value), -EINVAL);
	assert_int_equal(parse_uint("+1", 2, 255, &value), -EINVAL);
	assert_int_equal(parse_uint("1 ", 2, 255, &value), -EINVAL);
	assert_int_equal(parse_uint("0x1", 3, 255, &value), -EINVAL);
	assert_int_equal(parse_uint("99999999999999999999x", 21, 255, &value), -EINVAL);
	assert_int_equal(value, 255);
}

static void reads_ports(void **state)
{
	uint16_t port = 1;

	(void)state;
	assert_int_equal(parse_port("65535", &port), 0);
	assert_int_equal(port, 65535);
	assert_int_equal(parse_port("0", &port), -ERANGE);
	assert_int_equal(parse_port("65536", &port), -ERANGE);
	assert_int_equal(parse_port("http", &port), -EINVAL);
}

static void cuts_words(void **state)
{
	const char text[] = "  one\ttwo ", *cursor = text, *end = text + sizeof(text) - 1;
	size_t length;

	(void)state;
	assert_true(parse_is(parse_word(&cursor, end, &length), 3, "one"));
	assert_int_equal(length, 3);
	assert_true(parse_is(parse_word(&cursor, end, &length), length, "two"));
	assert_null(parse_word(&cursor, end, &length));
	assert_null(parse_word(&cursor, end, &length));
	assert_false(parse_is("one", 2, "one"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_numbers),
					   cmocka_unit_test(reads_ports),
					   cmocka_unit_test(cuts_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
