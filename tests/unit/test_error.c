/* Exercises: base/error.c: returns the code, fits every message, allows NULL. */
#include "check.h"

#include <errno.h>

#include "error.h"

static void fills(void **state)
{
	struct eph_error error;
	char longer[1000];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(
		error_set(&error, -EINVAL, "a step with a name that is too long", "%s", longer),
		-EINVAL);
	assert_int_equal(error.code, -EINVAL);
	assert_int_equal(error.offset, -1);
	assert_int_equal(strlen(error.message), EPH_ERROR_MESSAGE_BYTES - 1);
	assert_int_equal(strlen(error.step), sizeof(error.step) - 1);
	assert_int_equal(error_set_at(&error, -EIO, "read", 12, "line %d", 3), -EIO);
	assert_int_equal(error.offset, 12);
	assert_string_equal(error.message, "line 3");
	assert_int_equal(error_set(NULL, -EPERM, "x", "y"), -EPERM);
	assert_int_equal(error_set_at(NULL, -EPERM, "x", 1, "y"), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fills)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
