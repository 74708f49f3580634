/*
 * Exercises src/connect/sources.c on addresses that every host has (127/8, lo): what each text stands for, and one clear line
 * for what is none. Binds without a port, sends nothing.
 */
#include "check.h"

#include <errno.h>

#include "error.h"
#include "sources.h"
#include "strbuf.h"

static int read_texts(const char *const *text, size_t count, struct sources *ret,
		      struct eph_error *error)
{
	*ret = (struct sources){0};
	*error = (struct eph_error){.message = ""};
	return sources_read(text, count, ret, error);
}

struct accepted {
	const char *text[4];
	unsigned v4;
	const char *first, *last;
};

static void reads_addresses(void **state)
{
	static const struct accepted accepted[] = {
		{{"127.0.0.1"}, 1, "127.0.0.1", "127.0.0.1"},
		{{"::ffff:127.0.0.9"}, 1, "127.0.0.9", "127.0.0.9"},
		{{"127.0.0.1", "127.0.0.2", "127.0.0.1"}, 2, "127.0.0.1", "127.0.0.2"},
		{{"127.0.0.0/28"}, 16, "127.0.0.0", "127.0.0.15"},
		{{"127.0.0.77/30"}, 4, "127.0.0.76", "127.0.0.79"},
		{{"127.1.2.3/32"}, 1, "127.1.2.3", "127.1.2.3"},
		{{"127.0.0.0/30", "127.0.0.2/31", "127.0.0.1"}, 4, "127.0.0.0", "127.0.0.3"},
		{{"127.0.0.0/22"}, 1024, "127.0.0.0", "127.0.3.255"},
		{{"127.0.0.0/8"}, 1024, "127.0.0.0", "127.0.3.255"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		const struct accepted *want = &accepted[i];
		char first[IP_ADDRESS_TEXT_BYTES], last[IP_ADDRESS_TEXT_BYTES];
		struct sources sources;
		struct eph_error error;
		size_t count = 0;

		while (count < 4 && want->text[count])
			count++;
		assert_int_equal(read_texts(want->text, count, &sources, &error), 0);
		assert_int_equal(sources.v4.count, want->v4);
		assert_string_equal(ip_address_format(&sources.v4.address[0], first), want->first);
		assert_string_equal(ip_address_format(&sources.v4.address[want->v4 - 1], last),
				    want->last);
		sources_done(&sources);
		assert_int_equal(sources.v4.count, 0);
	}
}

struct refused {
	const char *text;
	int code;
	const char *says;
};

static void refuses_in_one_line(void **state)
{
	static const struct refused refused[] = {
		{"", -EINVAL, "was expected"},
		{"localhost", -EINVAL, "localhost"},
		{"127.0.0.1:80", -EINVAL, "127.0.0.1:80"},
		{"127.0.0.0/33", -EINVAL, "/33"},
		{"127.0.0.0/", -EINVAL, "prefix"},
		{"127.0.0.0/-1", -EINVAL, "prefix"},
		{"/8", -EINVAL, "prefix"},
		{"0.0.0.0", -EINVAL, "0.0.0.0"},
		{"::", -EINVAL, "::"},
		{"198.51.100.1", -EADDRNOTAVAIL, "198.51.100.1"},
		{"2001:db8::1", -EADDRNOTAVAIL, "2001:db8::1"},
		{"198.51.100.0/24", -EADDRNOTAVAIL, "ip route add"},
		{"224.0.0.1", -EADDRNOTAVAIL, "224.0.0.1"},
		{"255.255.255.255", -EADDRNOTAVAIL, "255.255.255.255"},
		{"dev:", -ENODEV, "no such interface"},
		{"dev:none-such", -ENODEV, "none-such"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *const text[] = {"127.0.0.1", refused[i].text};
		struct sources sources;
		struct eph_error error;
		int r = read_texts(text, 2, &sources, &error);

		print_message("'%s': %s\n", refused[i].text, error.message);
		assert_int_equal(r, refused[i].code);
		assert_int_equal(error.code, refused[i].code);
		assert_string_equal(error.step, "from");
		assert_non_null(strstr(error.message, refused[i].says));
		assert_null(strchr(error.message, '\n'));
		sources_done(&sources);
	}
}

static void describes(void **state)
{
	static const char *const none[] = {NULL}, *const many[] = {"127.0.0.8/30"};
	struct strbuf text = STRBUF_INIT;
	struct sources sources;
	struct eph_error error;

	(void)state;
	assert_int_equal(read_texts(none, 0, &sources, &error), 0);
	sources_describe(&sources, &text);
	assert_int_equal(text.length, 0);
	assert_int_equal(read_texts(many, 1, &sources, &error), 0);
	sources_describe(&sources, &text);
	assert_string_equal(text.text, "from 4 addresses, 127.0.0.8 to 127.0.0.11");
	strbuf_done(&text);
	sources_done(&sources);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses),
		cmocka_unit_test(refuses_in_one_line),
		cmocka_unit_test(describes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
