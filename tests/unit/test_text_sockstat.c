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

static int counter(const char *text, const char *name, uint64_t *ret)
{
	return text_netstat_value(text, strlen(text), "TcpExt", name, ret);
}

static void reads_counters(void **state)
{
	const char *text =
		"IpExt: A B\nIpExt: 8 9\nTcpExt: A TCPTimeWaitOverflow B\nTcpExt: 1 22 x";
	uint64_t n = 7;

	(void)state;
	assert_int_equal(counter(text, "TCPTimeWaitOverflow", &n), 0);
	assert_int_equal(n, 22);
	assert_int_equal(counter(text, "A", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(counter(text, "B", &n), -EINVAL);
	assert_int_equal(counter(text, "C", &n), -ENOENT);
	assert_int_equal(counter("TcpExt: A B\nTcpExt: 1\n", "B", &n), -ENOENT);
	assert_int_equal(counter("TcpExt: A B\n", "A", &n), -ENOENT);
	assert_int_equal(counter("", "A", &n), -ENOENT);
	assert_int_equal(n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses),
					   cmocka_unit_test(reads_counters)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
