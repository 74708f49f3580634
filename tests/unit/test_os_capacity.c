/*
 * Exercises: rules/os_capacity.c and os_rules.c: what each system's way of counting leaves, on one small host. The numbers
 * were counted by hand from the table of sockets below.
 *
 * That it can fail was shown by breaking: wildcards not added to an address, one remote for each local address, and the
 * boundary between FreeBSD 12 and 13.
 */
#include "check.h"

#include "os_capacity.h"

#define LOW  50000
#define HIGH 50009

struct row {
	uint8_t protocol, state;
	uint8_t local, remote; /* last byte of 10.0.0.x; 0: any */
	uint16_t local_port, remote_port;
};

/* In the order of protocol, local address, remote address, as text_netstat_read() leaves them. */
static const struct row rows[] = {
	{PROTOCOL_TCP, STATE_LISTEN, 0, 0, 50009, 0}, /* its port is nobody's */
	{PROTOCOL_TCP, STATE_LISTEN, 0, 0, 80, 0},
	{PROTOCOL_TCP, STATE_ESTABLISHED, 1, 9, 50000, 443},
	{PROTOCOL_TCP, STATE_TIME_WAIT, 1, 9, 50001, 443},
	{PROTOCOL_TCP, STATE_ESTABLISHED, 1, 9, 50009, 1234}, /* accepted */
	{PROTOCOL_TCP, STATE_ESTABLISHED, 1, 8, 50002, 443},
	{PROTOCOL_TCP, STATE_BOUND, 1, 0, 50003, 0},
	{PROTOCOL_TCP, STATE_ESTABLISHED, 2, 9, 50004, 443},
	{PROTOCOL_UDP, STATE_CLOSE, 0, 0, 50000, 0},
	{PROTOCOL_UDP, STATE_ESTABLISHED, 1, 9, 50001, 53},
	{PROTOCOL_UDP, STATE_ESTABLISHED, 2, 9, 50002, 53},
};

static struct ip_address v4(uint8_t last)
{
	const uint8_t bytes[] = {last ? 10 : 0, 0, 0, last};

	return ip_address_v4(bytes);
}

static int by_order(const void *a, const void *b)
{
	const struct socket_record *x = a, *y = b;

	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	return memcmp(&x->local, &y->local, sizeof(x->local));
}

static struct snapshot *host(void)
{
	struct snapshot *snapshot = snapshot_new();
	struct netns_snapshot *netns = snapshot_add_netns(snapshot);

	netns->settings.known = SETTING_RANGE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct socket_record record = {
			.protocol = rows[i].protocol,
			.state = rows[i].state,
			.local = v4(rows[i].local),
			.remote = v4(rows[i].remote),
			.local_port = rows[i].local_port,
			.remote_port = rows[i].remote_port,
			.flags = rows[i].state == STATE_TIME_WAIT ? SOCKET_MINI : 0,
		};

		assert_int_equal(socket_table_add(&netns->sockets, &record), 0);
	}
	qsort(netns->sockets.record, netns->sockets.count, sizeof(*netns->sockets.record),
	      by_order);
	return snapshot;
}

struct left {
	uint32_t left, left_max, capacity;
};

static struct left find(const struct usage_result *result, uint8_t protocol, uint8_t local,
			uint8_t remote)
{
	const struct ip_address from = v4(local), to = v4(remote);

	for (size_t i = 0; i < result->groups; i++) {
		const struct usage_group *group = &result->group[i];

		if (group->key.protocol == protocol && ip_address_equal(&group->key.local, &from) &&
		    ip_address_equal(&group->key.remote, &to)) {
			assert_false(group->exact);
			assert_true(group->has_left);
			return (struct left){group->left, group->left_max, group->capacity};
		}
	}
	fail_msg("no such group");
	return (struct left){0};
}

struct expected {
	const char *system, *release;
	struct left tcp_1_9, tcp_1_8, tcp_2_9; /* from 10.0.0.1 to .9:443; ... */
	struct left udp_1_9;
};

/*
 * Range 50000-50009, ten ports. TCP: 50009 listens and 50003 is bound: 8 are left to choose from.
 *   host:        50000, 50001, 50002, 50004 are taken: 4 of 8
 *   address 1:   50000, 50001, 50002 are taken, 50003 and 50009 blocked: 5 of 8; 2: 50004, and 50009 blocked: 8 of 9
 *   remote 9:    50000, 50001, 50004 (either address): 5 of 8; remote 8: 50002: 7 of 8
 *   destination: 1 to 9: 50000, 50001: 6 of 8; 1 to 8: 7; 2 to 9: 7
 * UDP: 50000 (any), 50001, 50002: host 7 of 10; address 1: 50000 and 50001: 8 of 10; destination: 9 of 10.
 */
static const struct expected table[] = {
	{"macos", "24.1", {4, 4, 8}, {4, 4, 8}, {4, 4, 8}, {7, 7, 10}},
	{"windows", "", {4, 4, 8}, {4, 4, 8}, {4, 4, 8}, {7, 7, 10}},
	{"aix", "7.3", {4, 4, 8}, {4, 4, 8}, {4, 4, 8}, {7, 7, 10}},
	{"freebsd", "12.4-RELEASE", {4, 4, 8}, {4, 4, 8}, {4, 4, 8}, {7, 7, 10}},
	{"freebsd", "13.0-RELEASE", {6, 6, 8}, {7, 7, 8}, {7, 7, 8}, {7, 9, 10}},
	{"freebsd", "", {4, 6, 8}, {4, 7, 8}, {4, 7, 8}, {7, 9, 10}},
	{"dragonfly", "6.4", {6, 6, 8}, {7, 7, 8}, {7, 7, 8}, {7, 7, 10}},
	{"openbsd", "7.6", {5, 5, 8}, {5, 5, 8}, {8, 8, 9}, {8, 8, 10}},
	{"illumos", "5.11", {5, 5, 8}, {7, 7, 8}, {5, 5, 8}, {7, 7, 10}},
	{"solaris10", "5.10", {5, 5, 8}, {7, 7, 8}, {5, 5, 8}, {7, 7, 10}},
	/* A TIME_WAIT may give way by a setting that nobody told. */
	{"linux", "6.1", {4, 7, 8}, {4, 7, 8}, {4, 7, 8}, {8, 8, 10}},
};

static void same(struct left got, struct left expected)
{
	assert_int_equal(got.left, expected.left);
	assert_int_equal(got.left_max, expected.left_max);
	assert_int_equal(got.capacity, expected.capacity);
}

static void every_rule(void **state)
{
	static struct os_capacity_ranges ranges = {.range = {{{LOW, HIGH}}, {{LOW, HIGH}}}};
	const struct grouping what = {
		.tcp = true, .udp = true, .v4 = true, .v6 = true, .by = GROUP_BY_DESTINATION};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct expected *expected = &table[i];
		const struct os_rule *rule = os_rule_find(expected->system, expected->release);
		struct snapshot *snapshot = host();
		struct usage_result result;

		print_message("%s %s\n", expected->system, expected->release);
		assert_non_null(rule);
		assert_int_equal(os_capacity_usage(rule, &ranges, &what, snapshot, &result), 0);
		assert_int_equal(result.groups, 6); /* TCP 3; UDP 2 and one without a remote end */
		assert_int_equal(result.sockets, sizeof(rows) / sizeof(rows[0]));
		same(find(&result, PROTOCOL_TCP, 1, 9), expected->tcp_1_9);
		same(find(&result, PROTOCOL_TCP, 1, 8), expected->tcp_1_8);
		same(find(&result, PROTOCOL_TCP, 2, 9), expected->tcp_2_9);
		same(find(&result, PROTOCOL_UDP, 1, 9), expected->udp_1_9);
		assert_true(result.netns[0].gaps & GAP_KERNEL);
		usage_result_done(&result);
		snapshot_free(snapshot);
	}
}

/* UDP may have another range, and reserved ports are nobody's. */
static void ranges_apart(void **state)
{
	static struct os_capacity_ranges ranges = {.range = {{{LOW, HIGH}}, {{50001, 50002}}},
						   .reserved_known = true};
	const struct grouping what = {
		.tcp = true, .udp = true, .v4 = true, .v6 = true, .by = GROUP_BY_DESTINATION};
	struct snapshot *snapshot = host();
	struct usage_result result;

	(void)state;
	port_set_add(&ranges.reserved[0], 50008);
	port_set_add(&ranges.reserved[0], 9);
	assert_int_equal(
		os_capacity_usage(os_rule_find("openbsd", ""), &ranges, &what, snapshot, &result),
		0);
	assert_int_equal(result.groups, 5);
	same(find(&result, PROTOCOL_TCP, 1, 9), (struct left){4, 4, 7});
	same(find(&result, PROTOCOL_UDP, 1, 9), (struct left){1, 1, 2});
	assert_int_equal(result.netns[0].gaps, GAP_KERNEL);
	usage_result_done(&result);
	snapshot_free(snapshot);
}

static void rules_for_all(void **state)
{
	static const char *const systems[] = {"aix",       "bsdos",   "dragonfly", "freebsd",
					      "hpux",      "illumos", "irix",      "linux",
					      "macos",     "netbsd",  "openbsd",   "solaris10",
					      "solaris11", "tru64",   "windows",   "windows-nt5"};

	(void)state;
	for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		assert_non_null(os_rule_find(systems[i], ""));
		assert_non_null(os_rule_find(systems[i], "1"));
		assert_non_null(os_rule_find(systems[i], "999999999999999999999999"));
	}
	assert_null(os_rule_find("plan9", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule),
		cmocka_unit_test(ranges_apart),
		cmocka_unit_test(rules_for_all),
	};

	return cmocka_run_group_tests_name("os_capacity", tests, NULL, NULL);
}
