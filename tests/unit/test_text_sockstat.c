/* Exercises: core/text_sockstat.c: what the kernel writes, and what it never would. */
#include "check.h"

#include <errno.h>

#include "text_sockstat.h"

static int value(const char *text, const char *protocol, const char *name, uint64_t *ret)
{
	return text_sockstat_value(text, strlen(text), protocol, name, ret);
}

static void reads(void **state)
{
	static const char text[] = "sockets: used 17\nTCP: inuse 1 orphan 0 tw 12 alloc 3 mem 173\n"
				   "UDP: inuse 4 mem 0\nUDPLITE: inuse 5\n";
	uint64_t n = 99;

	(void)state;
	assert_int_equal(value(text, "TCP", "tw", &n), 0);
	assert_int_equal(n, 12);
	assert_int_equal(value(text, "UDP", "inuse", &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(value(text, "TCP6", "inuse", &n), -ENOENT);
	assert_int_equal(value(text, "UDP", "tw", &n), -ENOENT);
	assert_int_equal(n, 4);
}

static void refuses(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_int_equal(value("", "TCP", "tw", &n), -ENOENT);
	assert_int_equal(value("\n\n:\nTCP:\n", "TCP", "tw", &n), -ENOENT);
	assert_int_equal(value("TCP: tw", "TCP", "tw", &n), -EINVAL);
	assert_int_equal(value("TCP: tw -1", "TCP", "tw", &n), -EINVAL);
	assert_int_equal(value("TCP: tw 99999999999999999999", "TCP", "tw", &n), -ERANGE);
	assert_int_equal(value("TCP: inuse tw 5 9", "TCP", "tw", &n),
			 -ENOENT); /* a value, not a name */
	assert_int_equal(value("XTCP: tw 5", "TCP", "tw", &n), -ENOENT);
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
