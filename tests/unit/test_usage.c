/* Exercises: rules/usage.c: what each group leaves, and that it says the same as rules/capacity.c. */
#include "check.h"

#include "capacity.h"
#include "grouping.h"
#include "usage.h"

#define LOW 40000

static struct ip_address v4(uint8_t last)
{
	const uint8_t bytes[] = {10, 0, 0, last};

	return ip_address_v4(bytes);
}

static struct snapshot *make_snapshot(void)
{
	struct snapshot *snapshot = snapshot_new();
	struct netns_snapshot *netns;

	assert_non_null(snapshot);
	snapshot->laws =
		(struct kernel_laws){.step_one = LAW_YES, .entry_stamp = LAW_YES, .verified = true};
	netns = snapshot_add_netns(snapshot);
	assert_non_null(netns);
	netns->settings =
		(struct settings){.known = SETTING_RANGE | SETTING_RESERVED | SETTING_TW_REUSE,
				  .range = {LOW, LOW + 63},
				  .tw_reuse = 1,
				  .tw_reuse_delay_ms = 1000};
	return snapshot;
}

static void group(struct snapshot *snapshot, const struct grouping *grouping)
{
	struct netns_snapshot *netns = &snapshot->netns[0];

	capacity_candidates(netns, &netns->counted);
	assert_int_equal(group_table_init(&netns->groups, 64), 0);
	for (size_t i = 0; i < netns->sockets.count; i++)
		grouping_count(grouping, &snapshot->laws, netns, &netns->sockets.record[i]);
	group_table_finish(&netns->groups);
}

/* Random sockets to three destinations; each row must say what the counting rule says of its destination. */
static void random_sockets(struct snapshot *snapshot, uint64_t *random)
{
	struct netns_snapshot *netns = &snapshot->netns[0];

	netns->settings.tw_reuse = (uint32_t)(check_random(random) % 3);
	for (uint8_t to = 2; to < 5; to++) {
		for (uint16_t port = LOW - 2; port < LOW + 64; port++) {
			struct socket_record record = {.protocol = PROTOCOL_TCP,
						       .state = STATE_ESTABLISHED,
						       .local = v4(1),
						       .remote = v4(to),
						       .local_port = port,
						       .remote_port = 80,
						       .known = SOCKET_ACCEPTED | SOCKET_AGE |
								SOCKET_TIMESTAMPS};

			if (check_random(random) % 2)
				continue;
			if (check_random(random) % 3 == 0) {
				record.state = STATE_TIME_WAIT;
				record.flags = SOCKET_MINI | SOCKET_TIMESTAMPS;
				record.age_ms = (uint32_t)(check_random(random) % 3000);
			}
			assert_int_equal(socket_table_add(&netns->sockets, &record), 0);
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		port_set_add(&netns->binds.closed, (uint16_t)(LOW + check_random(random) % 64));
		port_set_add(&netns->settings.reserved,
			     (uint16_t)(LOW + check_random(random) % 64));
	}
}

static void says_what_capacity_says(void **state)
{
	const struct grouping by_destination = {.tcp = true, .v4 = true};
	uint64_t random = check_seed();

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct snapshot *snapshot = make_snapshot();
		struct usage_result usage;

		random_sockets(snapshot, &random);
		group(snapshot, &by_destination);
		assert_int_equal(usage_judge(snapshot, USAGE_DESTINATION, &usage), 0);
		assert_int_equal(usage.groups, 3);
		for (size_t i = 0; i < usage.groups; i++) {
			const struct usage_group *row = &usage.group[i];
			const struct capacity_query query = {.protocol = PROTOCOL_TCP,
							     .from = row->key.local,
							     .to = row->key.remote,
							     .to_port = row->key.remote_port,
							     .reuse_time_wait = -1};
			struct capacity_result result;

			assert_int_equal(capacity_count(&snapshot->netns[0], &snapshot->laws,
							&query, &result, NULL),
					 0);
			assert_int_equal(row->left, result.left);
			assert_int_equal(row->left_max, result.left_max);
			assert_int_equal(row->capacity, 64 - result.reserved - result.blocked);
			assert_true(row->exact && result.exact);
			assert_int_equal(usage.netns[0].knee, result.knee);
			assert_true(!i || usage.group[i - 1].percent >= row->percent);
		}
		usage_result_done(&usage);
		snapshot_free(snapshot);
	}
}

/* Without BPF each may be full; the one that nearly is goes first, though all it has is TIME_WAIT. */
static void certainly_fullest_first(void **state)
{
	const struct grouping by_destination = {.tcp = true, .v4 = true};
	struct snapshot *snapshot = make_snapshot();
	struct netns_snapshot *netns = &snapshot->netns[0];
	struct usage_result usage;

	(void)state;
	netns->settings.tw_reuse = 0;
	for (uint16_t i = 0; i < 45; i++) {
		const struct socket_record record = {.protocol = PROTOCOL_TCP,
						     .state = i < 5 ? STATE_ESTABLISHED
								    : STATE_TIME_WAIT,
						     .flags = i < 5 ? 0 : SOCKET_MINI,
						     .local = v4(1),
						     .remote = v4(i < 5 ? 2 : 3),
						     .local_port = (uint16_t)(LOW + i),
						     .remote_port = 80};

		assert_int_equal(socket_table_add(&netns->sockets, &record), 0);
	}
	port_set_add_range(&netns->binds.maybe, (struct port_range){LOW, LOW + 63});
	group(snapshot, &by_destination);
	assert_int_equal(usage_judge(snapshot, USAGE_DESTINATION, &usage), 0);
	assert_int_equal(usage.groups, 2);
	assert_int_equal(usage.group[0].left, 0);
	assert_int_equal(usage.group[1].left, 0);
	assert_int_equal(usage.group[0].time_wait, 40);
	usage_result_done(&usage);
	snapshot_free(snapshot);
}

static void says_what_it_does_not_know(void **state)
{
	const struct grouping by_destination = {.tcp = true, .v4 = true};
	struct snapshot *snapshot = make_snapshot();
	struct netns_snapshot *netns = &snapshot->netns[0];
	const struct socket_record record = {.protocol = PROTOCOL_TCP,
					     .state = STATE_ESTABLISHED,
					     .local = v4(1),
					     .remote = v4(2),
					     .local_port = LOW,
					     .remote_port = 80};
	struct usage_result usage;

	(void)state;
	assert_int_equal(socket_table_add(&netns->sockets, &record), 0);
	port_set_add_range(&netns->binds.maybe, (struct port_range){LOW, LOW + 9});
	group(snapshot, &by_destination);
	assert_int_equal(usage_judge(snapshot, USAGE_DESTINATION, &usage), 0);
	assert_int_equal(usage.group[0].left, 54);
	assert_int_equal(usage.group[0].left_max, 63);
	assert_false(usage.group[0].exact);
	assert_int_equal(usage.netns[0].blocked_maybe, 10);
	usage_result_done(&usage);
	port_set_add_range(&netns->settings.reserved, netns->settings.range);
	group_table_done(&netns->groups);
	group(snapshot, &by_destination);
	assert_int_equal(usage_judge(snapshot, USAGE_DESTINATION, &usage), 0);
	assert_int_equal(usage.group[0].capacity, 0);
	assert_true(usage.group[0].percent > 99.9);
	usage_result_done(&usage);
	snapshot_free(snapshot);
}

static void counts_inbound_of_all_remote_ports(void **state)
{
	const struct grouping inbound = {.tcp = true, .v4 = true, .by = GROUP_INBOUND};
	struct snapshot *snapshot = make_snapshot();
	struct usage_result usage;

	(void)state;
	for (uint16_t port = 1; port <= 6554; port++) {
		const struct socket_record record = {.protocol = PROTOCOL_TCP,
						     .state = STATE_ESTABLISHED,
						     .local = v4(1),
						     .remote = v4(2),
						     .local_port = 443,
						     .remote_port = port,
						     .flags = SOCKET_ACCEPTED,
						     .known = SOCKET_ACCEPTED};

		assert_int_equal(socket_table_add(&snapshot->netns[0].sockets, &record), 0);
	}
	group(snapshot, &inbound);
	assert_int_equal(usage_judge(snapshot, USAGE_INBOUND, &usage), 0);
	assert_int_equal(usage.groups, 1);
	assert_int_equal(usage.group[0].in_use, 6554);
	assert_true(usage.group[0].percent > 10.0 && usage.group[0].percent < 10.01);
	usage_result_done(&usage);
	snapshot_free(snapshot);
}

static void counts_udp_by_the_wildcard(void **state)
{
	const struct grouping by_destination = {.udp = true, .v4 = true};
	struct snapshot *snapshot = make_snapshot();
	const struct socket_record record = {.protocol = PROTOCOL_UDP,
					     .state = STATE_ESTABLISHED,
					     .local = v4(1),
					     .remote = v4(2),
					     .local_port = LOW,
					     .remote_port = 53};
	struct usage_result usage;

	(void)state;
	assert_int_equal(socket_table_add(&snapshot->netns[0].sockets, &record), 0);
	port_set_add_range(&snapshot->netns[0].binds.udp_v4, (struct port_range){LOW, LOW + 3});
	port_set_add(&snapshot->netns[0].binds.udp_v4_maybe, LOW + 9);
	port_set_add(&snapshot->netns[0].settings.reserved, LOW + 3);
	group(snapshot, &by_destination);
	assert_int_equal(usage_judge(snapshot, USAGE_DESTINATION, &usage), 0);
	assert_int_equal(usage.group[0].capacity, 63);
	assert_int_equal(usage.group[0].left_max, 60);
	assert_int_equal(usage.group[0].left, 59);
	usage_result_done(&usage);
	snapshot_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_capacity_says),
		cmocka_unit_test(certainly_fullest_first),
		cmocka_unit_test(says_what_it_does_not_know),
		cmocka_unit_test(counts_inbound_of_all_remote_ports),
		cmocka_unit_test(counts_udp_by_the_wildcard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
