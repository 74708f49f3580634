/* Exercises: rules/host_risks_socket.c, host_risks_rate.c: risks of single sockets, and of the rate at which they close. */
#include "made_host.h"

static void add_socket(struct netns_snapshot *netns, uint16_t port, uint8_t host,
		       uint16_t remote_port, uint32_t inode, uint16_t flags)
{
	const uint8_t from[] = {127, 0, 0, 1}, to[] = {127, 0, 0, host};
	struct socket_record record = {.protocol = PROTOCOL_TCP,
				       .state = STATE_ESTABLISHED,
				       .local = ip_address_v4(from),
				       .local_port = port,
				       .remote = ip_address_v4(to),
				       .remote_port = remote_port,
				       .known = SOCKET_CONNECT_BOUND | SOCKET_ACCEPTED,
				       .flags = flags,
				       .inode = inode};

	assert_int_equal(socket_table_add(&netns->sockets, &record), 0);
}

static void names_who_binds_before_connecting(void **state)
{
	struct host host = make_host();
	struct netns_snapshot *netns = &host.snapshot->netns[0];
	const struct process_record process = {.pid = 12, .command = "envoy"};
	struct risks_result risks;

	(void)state;
	assert_int_equal(process_table_add(&host.snapshot->processes, &process), 0);
	assert_int_equal(process_table_link(&host.snapshot->processes, 7, 0), 0);
	process_table_sort(&host.snapshot->processes);
	host.snapshot->has_processes = true;
	for (uint16_t i = 0; i < 1500; i++) {
		port_set_add(&netns->binds.closed, (uint16_t)(40000 + i));
		add_socket(netns, (uint16_t)(40000 + i), 2, 80, 7, 0);
	}
	/* Chosen by connect(), and accepted: neither is meant. */
	port_set_add(&netns->binds.closed, 50000);
	add_socket(netns, 50000, 2, 80, 7, SOCKET_CONNECT_BOUND);
	add_socket(netns, 50000, 3, 80, 7, SOCKET_ACCEPTED);
	risks = judge(&host);
	assert_only(&risks, "bind-before-connect", RISK_WARNING);
	assert_says(&risks.risk[0], "1 500 connections");
	assert_says(&risks.risk[0], "envoy (pid 12): 1 500 from 127.0.0.1");
	risks_result_done(&risks);
}

static void finds_self_connected(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	add_socket(&host.snapshot->netns[0], 50052, 1, 50052, 0, SOCKET_CONNECT_BOUND);
	add_socket(&host.snapshot->netns[0], 50054, 2, 50054, 0, SOCKET_CONNECT_BOUND);
	risks = judge(&host);
	assert_only(&risks, "self-connected", RISK_WARNING);
	assert_says(&risks.risk[0], "127.0.0.1 port 50052");
	assert_false(says(&risks.risk[0], "50054"));
	risks_result_done(&risks);
}

/* @count connections closed in the last @span_ms, evenly, the latest @ago_ms ago; and one in use by process 12. */
static struct host make_closes(uint32_t count, uint32_t span_ms, uint32_t ago_ms)
{
	const struct grouping what = {.tcp = true, .udp = true, .v4 = true, .v6 = true};
	const struct process_record process = {.pid = 12, .command = "redis-cli"};
	struct host host = make_host();
	struct netns_snapshot *netns = &host.snapshot->netns[0];
	struct kernel_laws laws = {0};

	assert_int_equal(process_table_add(&host.snapshot->processes, &process), 0);
	assert_int_equal(process_table_link(&host.snapshot->processes, 7, 0), 0);
	process_table_sort(&host.snapshot->processes);
	host.snapshot->has_processes = true;
	netns->settings.range = (struct port_range){40000, 41999};
	netns->settings.tw_reuse = 0;
	netns->sockets_complete = true;
	add_socket(netns, 41999, 2, 6379, 7, SOCKET_CONNECT_BOUND);
	for (uint32_t i = 0; i < count; i++) {
		struct socket_record *record;

		add_socket(netns, (uint16_t)(40000 + i), 2, 6379, 0, SOCKET_CONNECT_BOUND);
		record = &netns->sockets.record[netns->sockets.count - 1];
		record->state = STATE_TIME_WAIT;
		record->flags |= SOCKET_MINI;
		record->expires_ms =
			60000 - ago_ms - (uint32_t)((uint64_t)(span_ms - ago_ms) * i / count);
	}
	port_set_add_range(&netns->counted, netns->settings.range);
	for (size_t i = 0; i < netns->sockets.count; i++)
		grouping_count(&what, &laws, netns, &netns->sockets.record[i]);
	return host;
}

static void measures_the_rate(void **state)
{
	struct host host = make_closes(1000, 10000, 0);
	struct risks_result risks;
	const struct risk *risk;

	(void)state;
	host.foreign = true;
	risks = judge(&host);
	risk = find(&risks, "rate-exceeds-range");
	/* 1 000 in 10 s need 6 000; one is in use. */
	assert_says(risk, "127.0.0.2:6379 needs 6 001 ports");
	assert_says(risk, "the range has 2 000");
	assert_says(risk, "100/s");
	assert_says(risk,
		    "999 ports are left: at this rate none in about 9 s; the range sustains 33/s");
	assert_says(risk, "redis-cli (pid 12) with 1");
	assert_int_equal(risk->severity, RISK_WARNING);
	risks_result_done(&risks);
}

/* Neither a burst that is over nor one of a moment, nor a rate that the range bears, nor TIME_WAIT that gives way. */
static void takes_no_burst_for_a_rate(void **state)
{
	static const struct {
		uint32_t count, span_ms, ago_ms;
		uint32_t tw_reuse;
	} cases[] = {
		{1000, 20000, 15000, 0}, {1000, 2000, 0, 0},  {1900, 60000, 0, 0},
		{99, 5000, 0, 0},        {1000, 10000, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct host host = make_closes(cases[i].count, cases[i].span_ms, cases[i].ago_ms);
		struct risks_result risks;

		host.snapshot->netns[0].settings.tw_reuse = cases[i].tw_reuse;
		risks = judge(&host);
		if (find(&risks, "rate-exceeds-range"))
			fail_msg("case %zu: %s", i, find(&risks, "rate-exceeds-range")->title);
		risks_result_done(&risks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_who_binds_before_connecting),
		cmocka_unit_test(finds_self_connected),
		cmocka_unit_test(measures_the_rate),
		cmocka_unit_test(takes_no_burst_for_a_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
