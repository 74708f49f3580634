/* Exercises: core/grouping.c and netns_outgoing(): which sockets are counted, and by what. */
#include "check.h"

#include "grouping.h"

static struct ip_address v4(uint8_t last)
{
	const uint8_t bytes[] = {10, 0, 0, last};

	return ip_address_v4(bytes);
}

static struct socket_record record(uint8_t state, uint16_t local_port, uint16_t remote_port)
{
	return (struct socket_record){.protocol = PROTOCOL_TCP,
				      .state = state,
				      .local = v4(1),
				      .remote = v4(2),
				      .local_port = local_port,
				      .remote_port = remote_port,
				      .known = SOCKET_ACCEPTED};
}

static struct netns_snapshot *make_netns(void)
{
	struct netns_snapshot *netns = calloc(1, sizeof(*netns));

	assert_non_null(netns);
	netns->settings.range = (struct port_range){40000, 40009};
	port_set_add_range(&netns->counted, (struct port_range){40000, 40004});
	assert_int_equal(group_table_init(&netns->groups, 16), 0);
	return netns;
}

static void free_netns(struct netns_snapshot *netns)
{
	group_table_done(&netns->groups);
	free(netns);
}

static void counts_outgoing_by_destination(void **state)
{
	const struct grouping by_destination = {.tcp = true, .udp = true, .v4 = true, .v6 = true};
	const struct kernel_laws laws = {.entry_stamp = LAW_YES};
	struct netns_snapshot *netns = make_netns();
	struct socket_record out = record(STATE_ESTABLISHED, 40001, 80),
			     outside = record(STATE_ESTABLISHED, 39999, 80),
			     accepted = record(STATE_ESTABLISHED, 40002, 80),
			     listener = record(STATE_LISTEN, 40003, 0),
			     uncounted = record(STATE_ESTABLISHED, 40009, 80),
			     waiting = record(STATE_FIN_WAIT2, 40000, 80);
	const struct group_counts *counts;

	(void)state;
	accepted.flags |= SOCKET_ACCEPTED;
	waiting.flags |= SOCKET_MINI;
	grouping_count(&by_destination, &laws, netns, &out);
	grouping_count(&by_destination, &laws, netns, &outside);
	grouping_count(&by_destination, &laws, netns, &accepted);
	grouping_count(&by_destination, &laws, netns, &listener);
	grouping_count(&by_destination, &laws, netns, &uncounted);
	grouping_count(&by_destination, &laws, netns, &waiting);
	group_table_finish(&netns->groups);
	assert_int_equal(netns->groups.count, 1);
	counts = &netns->groups.slot[0].counts;
	assert_int_equal(group_counts_total(counts), 3);
	assert_int_equal(counts->on_counted, 2);
	assert_int_equal(counts->sockets[STATE_TIME_WAIT], 1);
	assert_int_equal(counts->tw_aged + counts->tw_unknown, 0);
	assert_int_equal(netns->groups.slot[0].key.remote_port, 80);
	free_netns(netns);
}

static void takes_a_listener_for_a_sign_of_acceptance(void **state)
{
	struct netns_snapshot *netns = make_netns();
	struct socket_record silent = record(STATE_ESTABLISHED, 40001, 80);

	(void)state;
	silent.known = 0;
	assert_true(netns_outgoing(netns, &silent));
	port_set_add(&netns->binds.listening, 40001);
	assert_false(netns_outgoing(netns, &silent));
	assert_true(netns_accepted(netns, &silent));
	free_netns(netns);
}

static void counts_inbound_by_remote_address(void **state)
{
	const struct grouping inbound = {.tcp = true, .v4 = true, .by = GROUP_INBOUND};
	const struct kernel_laws laws = {0};
	struct netns_snapshot *netns = make_netns();

	(void)state;
	for (uint16_t port = 1000; port < 1010; port++) {
		struct socket_record accepted = record(STATE_ESTABLISHED, 443, port);

		accepted.flags |= SOCKET_ACCEPTED;
		grouping_count(&inbound, &laws, netns, &accepted);
	}
	group_table_finish(&netns->groups);
	assert_int_equal(netns->groups.count, 1);
	assert_int_equal(group_counts_total(&netns->groups.slot[0].counts), 10);
	assert_int_equal(netns->groups.slot[0].key.local_port, 443);
	assert_int_equal(netns->groups.slot[0].key.remote_port, 0);
	free_netns(netns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_outgoing_by_destination),
		cmocka_unit_test(takes_a_listener_for_a_sign_of_acceptance),
		cmocka_unit_test(counts_inbound_by_remote_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
