/* Exercises commands to paste: each acts in the namespace that it is meant for, whatever that is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "paste.h"
#include "strbuf.h"

static void test_command(void **state)
{
	static const struct {
		const char *netns, *out;
	} cases[] = {
		{"", "sysctl -w a=1"},
		{"nc1", "ip netns exec nc1 sysctl -w a=1"},
		{"a b", "ip netns exec 'a b' sysctl -w a=1"},
		{"it's;reboot", "ip netns exec 'it'\\''s;reboot' sysctl -w a=1"},
		{"pid 4012 (nginx)", "nsenter -t 4012 -n sysctl -w a=1"},
		{"4012", "nsenter -t 4012 -n sysctl -w a=1"},
		{"pid ;reboot", "ip netns exec 'pid ;reboot' sysctl -w a=1"},
		{"/run/netns/nc1", "nsenter --net=/run/netns/nc1 sysctl -w a=1"},
		{"/tmp/$(id)", "nsenter --net='/tmp/$(id)' sysctl -w a=1"},
		{"\x1b[31m;id", "ip netns exec $'\\x1b\\x5b31m\\x3bid' sysctl -w a=1"},
		/* NOLINTNEXTLINE(misc-misleading-bidirectional): that is what is tested */
		{"\xe2\x80\xae'x", "ip netns exec $'\\xe2\\x80\\xae\\x27x' sysctl -w a=1"},
		{"docker:0123abcd", "nsenter -t PID -n sysctl -w a=1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct netns_snapshot netns = {0};
		struct strbuf out = STRBUF_INIT;

		snprintf(netns.name, sizeof(netns.name), "%s", cases[i].netns);
		paste_command(&out, &netns, "sysctl -w a=1");
		assert_string_equal(out.text, cases[i].out);
		strbuf_done(&out);
	}
}

static void test_options(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	paste_netns(&out, NULL, false);
	assert_int_equal(out.length, 0);
	paste_netns(&out, "nc1", false);
	assert_string_equal(out.text, " -N nc1");
	strbuf_clear(&out);
	paste_netns(&out, NULL, true);
	assert_string_equal(out.text, " --all-netns");
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
