/* Exercises core/filter: ss expressions against single sockets, what is refused and how, and hostile sizes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "error.h"
#include "filter.h"
#include "socket_table.h"

static struct socket_record record_of(const char *local, uint16_t local_port, const char *remote,
				      uint16_t remote_port)
{
	struct socket_record record = {.protocol = PROTOCOL_TCP,
				       .state = STATE_ESTABLISHED,
				       .local_port = local_port,
				       .remote_port = remote_port};

	assert_int_equal(ip_address_parse(local, &record.local, NULL), 0);
	assert_int_equal(ip_address_parse(remote, &record.remote, NULL), 0);
	return record;
}

static bool matches(const char *text, const struct socket_record *record)
{
	struct eph_error error = {.message = ""};
	struct filter *filter;
	bool result;

	if (filter_parse(&text, 1, &filter, &error) != 0)
		fail_msg("%s: %s", text, error.message);
	result = filter_match(filter, record);
	filter_free(filter);
	return result;
}

static void test_expressions(void **state)
{
	static const struct {
		const char *text;
		/* matches 10.0.0.17:40001 -> 10.0.0.5:443, [2001:db8::1]:50000 -> [2001:db8::2]:80 */
		bool v4, v6;
	} cases[] = {
		{"dst 10.0.0.5", true, false},
		{"dst 10/8", true, false},
		{"dst 10.0/16", true, false},
		{"dst 10.1/16", false, false},
		{"dst = 10.0.0.5:443", true, false},
		{"dst 10.0.0.5:80", false, false},
		{"dst != 10.0.0.5", false, true},
		{"dst :443", true, false},
		{"dst *:443", true, false},
		{"dst *", true, true},
		{"dst 10.0.0.0/30:443", false, false},
		{"dst 10.0.0.4/30:443", true, false},
		{"src 10.0.0.17", true, false},
		{"src 10.0.0.5", false, false},
		{"dst ::ffff:10.0.0.5", true, false},
		{"dst ::ffff:10.0.0.0/104", true, false},
		{"dst 2001:db8::2", false, true},
		{"dst [2001:db8::2]:80", false, true},
		{"dst [2001:db8::2]:81", false, false},
		{"dst 2001:db8::/32", false, true},
		{"dst 2001:db8::/32:80", false, true},
		{"dst [2001:db8::]/32:80", false, true},
		{"dst ::/0", false, true},
		{"dst 0/0", true, false},
		{"dport = :443", true, false},
		{"dport 443", true, false},
		{"dport=:443", true, false},
		{"dport eq 443", true, false},
		{"dport != :443", false, true},
		{"dport ne 443", false, true},
		{"sport >= 40001 and sport <= 40001", true, false},
		{"sport > 40001", false, true},
		{"sport gt 40000", true, true},
		{"sport < 40001", false, false},
		{"sport lt 40002", true, false},
		{"sport le :40001 && dport ge :443", true, false},
		{"not dst 10/8", false, true},
		{"! dst 10/8", false, true},
		{"not not dst 10/8", true, false},
		{"dst 10/8 or dport = 80", true, true},
		{"dst 10/8 || dport = 80", true, true},
		{"dst 10/8 dport = 80", false, false},
		{"dport = 80 or dst 10/8 and sport = 1", false, true},
		{"( dport = 80 or dst 10/8 ) and sport = 1", false, false},
		{"(dport=80|dst 10/8)&sport!=1", true, true},
		{"state established", true, true},
		{"state time-wait", false, false},
		{"exclude established", false, false},
		{"state connected and not dst 10/8", false, true},
	};
	struct socket_record v4 = record_of("10.0.0.17", 40001, "10.0.0.5", 443);
	struct socket_record v6 = record_of("2001:db8::1", 50000, "2001:db8::2", 80);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (matches(cases[i].text, &v4) != cases[i].v4 ||
		    matches(cases[i].text, &v6) != cases[i].v6)
			fail_msg("%s: v4 should be %d, v6 %d", cases[i].text, cases[i].v4,
				 cases[i].v6);
}

static void test_mini_sockets_are_time_wait(void **state)
{
	struct socket_record record = record_of("10.0.0.17", 40001, "10.0.0.5", 443);

	(void)state;
	record.state = STATE_FIN_WAIT2;
	record.flags = SOCKET_MINI;
	assert_true(matches("state time-wait", &record));
	assert_false(matches("state fin-wait-2", &record));
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *named;
	} cases[] = {
		{"dst", "ends too early"},
		{"dst 10/33", "'10/33'"},
		{"dst 10.0.0.256", "'10.0.0.256'"},
		{"dst 10.0.0", "'10.0.0'"},
		{"dst 10.0.0.5:0", "'10.0.0.5:0'"},
		{"dst 10.0.0.5:65536", "'10.0.0.5:65536'"},
		{"dst [::1", "'[::1'"},
		{"dst [::1]x", "'[::1]x'"},
		{"dst ::ffff:1.2.3.4/95", "'::ffff:1.2.3.4/95'"},
		{"dst */8", "'*/8'"},
		{"dport = http", "'http'"},
		{"dport = 65536", "'65536'"},
		{"dport = -1", "'-1'"},
		{"dport <", "ends too early"},
		{"state open", "'open'"},
		{"( dport = 1", "closing parenthesis"},
		{"dport = 1 )", "')'"},
		{"and dport = 1", "'and'"},
		{"dport = 1 or", "ends too early"},
		{"not", "ends too early"},
		{"frob 1", "'frob'"},
		{"", "is empty"},
		{"  ", "is empty"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter *filter = (void *)&filter;
		struct eph_error error = {.message = ""};

		assert_int_equal(filter_parse(&cases[i].text, 1, &filter, &error), -EINVAL);
		assert_null(filter);
		if (!strstr(error.message, cases[i].named))
			fail_msg("%s: '%s' does not name %s", cases[i].text, error.message,
				 cases[i].named);
	}
}

static void test_words_are_joined(void **state)
{
	static const char *const words[] = {"dst", "10.0.0.5", "and", "dport", "=", ":443"};
	struct socket_record record = record_of("10.0.0.17", 40001, "10.0.0.5", 443);
	struct filter *filter;

	(void)state;
	assert_int_equal(filter_parse(words, 6, &filter, NULL), 0);
	assert_true(filter_match(filter, &record));
	filter_free(filter);
	assert_int_equal(filter_parse(NULL, 0, &filter, NULL), 0);
	assert_null(filter);
	assert_true(filter_match(NULL, &record));
}

/* Neither depth nor number of conditions may exhaust the stack. */
static void test_hostile_sizes(void **state)
{
	static const struct {
		const char *piece;
		unsigned count;
		const char *says;
	} cases[] = {
		{"( ", 4000, "nested deeper"},    {"! ", 4000, "ends too early"},
		{"dport=1|", 1000, "conditions"}, {"dport = 1 ", 600, "conditions"},
		{"x", 9000, "longer than"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].piece);
		char *text = calloc(cases[i].count, length + 1);
		const char *word = text;
		struct eph_error error = {.message = ""};
		struct filter *filter;

		assert_non_null(text);
		for (unsigned n = 0; n < cases[i].count; n++)
			memcpy(text + n * length, cases[i].piece, length);
		assert_int_equal(filter_parse(&word, 1, &filter, &error), -EINVAL);
		if (!strstr(error.message, cases[i].says))
			fail_msg("%s: '%s' does not say %s", cases[i].piece, error.message,
				 cases[i].says);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_mini_sockets_are_time_wait),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_words_are_joined),
		cmocka_unit_test(test_hostile_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
