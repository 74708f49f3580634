/* Exercises: core/time_wait.c against facts section 1.5: when a TIME_WAIT gives up its 4-tuple. */
#include "check.h"

#include "time_wait.h"

static struct socket_record waiting(uint32_t age_ms)
{
	return (struct socket_record){.state = STATE_TIME_WAIT,
				      .flags = SOCKET_MINI | SOCKET_TIMESTAMPS,
				      .known = SOCKET_TIMESTAMPS | SOCKET_AGE,
				      .age_ms = age_ms};
}

static void ages(void **state)
{
	const struct settings settings = {.tw_reuse_delay_ms = 200};
	const struct kernel_laws stamped = {.entry_stamp = LAW_YES},
				 seconds = {.entry_stamp = LAW_NO}, unknown = {0};
	struct socket_record record = waiting(201);

	(void)state;
	assert_int_equal(time_wait_aged(&record, &settings, &stamped), LAW_YES);
	assert_int_equal(time_wait_aged(&record, &settings, &unknown), LAW_UNKNOWN);
	record.age_ms = 200; /* strictly older than the delay */
	assert_int_equal(time_wait_aged(&record, &settings, &stamped), LAW_NO);
	assert_int_equal(time_wait_aged(&record, &settings, &seconds), LAW_NO);
	record.ts_age_s = 1;
	assert_int_equal(time_wait_aged(&record, &settings, &seconds), LAW_YES);
	record = waiting(5000);
	record.flags = SOCKET_MINI; /* timestamps were not negotiated */
	assert_int_equal(time_wait_aged(&record, &settings, &stamped), LAW_NO);
	record.known = 0;
	assert_int_equal(time_wait_aged(&record, &settings, &stamped), LAW_UNKNOWN);
	record = waiting(5000);
	record.state = STATE_FIN_WAIT2; /* the substate never gives way */
	assert_int_equal(time_wait_aged(&record, &settings, &stamped), LAW_NO);
	record = waiting(5000);
	record.known = SOCKET_TIMESTAMPS;
	assert_int_equal(time_wait_aged(&record, &settings, &stamped), LAW_UNKNOWN);
}

static void is_allowed(void **state)
{
	static const uint8_t ten[] = {10, 9, 0, 1}, loop[] = {127, 0, 0, 1};
	const struct ip_address a = ip_address_v4(ten), l = ip_address_v4(loop);
	struct settings settings = {.tw_reuse = 0};

	(void)state;
	assert_false(time_wait_allowed(&l, &l, true, &settings, -1));
	assert_true(time_wait_allowed(&a, &a, false, &settings, 1));
	settings.tw_reuse = 1;
	assert_true(time_wait_allowed(&a, &a, false, &settings, -1));
	assert_false(time_wait_allowed(&a, &a, false, &settings, 0));
	settings.tw_reuse = 2; /* only addresses or the device count, not the path */
	assert_false(time_wait_allowed(&a, &a, false, &settings, -1));
	assert_true(time_wait_allowed(&a, &a, true, &settings, -1));
	assert_true(time_wait_allowed(&l, &a, false, &settings, -1));
	assert_true(time_wait_allowed(&a, &l, false, &settings, -1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ages), cmocka_unit_test(is_allowed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
