/* Exercises src/connect/owned_ports.c: what is set is got, taken once, and nothing is known of strange descriptors. */
#include "check.h"

#include "owned_ports.h"

static void is_taken_once(void **state)
{
	struct owned_ports *owned = owned_ports_new();
	struct owned_port port = {.flow = 2047, .port = 65535, .window = {1, 65535}}, got;

	(void)state;
	assert_non_null(owned);
	assert_int_equal(owned_ports_get(owned, 3).port, 0);
	owned_ports_set(owned, 3, port);
	got = owned_ports_get(owned, 3);
	assert_memory_equal(&got, &port, sizeof(port));
	assert_int_equal(owned_ports_get(owned, 2).port, 0);
	assert_int_equal(owned_ports_get(owned, 4).port, 0);
	got = owned_ports_take(owned, 3);
	assert_memory_equal(&got, &port, sizeof(port));
	assert_int_equal(owned_ports_take(owned, 3).port, 0);
	owned_ports_set(owned, OWNED_FD_MAX - 1, port);
	assert_int_equal(owned_ports_take(owned, OWNED_FD_MAX - 1).port, 65535);
	owned_ports_free(owned);
}

static void strange_descriptors_are_nothing(void **state)
{
	static const int strange[] = {-1, -1000, INT32_MIN, OWNED_FD_MAX, INT32_MAX};
	struct owned_ports *owned = owned_ports_new();

	(void)state;
	for (unsigned i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		owned_ports_set(owned, strange[i], (struct owned_port){.port = 1});
		assert_int_equal(owned_ports_get(owned, strange[i]).port, 0);
		assert_int_equal(owned_ports_take(owned, strange[i]).port, 0);
	}
	owned_ports_free(owned);
	owned_ports_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_taken_once),
		cmocka_unit_test(strange_descriptors_are_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
