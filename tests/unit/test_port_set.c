/* Exercises: core/port_set.c: membership, arithmetic at word edges, the text form of ip_local_reserved_ports. */
#include "check.h"

#include <errno.h>

#include "error.h"
#include "port_set.h"
#include "strbuf.h"

static void parses_and_formats(void **state)
{
	static const struct {
		const char *text, *formatted;
		uint32_t count;
	} cases[] = {
		{"", "", 0},
		{"\n", "", 0},
		{"1", "1", 1},
		{"3,1,2\n", "1-3", 3},
		{"0-65535", "0-65535", 65536},
		{"10-20,15-30,31,40", "10-31,40", 23},
		{"63,64", "63-64", 2},
		{"5,", "5", 1},
		{"65535", "65535", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf out = STRBUF_INIT;
		struct port_set set;

		assert_int_equal(port_set_parse(cases[i].text, strlen(cases[i].text), &set, NULL),
				 0);
		assert_int_equal(port_set_count(&set), cases[i].count);
		port_set_format(&set, &out);
		assert_string_equal(out.text, cases[i].formatted);
		strbuf_done(&out);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {"x",   "1-",   "-1", "2-1",   "65536",
					    "1 2", "1,,2", ",",  "1-2-3", "99999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct eph_error error = {0};
		struct port_set set = {.word[0] = 42};

		assert_int_equal(port_set_parse(cases[i], strlen(cases[i]), &set, &error), -EINVAL);
		assert_true(error.offset >= 0 && (size_t)error.offset <= strlen(cases[i]));
		assert_int_equal(set.word[0], 42);
	}
}

/* Every operation against a plain array of booleans. */
static void agrees_with_an_array(void **state)
{
	static struct port_set a, b, sum, rest, common;
	static bool in_a[65536], in_b[65536];
	uint64_t random = check_seed();
	uint32_t n_sum = 0, n_rest = 0, n_common = 0, n_range = 0;
	struct port_range range;
	int next = -1;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		uint16_t lo = (uint16_t)check_random(&random),
			 width = (uint16_t)(check_random(&random) % 500);
		uint16_t hi = lo > 65535 - width ? 65535 : (uint16_t)(lo + width);

		port_set_add_range(i % 2 ? &a : &b, (struct port_range){lo, hi});
		for (uint32_t p = lo; p <= hi; p++)
			(i % 2 ? in_a : in_b)[p] = true;
	}
	range = (struct port_range){(uint16_t)(check_random(&random) % 30000),
				    (uint16_t)(30000 + check_random(&random) % 35000)};
	sum = rest = common = a;
	port_set_add_set(&sum, &b);
	port_set_remove_set(&rest, &b);
	port_set_keep_set(&common, &b);
	for (uint32_t p = 0; p < 65536; p++) {
		n_sum += in_a[p] || in_b[p];
		n_rest += in_a[p] && !in_b[p];
		n_common += in_a[p] && in_b[p];
		n_range += in_a[p] && port_range_has(range, (uint16_t)p);
		assert_int_equal(port_set_has(&a, (uint16_t)p), in_a[p]);
		if (in_a[p]) {
			next = port_set_next(&a, next + 1);
			assert_int_equal(next, p);
		}
	}
	assert_int_equal(port_set_next(&a, next + 1), -1);
	assert_int_equal(port_set_count(&sum), n_sum);
	assert_int_equal(port_set_count(&rest), n_rest);
	assert_int_equal(port_set_count(&common), n_common);
	assert_int_equal(port_set_count_in(&a, range), n_range);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_formats),
		cmocka_unit_test(refuses),
		cmocka_unit_test(agrees_with_an_array),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
