/* Exercises: rules/capacity.c case by case: each step of the counting rule alone. tests/kernel has the proof. */
#include "check.h"

#include <errno.h>

#include "capacity.h"
#include "error.h"

#define LOW 40000

static const struct kernel_laws laws_618 = {.step_one = LAW_YES,
					    .window = LAW_YES,
					    .bound_visible = LAW_YES,
					    .bucket_reopens = LAW_YES,
					    .entry_stamp = LAW_YES,
					    .verified = true};

struct fixture {
	struct netns_snapshot netns;
	struct kernel_laws laws;
	struct capacity_query query;
};

static struct ip_address v4(uint8_t first, uint8_t last)
{
	const uint8_t bytes[] = {first, 0, 0, last};

	return ip_address_v4(bytes);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->laws = laws_618;
	f->netns.settings =
		(struct settings){.known = SETTING_RANGE | SETTING_RESERVED | SETTING_TW_REUSE,
				  .range = {LOW, LOW + 7},
				  .tw_reuse = 1,
				  .tw_reuse_delay_ms = 1000};
	f->query = (struct capacity_query){.protocol = PROTOCOL_TCP,
					   .from = v4(10, 1),
					   .to = v4(10, 2),
					   .to_port = 80,
					   .reuse_time_wait = -1};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	socket_table_done(&f->netns.sockets);
	free(f);
	return 0;
}

static struct capacity_result count(const struct fixture *f)
{
	struct capacity_result result;

	assert_int_equal(capacity_count(&f->netns, &f->laws, &f->query, &result, NULL), 0);
	assert_int_equal(result.reserved + result.blocked + result.in_use + result.time_wait +
				 result.left_max,
			 port_range_width(result.range));
	assert_true(result.left <= result.left_max);
	assert_true(!result.exact || result.left == result.left_max);
	return result;
}

static struct socket_record *add(struct fixture *f, uint8_t state, uint16_t port)
{
	const struct socket_record record = {.protocol = f->query.protocol,
					     .state = state,
					     .local = v4(10, 1),
					     .remote = v4(10, 2),
					     .local_port = port,
					     .remote_port = 80};

	assert_int_equal(socket_table_add(&f->netns.sockets, &record), 0);
	return &f->netns.sockets.record[f->netns.sockets.count - 1];
}

static struct socket_record *add_waiting(struct fixture *f, uint16_t port, uint32_t age_ms)
{
	struct socket_record *record = add(f, STATE_TIME_WAIT, port);

	record->flags = SOCKET_MINI | SOCKET_TIMESTAMPS;
	record->known = SOCKET_TIMESTAMPS | SOCKET_AGE;
	record->age_ms = age_ms;
	record->expires_ms = 60000 - age_ms;
	return record;
}

static void counts_each_port_in_the_first_that_applies(void **state)
{
	struct fixture *f = *state;
	struct capacity_result r;

	port_set_add(&f->netns.settings.reserved, LOW);
	port_set_add(&f->netns.binds.closed, LOW);
	port_set_add(&f->netns.binds.closed, LOW + 1);
	add(f, STATE_ESTABLISHED, LOW + 1);
	add(f, STATE_ESTABLISHED, LOW + 2);
	add_waiting(f, LOW + 3, 10);
	add_waiting(f, LOW + 4, 1001);
	add(f, STATE_ESTABLISHED, LOW + 5)->remote_port = 81;
	add(f, STATE_ESTABLISHED, LOW + 6)->local = v4(10, 9);
	add(f, STATE_LISTEN, LOW + 7);
	r = count(f);
	assert_int_equal(r.reserved, 1);
	assert_int_equal(r.blocked, 1);
	assert_int_equal(r.in_use, 1);
	assert_int_equal(r.time_wait, 1);
	assert_int_equal(r.time_wait_reusable, 1);
	assert_int_equal(r.left, 4);
	assert_true(r.exact);
	assert_int_equal(r.knee, 3);
	assert_int_equal(r.n_frees, 1);
	assert_int_equal(r.frees[0].seconds, 1);
	assert_int_equal(r.frees[0].ports, 1);
}

static void has_the_knee_of_the_default_range(void **state)
{
	struct fixture *f = *state;
	struct capacity_result r;

	f->netns.settings.range = (struct port_range){32768, 60999};
	r = count(f);
	assert_int_equal(r.left, 28232);
	assert_int_equal(r.knee, 14116);
	f->query.has_window = true;
	f->query.window = (struct port_range){32768, 60999};
	assert_int_equal(count(f).knee, 28232);
	f->laws.step_one = LAW_NO;
	assert_int_equal(count(f).knee, 14116);
}

static void judges_odd_ranges(void **state)
{
	struct fixture *f = *state;
	struct capacity_result r;

	f->netns.settings.range.hi = LOW + 6;
	r = count(f);
	assert_int_equal(r.left, 6);
	assert_int_equal(r.left_max, 7);
	assert_int_equal(r.inexact_because, GAP_ODD_RANGE);
	port_set_add(&f->netns.settings.reserved, LOW);
	assert_int_equal(count(f).left, 5);
	port_set_add(&f->netns.settings.reserved, LOW + 6);
	assert_true(count(f).exact);
	port_set_clear(&f->netns.settings.reserved);
	f->netns.settings.range.hi = LOW + 2; /* of three the upper is never looked at */
	assert_int_equal(count(f).left, 2);
	port_set_add(&f->netns.settings.reserved, LOW + 2);
	assert_true(count(f).exact);
	f->netns.settings.range.hi = LOW;
	assert_true(count(f).exact);
	assert_int_equal(count(f).left, 1);
}

static void judges_windows_by_the_law_of_the_kernel(void **state)
{
	struct fixture *f = *state;
	struct eph_error error;
	struct capacity_result r;

	f->query.has_window = true;
	f->query.window = (struct port_range){LOW + 1, LOW + 5};
	r = count(f);
	assert_int_equal(r.left, 5);
	assert_true(r.exact);
	f->laws.step_one = LAW_NO;
	assert_int_equal(count(f).left, 4);
	assert_int_equal(count(f).inexact_because, GAP_ODD_RANGE);
	f->laws.step_one = LAW_UNKNOWN;
	assert_int_equal(count(f).inexact_because, GAP_WINDOW_UNKNOWN);
	f->query.window = (struct port_range){0, LOW + 5}; /* even: the law does not matter */
	assert_true(count(f).exact);
	f->query.window = (struct port_range){0, 0}; /* unset */
	f->laws.window = LAW_NO;
	assert_int_equal(count(f).left, 8);
	f->query.window.lo = LOW;
	assert_int_equal(capacity_count(&f->netns, &f->laws, &f->query, &r, &error), -EINVAL);
}

/* The table of facts section 1.1, measured. */
static void narrows_as_the_kernel_does(void **state)
{
	static const struct {
		struct port_range window, expected;
	} cases[] = {
		{{40004, 40007}, {40004, 40007}}, {{0, 40007}, {40000, 40007}},
		{{40028, 0}, {40028, 40031}},     {{40005, 40005}, {40005, 40005}},
		{{39000, 40003}, {40000, 40003}}, {{40030, 45000}, {40030, 40031}},
		{{30000, 30010}, {40000, 40031}}, {{50000, 50010}, {40000, 40031}},
		{{39000, 50010}, {40000, 40031}},
	};
	const struct port_range netns = {40000, 40031};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct port_range range = capacity_range(netns, true, cases[i].window);

		assert_int_equal(range.lo, cases[i].expected.lo);
		assert_int_equal(range.hi, cases[i].expected.hi);
	}
	assert_int_equal(capacity_range(netns, false, (struct port_range){40004, 40007}).lo, 40000);
}

static void has_an_asymmetric_device_rule(void **state)
{
	struct fixture *f = *state;

	add(f, STATE_ESTABLISHED, LOW)->device = 3;
	add(f, STATE_ESTABLISHED, LOW + 1);
	assert_int_equal(count(f).in_use, 1);
	f->query.device = 3;
	assert_int_equal(count(f).in_use, 2);
	f->query.device = 4;
	assert_int_equal(count(f).in_use, 1);
	f->query.device = 3; /* which of the two is found first is not known */
	add_waiting(f, LOW + 1, 5000)->device = 3;
	assert_int_equal(count(f).left, 6);
	assert_int_equal(count(f).left_max, 7);
	assert_int_equal(count(f).inexact_because, GAP_ORDER);
}

static void replaces_time_wait_as_set(void **state)
{
	struct fixture *f = *state;
	struct socket_record *record = add_waiting(f, LOW, 5000);

	assert_int_equal(count(f).time_wait_reusable, 1);
	f->query.reuse_time_wait = 0;
	assert_int_equal(count(f).time_wait, 1);
	assert_int_equal(count(f).frees[0].seconds, 55);
	f->query.reuse_time_wait = -1;
	f->netns.settings.tw_reuse = 2;
	assert_int_equal(count(f).time_wait, 1);
	record->device = f->query.device = 1;
	assert_int_equal(count(f).time_wait, 0);
	record->known = 0;
	assert_int_equal(count(f).left, 7);
	assert_int_equal(count(f).left_max, 8);
	assert_int_equal(count(f).inexact_because, GAP_TW_AGE);
	record->known = SOCKET_TIMESTAMPS | SOCKET_AGE;
	f->netns.settings.known &= ~(uint32_t)SETTING_TW_REUSE;
	assert_int_equal(count(f).inexact_because, GAP_SETTINGS);
	record->state = STATE_FIN_WAIT2;
	assert_int_equal(count(f).time_wait, 1);
}

static void lists_when_ports_come_back(void **state)
{
	struct fixture *f = *state;
	struct capacity_result r;
	uint32_t ports = 0;

	f->netns.settings.range = (struct port_range){LOW, LOW + 59};
	f->query.reuse_time_wait = 0;
	for (uint16_t i = 0; i < 60; i++)
		add_waiting(f, (uint16_t)(LOW + i), i * 1000u);
	r = count(f);
	assert_int_equal(r.time_wait, 60);
	assert_true(r.n_frees <= CAPACITY_FREES_MAX);
	for (unsigned i = 0; i < r.n_frees; i++) {
		assert_true(!i || r.frees[i].seconds > r.frees[i - 1].seconds);
		ports += r.frees[i].ports;
	}
	assert_int_equal(ports, 60);
	assert_int_equal(r.frees[r.n_frees - 1].seconds, 60);
}

static void widens_by_what_was_not_seen(void **state)
{
	struct fixture *f = *state;
	struct capacity_result r;

	port_set_add(&f->netns.binds.maybe, LOW);
	add(f, STATE_ESTABLISHED, LOW);
	f->netns.gaps = GAP_BUCKET_STATE;
	r = count(f); /* the doubtful port is in use anyway */
	assert_true(r.exact);
	assert_int_equal(r.inexact_because, 0);
	port_set_add(&f->netns.binds.maybe, LOW + 1);
	r = count(f);
	assert_int_equal(r.left, 6);
	assert_int_equal(r.left_max, 7);
	assert_int_equal(r.inexact_because, GAP_BUCKET_STATE);
	f->netns.binds.hidden = 100;
	r = count(f);
	assert_int_equal(r.left, 0);
	assert_int_equal(r.inexact_because, GAP_BUCKET_STATE | GAP_BOUND_HIDDEN);
	f->netns.binds.hidden = 0;
	port_set_clear(&f->netns.binds.maybe);
	f->laws.verified = false;
	r = count(f);
	assert_int_equal(r.left, r.left_max);
	assert_false(r.exact);
	assert_int_equal(r.inexact_because, GAP_KERNEL);
	f->laws.verified = true;
	f->netns.settings.step_width = 3;
	assert_int_equal(count(f).inexact_because, GAP_KERNEL);
	f->netns.settings.step_width = 0;
	f->netns.gaps = GAP_CHANGED;
	assert_false(count(f).exact);
	f->netns.gaps = GAP_PRIVATE_TABLE;
	assert_int_equal(count(f).left, 0);
	f->netns.gaps = 0;
	f->query.from.family = IP_NONE;
	r = count(f);
	assert_int_equal(r.left, 7);
	assert_int_equal(r.left_max, 8);
	assert_int_equal(r.inexact_because, GAP_SOURCE);
}

static void refuses_questions_without_sense(void **state)
{
	struct fixture *f = *state;
	struct eph_error error;
	struct capacity_result r;

	f->query.to_port = 0;
	assert_int_equal(capacity_count(&f->netns, &f->laws, &f->query, &r, &error), -EINVAL);
	f->query.to_port = 80;
	f->query.from.family = IP_V6;
	assert_int_equal(capacity_count(&f->netns, &f->laws, &f->query, &r, &error), -EINVAL);
	f->query.from = v4(10, 1);
	f->query.protocol = 1;
	assert_int_equal(capacity_count(&f->netns, &f->laws, &f->query, &r, &error), -EINVAL);
	f->query.protocol = PROTOCOL_TCP;
	f->netns.settings.known = 0;
	assert_int_equal(capacity_count(&f->netns, &f->laws, &f->query, &r, &error), -ENODATA);
}

static void counts_udp_whatever_the_destination(void **state)
{
	struct fixture *f = *state;
	struct socket_record *v6;
	struct capacity_result r;

	f->query.protocol = PROTOCOL_UDP;
	f->netns.settings.range.hi = LOW + 6; /* odd: every port is tried all the same */
	add(f, STATE_ESTABLISHED, LOW)->remote_port = 81;
	add(f, STATE_CLOSE, LOW + 1)->local = v4(10, 9);
	r = count(f);
	assert_int_equal(r.blocked, 2);
	assert_int_equal(r.left, 5);
	assert_true(r.exact);
	f->query.bound = true; /* bound to 10.0.0.1: the owner on 10.0.0.9 is not met */
	assert_int_equal(count(f).blocked, 1);
	f->query.bound = false;
	v6 = add(f, STATE_CLOSE, LOW + 2);
	v6->local = (struct ip_address){.family = IP_V6};
	v6->flags = SOCKET_AF_INET6;
	r = count(f);
	assert_int_equal(r.left, 4);
	assert_int_equal(r.left_max, 5);
	assert_int_equal(r.inexact_because, GAP_V6ONLY);
	v6->known = SOCKET_V6ONLY;
	assert_int_equal(count(f).left, 4);
	v6->flags |= SOCKET_V6ONLY;
	assert_int_equal(count(f).left, 5);
}

static void shares_udp_ports(void **state)
{
	struct fixture *f = *state;
	struct socket_record *owner;
	struct capacity_result r;

	f->query.protocol = PROTOCOL_UDP;
	f->netns.settings.range.hi = LOW;
	owner = add(f, STATE_CLOSE, LOW);
	f->query.reuseaddr = true;
	r = count(f); /* whether the owner has it too is not known */
	assert_int_equal(r.left, 0);
	assert_int_equal(r.left_max, 1);
	owner->known = SOCKET_REUSEADDR;
	assert_int_equal(count(f).left_max, 0);
	owner->flags = SOCKET_REUSEADDR;
	r = count(f);
	assert_true(r.unlimited && r.exact && r.left);
	f->query.reuseaddr = false;
	f->query.reuseport = true;
	owner->known = owner->flags = SOCKET_REUSEPORT;
	assert_true(count(f).unlimited);
	owner->uid = 1000; /* somebody else's */
	assert_false(count(f).unlimited);
}

/* A connection bound to another device is not in the way; a collector may not see the device. */
static void does_not_know_a_hidden_device(void **state)
{
	struct fixture *f = *state;
	struct socket_record *owner;
	struct capacity_result r;

	f->netns.settings.range.hi = LOW;
	owner = add(f, STATE_ESTABLISHED, LOW);
	assert_int_equal(count(f).left_max, 0);
	owner->flags |= SOCKET_DEVICE_HIDDEN;
	r = count(f);
	assert_int_equal(r.left, 0);
	assert_int_equal(r.left_max, 1);
	assert_int_equal(r.inexact_because, GAP_OPTIONS);
	owner->protocol = f->query.protocol = PROTOCOL_UDP;
	assert_int_equal(count(f).left_max,
			 0); /* every device is in the way of a socket without one */
	f->query.device = 3;
	r = count(f);
	assert_int_equal(r.left, 0);
	assert_int_equal(r.left_max, 1);
	assert_int_equal(r.inexact_because, GAP_OPTIONS);
	owner->flags &= (uint16_t)~SOCKET_DEVICE_HIDDEN;
	assert_int_equal(count(f).left_max, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(counts_each_port_in_the_first_that_applies),
		TEST(has_the_knee_of_the_default_range),
		TEST(judges_odd_ranges),
		TEST(judges_windows_by_the_law_of_the_kernel),
		TEST(narrows_as_the_kernel_does),
		TEST(has_an_asymmetric_device_rule),
		TEST(replaces_time_wait_as_set),
		TEST(lists_when_ports_come_back),
		TEST(widens_by_what_was_not_seen),
		TEST(refuses_questions_without_sense),
		TEST(counts_udp_whatever_the_destination),
		TEST(shares_udp_ports),
		TEST(does_not_know_a_hidden_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
