/* Exercises: core/ip_address.c: literals, v4-mapped addresses, endpoints, prefixes. */
#include "check.h"

#include <errno.h>

#include "error.h"
#include "ip_address.h"

static struct ip_address parsed(const char *text)
{
	struct ip_address address;

	assert_int_equal(ip_address_parse(text, &address, NULL), 0);
	return address;
}

static void formats_as_rfc5952(void **state)
{
	static const char *const cases[][2] = {
		{"10.0.0.5", "10.0.0.5"},
		{"2001:db8:0:0:0:0:0:1", "2001:db8::1"},
		{"[::1]", "::1"},
		{"::ffff:10.0.0.5", "10.0.0.5"},
		{"::", "::"},
		{"FE80::A", "fe80::a"},
	};
	const struct ip_address none = {0};
	char text[IP_ADDRESS_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_address address = parsed(cases[i][0]);

		assert_string_equal(ip_address_format(&address, text), cases[i][1]);
	}
	assert_string_equal(ip_address_format(&none, text), "");
}

static void refuses_what_is_no_literal(void **state)
{
	static const char *const cases[] = {"",          "localhost",  "10.0.0", "10.0.0.256",
					    "1:2",       "[10.0.0.5]", "[::1",   "::1%lo",
					    "10.0.0.5 ", "[]",         ":::"};
	struct eph_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ip_address address = {.family = 99};

		assert_int_equal(ip_address_parse(cases[i], &address, &error), -EINVAL);
		assert_int_equal(address.family, 99);
	}
}

static void reads_endpoints(void **state)
{
	static const char *const bad[] = {
		"10.0.0.5", "10.0.0.5:", "10.0.0.5:0", "10.0.0.5:65536", "2001:db8::1:443",
		":443",     "[::1]:x",   "[::1]443",   "host:1",         "10.0.0.5:+1"};
	struct ip_address address, expected = parsed("2001:db8::1");
	struct eph_error error;
	uint16_t port;

	(void)state;
	assert_int_equal(ip_endpoint_parse("[2001:db8::1]:443", &address, &port, &error), 0);
	assert_true(ip_address_equal(&address, &expected));
	assert_int_equal(port, 443);
	assert_int_equal(ip_endpoint_parse("127.0.0.1:65535", &address, &port, &error), 0);
	assert_true(ip_address_is_loopback(&address));
	assert_int_equal(port, 65535);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ip_endpoint_parse(bad[i], &address, &port, &error), -EINVAL);
}

static void knows_prefixes_and_kinds(void **state)
{
	struct ip_address ten = parsed("10.1.2.3"), net = parsed("10.0.0.0"),
			  v6 = parsed("2001:db8::1"), any = parsed("0.0.0.0"), any6 = parsed("::"),
			  one6 = parsed("::1");

	(void)state;
	assert_true(ip_address_in_prefix(&ten, &net, 8));
	assert_true(ip_address_in_prefix(&ten, &net, 15));
	assert_false(ip_address_in_prefix(&ten, &net, 16));
	assert_true(ip_address_in_prefix(&ten, &any, 0));
	assert_false(ip_address_in_prefix(&v6, &any, 0));
	assert_false(ip_address_in_prefix(&ten, &ten, 33));
	assert_true(ip_address_in_prefix(&v6, &v6, 128));
	assert_true(ip_address_is_any(&any) && ip_address_is_any(&any6));
	assert_false(ip_address_equal(&any, &any6));
	assert_true(ip_address_is_loopback(&one6));
	assert_false(ip_address_is_loopback(&ten));
	assert_false(ip_address_is_any(&(struct ip_address){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_as_rfc5952),
		cmocka_unit_test(refuses_what_is_no_literal),
		cmocka_unit_test(reads_endpoints),
		cmocka_unit_test(knows_prefixes_and_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
