/* Exercises: base/number.c, numbers with their nouns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "number.h"

static void one_has_no_plural(void **state)
{
	(void)state;
	assert_string_equal(COUNTED(0, "port"), "0 ports");
	assert_string_equal(COUNTED(1, "port"), "1 port");
	assert_string_equal(COUNTED(28232, "port"), "28 232 ports");
	assert_string_equal(COUNTED(1, "process"), "1 process");
	assert_string_equal(COUNTED(2, "process"), "2 processes");
	assert_string_equal(COUNTED(2, "network namespace"), "2 network namespaces");
	assert_string_equal(COUNTED(2, "box"), "2 boxes");
	assert_string_equal(COUNTED(2, "switch"), "2 switches");
	assert_string_equal(ARE(1), "is");
	assert_string_equal(ARE(0), "are");
}

static void the_largest_fits(void **state)
{
	(void)state;
	assert_string_equal(COUNTED(UINT64_MAX, "TIME_WAIT sockets of this here"),
			    "18 446 744 073 709 551 615 TIME_WAIT sockets of this heres");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_has_no_plural),
		cmocka_unit_test(the_largest_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
