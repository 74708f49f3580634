/* Exercises: core/text_sysctl.c: numbers and ranges as /proc/sys has them. */
#include "check.h"

#include <errno.h>

#include "text_sysctl.h"

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"5\n", 0},         {"5", 0},          {"4294967295", 0},
		{"", -EINVAL},      {"\n", -EINVAL},   {"-1\n", -EINVAL},
		{"5 6\n", -EINVAL}, {"5x\n", -EINVAL}, {"4294967296\n", -ERANGE},
	};
	uint32_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			text_sysctl_number(cases[i].text, strlen(cases[i].text), UINT32_MAX, &n),
			cases[i].result);
	n = 3;
	assert_int_equal(text_sysctl_number("9", 1, 8, &n), -ERANGE);
	assert_int_equal(n, 3);
}

static void ranges_written(void **state)
{
	static const char *const good[] = {"1024 65000", "1024 65000 # wide", "1024\t65000 ; x",
					   "1024 65000 70000"};
	static const char *const bad[] = {"1024 65000# wide", "01024 65000",
					  "0x400 65000",      "1024",
					  "65000 1024",       "\"1024 65000\""};
	struct port_range range;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		range = (struct port_range){0, 0};
		assert_int_equal(text_sysctl_range_written(good[i], strlen(good[i]), &range), 0);
		assert_int_equal(range.lo, 1024);
		assert_int_equal(range.hi, 65000);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(text_sysctl_range_written(bad[i], strlen(bad[i]), &range) < 0);
}

static void ranges(void **state)
{
	struct port_range range = {1, 2};

	(void)state;
	assert_int_equal(text_sysctl_range("60999\t32768\n", 12, &range), -EINVAL);
	assert_int_equal(text_sysctl_range("32768\n", 6, &range), -EINVAL);
	assert_int_equal(text_sysctl_range("1\t65536\n", 8, &range), -ERANGE);
	assert_int_equal(text_sysctl_range("1 2 3\n", 6, &range), -EINVAL);
	assert_int_equal(range.lo, 1);
	assert_int_equal(range.hi, 2);
	assert_int_equal(text_sysctl_range("32768\t60999\n", 12, &range), 0);
	assert_int_equal(range.lo, 32768);
	assert_int_equal(range.hi, 60999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(ranges),
					   cmocka_unit_test(ranges_written)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
