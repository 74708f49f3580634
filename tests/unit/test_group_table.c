/*
 * Exercises: core/group_table.c, above all its promise: however many groups there are, memory stays bounded and every
 * group of at least `floor` sockets is counted whole.
 */
#include "check.h"

#include "group_table.h"

#define MANY 1000000u

static struct group_key key_of(uint32_t n)
{
	struct group_key key = {.protocol = PROTOCOL_TCP, .remote_port = 443};

	key.remote.family = IP_V4;
	memcpy(key.remote.bytes, &n, sizeof(n));
	return key;
}

static struct group_counts one(uint8_t state)
{
	struct group_counts counts = {.on_counted = 1};

	counts.sockets[state] = 1;
	return counts;
}

static void counts_and_sorts(void **state)
{
	const struct group_counts established = one(STATE_ESTABLISHED),
				  waiting = one(STATE_TIME_WAIT);
	struct group_table table;

	(void)state;
	assert_int_equal(group_table_init(&table, 8), 0);
	for (uint32_t n = 0; n < 12; n++) {
		struct group_key key = key_of(n);

		for (uint32_t i = 0; i <= n; i++)
			group_table_count(&table, &key, i % 2 ? &waiting : &established);
	}
	assert_false(group_table_again(&table));
	group_table_finish(&table);
	assert_int_equal(table.count, 8);
	assert_int_equal(table.floor, 1);
	assert_int_equal(table.read, 78);
	assert_int_equal(table.other_groups, 4);
	assert_int_equal(group_counts_total(&table.other), 1 + 2 + 3 + 4);
	assert_int_equal(table.other.on_counted, 10);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(group_counts_total(&table.slot[i].counts), 12 - i);
		assert_int_equal(table.slot[i].counts.sockets[STATE_TIME_WAIT], (12 - i) / 2);
	}
	group_table_done(&table);
}

/* Groups 0 .. 999 are fat: n sockets more the smaller the number; all others have one to three. */
static uint32_t size_of(uint32_t n, uint64_t seed)
{
	uint64_t random = seed + n;

	return n < 1000 ? 4000 - n * 3 : 1 + (uint32_t)(check_random(&random) % 3);
}

static void keeps_the_fullest_of_a_million_groups(void **state)
{
	const struct group_counts established = one(STATE_ESTABLISHED);
	uint64_t seed = check_seed(), total = 0, kept = 0;
	struct group_table table;
	uint32_t passes = 0, capacity, fat = 0;

	(void)state;
	assert_int_equal(group_table_init(&table, GROUP_LIMIT), 0);
	capacity = table.capacity;
	do {
		passes++;
		total = 0;
		for (uint32_t step = 0; step < MANY; step++) {
			uint32_t n =
				(uint32_t)((uint64_t)step * 7919 % MANY); /* not in order of size */
			struct group_key key = key_of(n);

			for (uint32_t i = size_of(n, seed); i > 0; i--, total++)
				group_table_count(&table, &key, &established);
		}
		assert_true(table.count <= capacity);
		assert_int_equal(table.capacity, capacity);
	} while (group_table_again(&table));
	assert_int_equal(passes, 2);
	group_table_finish(&table);
	assert_true(table.count <= GROUP_LIMIT);
	assert_true(table.read == total);
	assert_true(table.floor > 1);
	print_message("floor %u, %u groups kept\n", table.floor, table.count);
	for (uint32_t i = 0; i < table.count; i++) {
		uint32_t n;

		memcpy(&n, table.slot[i].key.remote.bytes, sizeof(n));
		kept += group_counts_total(&table.slot[i].counts);
		fat += n < 1000;
		if (group_counts_total(&table.slot[i].counts) >= table.floor || n < 1000)
			assert_int_equal(group_counts_total(&table.slot[i].counts),
					 size_of(n, seed));
	}
	for (uint32_t n = 0; n < 1000; n++)
		if (size_of(n, seed) >= table.floor)
			assert_true(fat > n);
	assert_int_equal(fat, 1000);
	assert_int_equal(group_counts_total(&table.other), total - kept);
	group_table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_and_sorts),
		cmocka_unit_test(keeps_the_fullest_of_a_million_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
