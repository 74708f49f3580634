/*
 * Exercises src/connect/known_ports.c and tuple_locks.c: what is known of a flow's ports against a plain array; each free port
 * is as likely as the others (chi-square); flows in their places; memory that two mappings share.
 */
#include "check.h"

#include <errno.h>

#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ip_address.h"
#include "known_ports.h"

static struct known_ports *known;

static int set_up(void **state)
{
	(void)state;
	return known_ports_map(-1, &known);
}

static int tear_down(void **state)
{
	(void)state;
	known_ports_unmap(known);
	return 0;
}

static struct known_flow *flow_to(uint32_t number)
{
	struct ip_address to = {.family = IP_V4};

	memcpy(to.bytes, &number, sizeof(number));
	return known_ports_flow(known, 6, NULL, &to, 443);
}

static struct port_range random_range(uint64_t *seed)
{
	uint16_t a = (uint16_t)check_random(seed), b = (uint16_t)check_random(seed);

	if (check_random(seed) % 4 == 0)
		b = (uint16_t)(a + check_random(seed) % 100 < 65535 ? a + check_random(seed) % 100
								    : a);
	return a < b ? (struct port_range){a, b} : (struct port_range){b, a};
}

/* Ports of @range at random: most of them when @percent is high. */
static void take_some(uint64_t *seed, struct known_flow *flow, struct port_range range,
		      unsigned percent, struct port_set *ret)
{
	port_set_clear(ret);
	for (uint32_t port = range.lo; port <= range.hi; port++) {
		if (check_random(seed) % 100 >= percent)
			continue;
		port_set_add(ret, (uint16_t)port);
		known_flow_take(flow, (struct port_range){(uint16_t)port, (uint16_t)port});
	}
}

static void picks_what_is_free(void **state)
{
	static const unsigned percent[] = {0, 10, 50, 90, 99, 100};
	uint64_t seed = check_seed();

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct known_flow *flow = flow_to(round);
		struct port_range range = random_range(&seed);
		struct port_set taken, usable, open;

		port_set_clear(&usable);
		port_set_add_range(&usable, range);
		for (unsigned i = 0; i < 20; i++)
			port_set_remove(&usable, (uint16_t)check_random(&seed));
		take_some(&seed, flow, range, percent[round % 6], &taken);
		known_flow_learn(flow, range, &taken);
		assert_int_equal(atomic_load(&flow->count), port_set_count(&taken));
		open = usable;
		port_set_remove_set(&open, &taken);
		for (unsigned i = 0; i < 50; i++) {
			int port = known_flow_pick(flow, &usable, range, check_random(&seed));
			struct port_range run;

			if (port_set_count(&open) == 0) {
				assert_int_equal(port, -1);
				continue;
			}
			assert_in_range(port, range.lo, range.hi);
			assert_true(port_set_has(&open, (uint16_t)port));
			run = known_flow_run(flow, &usable, (uint16_t)port);
			assert_true(port_range_has(run, (uint16_t)port));
			assert_int_equal(run.lo >> 6, run.hi >> 6);
			for (uint32_t p = run.lo; p <= run.hi; p++)
				assert_true(port_set_has(&open, (uint16_t)p));
			assert_true(port_range_width(run) == 1 || port_range_width(run) % 2 == 0);
		}
	}
}

static void the_last_one_is_found(void **state)
{
	uint64_t seed = check_seed();
	struct port_range range = {32768, 60999};
	struct port_set usable = {0};

	(void)state;
	port_set_add_range(&usable, range);
	for (unsigned i = 0; i < 200; i++) {
		struct known_flow *flow = flow_to(i);
		uint16_t last =
			(uint16_t)(range.lo + check_random(&seed) % port_range_width(range));

		known_flow_take(flow, range);
		assert_int_equal(known_flow_pick(flow, &usable, range, check_random(&seed)), -1);
		known_flow_free(flow, last);
		assert_int_equal(known_flow_pick(flow, &usable, range, check_random(&seed)), last);
		assert_int_equal(atomic_load(&flow->count), port_range_width(range) - 1);
	}
}

/* Chi-square of @count, of which @picks were made: within 5 standard deviations of what equal chances give, above and below
 * (one run in 1.7 million is further off). */
static void assert_even(const unsigned *count, const struct port_set *open, uint64_t picks)
{
	double n = port_set_count(open), expected = (double)picks / n, sum = 0;
	double bound = 5 * sqrt(2 * (n - 1));

	for (int p = -1; (p = port_set_next(open, p + 1)) >= 0;)
		sum += (count[p] - expected) * (count[p] - expected) / expected;
	print_message("%.0f ports, chi-square %.0f, %.0f expected, %.0f allowed\n", n, sum, n - 1,
		      bound);
	assert_true(fabs(sum - (n - 1)) < bound);
}

static void every_free_port_is_as_likely(void **state)
{
	static const unsigned percent[] = {0, 50, 80};
	uint64_t seed = check_seed();
	struct port_range range = {32768, 60999};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct known_flow *flow = flow_to(i);
		unsigned *count = calloc(65536, sizeof(*count));
		struct port_set usable = {0}, taken, open;
		uint64_t picks;

		port_set_add_range(&usable, range);
		take_some(&seed, flow, range, percent[i], &taken);
		open = usable;
		port_set_remove_set(&open, &taken);
		picks = 50 * (uint64_t)port_set_count(&open);
		for (uint64_t k = 0; k < picks; k++)
			count[known_flow_pick(flow, &usable, range, check_random(&seed))]++;
		assert_even(count, &open, picks);
		free(count);
	}
}

static void knows_what_is_old(void **state)
{
	struct known_flow *flow = flow_to(1);
	struct port_range range = {1000, 1300};
	int word = 1000 >> 6;

	(void)state;
	assert_int_equal(known_flow_stale(flow, range, word, 5000, 10), word);
	for (int w = word; w <= 1300 >> 6; w++)
		known_flow_asked(flow, w, 5000);
	assert_int_equal(known_flow_stale(flow, range, word, 5010, 10), -1);
	assert_int_equal(known_flow_stale(flow, range, word, 5011, 10), word);
	known_flow_free(flow, 1200);
	assert_int_equal(known_flow_stale(flow, range, word, 5001, 10), 1200 >> 6);
	known_flow_asked(flow, word, 0); /* the clock wraps; 0 is "never" */
	assert_false(known_flow_is_stale(flow, word, 5, 10));
	known_flow_asked(flow, word, UINT32_MAX - 3);
	assert_false(known_flow_is_stale(flow, word, 4, 10));
	assert_true(known_flow_is_stale(flow, word, 8, 10));
	known_flow_take(flow, range);
	known_flow_doubt(flow, 1100);
	assert_int_equal(atomic_load(&flow->count), 301 - 63);
	assert_false(known_flow_refused(flow, 7, 100, 10));
	known_flow_refuse(flow, 7, 100);
	assert_true(known_flow_refused(flow, 7, 110, 10));
	assert_false(known_flow_refused(flow, 7, 111, 10));
	assert_false(known_flow_refused(flow, 8, 105, 10));
}

static void flows_have_places(void **state)
{
	enum { FLOWS = KNOWN_FLOW_SETS * KNOWN_FLOW_WAYS };
	struct known_flow *first = flow_to(0), *recent[8];
	struct ip_address from = {.family = IP_V4}, to = {.family = IP_V4};
	unsigned kept = 0;

	(void)state;
	assert_ptr_equal(flow_to(0), first);
	assert_ptr_not_equal(flow_to(1), first);
	assert_true(known_ports_has_flow(known, 6, NULL, &to, 443));
	assert_false(known_ports_has_flow(known, 17, NULL, &to, 443));
	assert_false(known_ports_has_flow(known, 6, &from, &to, 443));
	assert_false(known_ports_has_flow(known, 6, NULL, &to, 444));
	known_flow_take(first, (struct port_range){5, 5});
	/* Far more than there is room for: the newest are there, and what was known of an old one is gone with it. */
	for (uint32_t i = 10; i < 10 + 20 * FLOWS; i++)
		recent[i % 8] = flow_to(i);
	for (uint32_t i = 10 + 20 * FLOWS - 8; i < 10 + 20 * FLOWS; i++)
		kept += flow_to(i) == recent[i % 8];
	assert_int_equal(kept, 8);
	first = flow_to(0);
	assert_int_equal(atomic_load(&first->count), 0);
	assert_int_equal(atomic_load(&first->taken[0]), 0);
}

static void mappings_share(void **state)
{
	int fd = memfd_create("known", MFD_CLOEXEC);
	struct known_ports *one, *other;
	struct ip_address to = {.family = IP_V6};

	(void)state;
	assert_int_equal(ftruncate(fd, sizeof(*one) - 1), 0);
	assert_int_equal(known_ports_map(fd, &one), -EINVAL);
	assert_int_equal(ftruncate(fd, sizeof(*one)), 0);
	assert_int_equal(known_ports_map(fd, &one), 0);
	assert_int_equal(known_ports_map(fd, &other), 0);
	assert_int_equal(known_ports_map(-1, &known), 0);
	known_flow_take(known_ports_flow(one, 6, NULL, &to, 1), (struct port_range){9, 9});
	assert_int_equal(atomic_load(&known_ports_flow(other, 6, NULL, &to, 1)->taken[0]), 1 << 9);
	assert_int_not_equal(atomic_load(&one->secret), atomic_load(&known->secret));
	known_ports_unmap(one);
	known_ports_unmap(other);
	close(fd);
}

static void one_tries_a_tuple(void **state)
{
	struct tuple_locks *locks = &known->locks;
	struct known_flow *flow = flow_to(1), *other = flow_to(2);
	int lock = tuple_lock(locks, flow, 80, 1000), next, held[TUPLE_LOCKS];

	(void)state;
	assert_in_range(lock, 0, TUPLE_LOCKS - 1);
	assert_int_equal(tuple_lock(locks, flow, 80, 1000), -1);
	assert_int_equal(tuple_lock(locks, flow, 80, 999), -1); /* who read the clock before */
	assert_int_equal(tuple_lock(locks, flow, 80, 1000 + TUPLE_LOCK_MS - 1), -1);
	next = tuple_lock(locks, other, 80, 1000);
	assert_in_range(next, 0, TUPLE_LOCKS - 1);
	tuple_unlock(locks, next, other, 80);
	/* Its owner is dead; and if it is not, it does not end the lock of the next. */
	next = tuple_lock(locks, flow, 80, 1000 + TUPLE_LOCK_MS);
	assert_in_range(next, 0, TUPLE_LOCKS - 1);
	tuple_unlock(locks, lock, other, 80);
	tuple_unlock(locks, lock, flow, 81);
	assert_int_equal(tuple_lock(locks, flow, 80, 1000 + TUPLE_LOCK_MS), -1);
	tuple_unlock(locks, next, flow, 80);
	for (unsigned i = 0; i < TUPLE_LOCKS; i++) {
		held[i] = tuple_lock(locks, flow, (uint16_t)(100 + i), 9000);
		assert_in_range(held[i], 0, TUPLE_LOCKS - 1);
	}
	assert_int_equal(tuple_lock(locks, flow, 99, 9000), TUPLE_LOCKS);
	tuple_unlock(locks, TUPLE_LOCKS, flow, 99);
	tuple_unlock(locks, held[5], flow, 105);
	assert_int_equal(tuple_lock(locks, flow, 99, 9000), held[5]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(picks_what_is_free, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_last_one_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_free_port_is_as_likely, set_up, tear_down),
		cmocka_unit_test_setup_teardown(knows_what_is_old, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flows_have_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mappings_share, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_tries_a_tuple, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
