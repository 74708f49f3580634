/* Exercises: core/port_range.c and the inline helpers of port_range.h. */
#include "check.h"

#include <errno.h>

#include "error.h"
#include "port_range.h"

static void parses(void **state)
{
	struct port_range range;

	(void)state;
	assert_int_equal(port_range_parse("32768-60999", &range, NULL), 0);
	assert_int_equal(range.lo, 32768);
	assert_int_equal(range.hi, 60999);
	assert_int_equal(port_range_width(range), 28232);
	assert_int_equal(port_range_parse("1-65535", &range, NULL), 0);
	assert_int_equal(port_range_width(range), 65535);
	assert_int_equal(port_range_parse("7-7", &range, NULL), 0);
	assert_int_equal(port_range_width(range), 1);
	assert_int_equal(port_range_width((struct port_range){8, 7}), 0);
	assert_true(port_range_has(range, 7));
	assert_false(port_range_has(range, 8));
	assert_false(port_range_has(range, 6));
}

static void refuses(void **state)
{
	static const char *const cases[] = {"",        "-",     "1-",   "-1",    "0-5", "5-4",
					    "1-65536", "1 - 2", "1-2 ", "1-2-3", "a-b", "+1-2"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct port_range range = {9, 9};
		struct eph_error error = {0};

		assert_int_equal(port_range_parse(cases[i], &range, &error), -EINVAL);
		assert_int_equal(range.lo, 9);
		assert_non_null(strstr(error.message, "LOW-HIGH"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parses), cmocka_unit_test(refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
