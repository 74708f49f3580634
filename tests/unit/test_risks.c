/* Exercises: rules/risks.c: each risk is found where it is, and nowhere else. */
#include "check.h"

#include <stdio.h>

#include "risks.h"
#include "usage.h"

static struct snapshot *make_snapshot(uint16_t hi)
{
	struct snapshot *snapshot = snapshot_new();
	struct netns_snapshot *netns;

	assert_non_null(snapshot);
	snapshot->laws =
		(struct kernel_laws){.step_one = LAW_YES, .entry_stamp = LAW_YES, .verified = true};
	netns = snapshot_add_netns(snapshot);
	assert_non_null(netns);
	netns->settings = (struct settings){.known = SETTING_RANGE | SETTING_RESERVED |
						     SETTING_TW_REUSE | SETTING_MAX_TW_BUCKETS,
					    .range = {40000, hi},
					    .max_tw_buckets = 1000};
	assert_int_equal(group_table_init(&netns->groups, 64), 0);
	return snapshot;
}

static void add_group(struct snapshot *snapshot, uint32_t in_use, uint32_t waiting)
{
	const uint8_t bytes[] = {10, 0, 0, (uint8_t)(2 + snapshot->netns[0].groups.count)};
	struct group_key key = {.protocol = PROTOCOL_TCP,
				.local = ip_address_v4(bytes),
				.remote = ip_address_v4(bytes),
				.remote_port = 80};
	struct group_counts counts = {.on_counted = in_use + waiting};

	counts.sockets[STATE_ESTABLISHED] = in_use;
	counts.sockets[STATE_TIME_WAIT] = waiting;
	group_table_count(&snapshot->netns[0].groups, &key, &counts);
}

static struct risks_result judge(struct snapshot *snapshot)
{
	struct usage_result usage;
	struct risks_result risks;

	group_table_finish(&snapshot->netns[0].groups);
	assert_int_equal(usage_judge(snapshot, USAGE_DESTINATION, &usage), 0);
	assert_int_equal(risks_judge(snapshot, &usage, &risks), 0);
	usage_result_done(&usage);
	snapshot_free(snapshot);
	return risks;
}

static void assert_only(struct risks_result risks, const char *id, enum risk_severity severity)
{
	assert_int_equal(risks.count, 1);
	assert_string_equal(risks.risk[0].id, id);
	assert_int_equal(risks.risk[0].severity, severity);
	assert_true(risks.risk[0].n_evidence && risks.risk[0].n_advice);
	risks_result_done(&risks);
}

static void finds_nothing_on_a_quiet_host(void **state)
{
	struct snapshot *snapshot = make_snapshot(40999);
	struct risks_result risks;

	(void)state;
	add_group(snapshot, 100, 10);
	risks = judge(snapshot);
	assert_int_equal(risks.count, 0);
	risks_result_done(&risks);
}

static void finds_full_destinations(void **state)
{
	struct snapshot *snapshot = make_snapshot(40999);

	(void)state;
	add_group(snapshot, 1000, 0);
	assert_only(judge(snapshot), "destination-exhausted", RISK_CRITICAL);
	snapshot = make_snapshot(40999);
	add_group(snapshot, 850, 0);
	assert_only(judge(snapshot), "destination-nearly-exhausted", RISK_CRITICAL);
	snapshot = make_snapshot(40999);
	add_group(snapshot, 500, 0);
	assert_only(judge(snapshot), "destination-past-knee", RISK_WARNING);
}

static void names_who_closes_first(void **state)
{
	struct snapshot *snapshot = make_snapshot(40999);
	struct risks_result risks;

	(void)state;
	add_group(snapshot, 100, 800);
	risks = judge(snapshot);
	assert_int_equal(risks.count, 2);
	assert_string_equal(risks.risk[0].id, "destination-nearly-exhausted");
	assert_string_equal(risks.risk[1].id, "time-wait-dominates");
	assert_non_null(strstr(risks.risk[1].evidence[1], "16/s is the most"));
	risks_result_done(&risks);
}

static void sums_up_many_destinations(void **state)
{
	struct snapshot *snapshot = make_snapshot(40999);
	struct risks_result risks;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		add_group(snapshot, 1000, 0);
	risks = judge(snapshot);
	assert_int_equal(risks.count, RISK_DESTINATIONS_MAX);
	assert_non_null(strstr(risks.risk[4].evidence[2], "15 destinations more"));
	risks_result_done(&risks);
}

static void finds_what_is_wrong_with_settings(void **state)
{
	struct snapshot *snapshot = make_snapshot(41000);
	struct risks_result risks;

	(void)state;
	risks = judge(snapshot);
	assert_string_equal(risks.risk[0].advice[0].command, "ephemports range set 40000-40999");
	assert_only(risks, "odd-range", RISK_WARNING);
	snapshot = make_snapshot(41000);
	snprintf(snapshot->netns[0].name, sizeof(snapshot->netns[0].name), "web");
	risks = judge(snapshot);
	assert_string_equal(risks.risk[0].advice[0].command,
			    "sysctl -w net.ipv4.ip_local_port_range=\"40000 40999\"");
	assert_only(risks, "odd-range", RISK_WARNING);
	snapshot = make_snapshot(40999);
	snapshot->netns[0].time_wait = 900;
	assert_only(judge(snapshot), "tw-buckets-near-limit", RISK_WARNING);
	snapshot = make_snapshot(40999);
	snapshot->netns[0].overflows_known = true;
	snapshot->netns[0].time_wait_overflows = 5;
	assert_only(judge(snapshot), "tw-buckets-overflow", RISK_INFO);
	/* Near the limit it is evidence, not another risk. */
	snapshot = make_snapshot(40999);
	snapshot->netns[0].time_wait = 900;
	snapshot->netns[0].overflows_known = true;
	snapshot->netns[0].time_wait_overflows = 5;
	risks = judge(snapshot);
	assert_non_null(strstr(risks.risk[0].evidence[1], "to 5 connections"));
	assert_only(risks, "tw-buckets-near-limit", RISK_WARNING);
	snapshot = make_snapshot(40999);
	snapshot->netns[0].settings.max_tw_buckets = 0;
	snapshot->netns[0].overflows_known = true;
	snapshot->netns[0].time_wait_overflows = 5;
	assert_only(judge(snapshot), "tw-buckets-overflow", RISK_WARNING);
	snapshot = make_snapshot(40999);
	port_set_add_range(&snapshot->netns[0].settings.reserved,
			   (struct port_range){40500, 40700});
	assert_only(judge(snapshot), "reserved-hot-spot", RISK_INFO);
	snapshot = make_snapshot(40999);
	port_set_add_range(&snapshot->netns[0].binds.closed, (struct port_range){40500, 40600});
	assert_only(judge(snapshot), "many-blocked", RISK_WARNING);
}

static void says_when_no_port_is_open_at_all(void **state)
{
	struct snapshot *snapshot = make_snapshot(40999);
	struct risks_result risks;

	(void)state;
	port_set_add_range(&snapshot->netns[0].settings.reserved,
			   (struct port_range){40000, 40999});
	add_group(snapshot, 100, 0);
	risks = judge(snapshot);
	assert_string_equal(risks.risk[0].id, "destination-exhausted");
	assert_non_null(strstr(risks.risk[0].title, "none of the range's 1 000 ports"));
	assert_non_null(strstr(risks.risk[0].advice[0].text, "reserve fewer"));
	risks_result_done(&risks);
}

static void keeps_reserved_ports_in_its_advice(void **state)
{
	struct snapshot *snapshot = make_snapshot(40999);
	struct risks_result risks;

	(void)state;
	port_set_add(&snapshot->netns[0].settings.reserved, 3306);
	port_set_add(&snapshot->netns[0].settings.reserved, 40010);
	port_set_add(&snapshot->netns[0].binds.listening, 40010);
	port_set_add(&snapshot->netns[0].binds.listening, 40011);
	port_set_add(&snapshot->netns[0].binds.listening, 443);
	risks = judge(snapshot);
	assert_string_equal(risks.risk[0].advice[0].command, "ephemports reserve add 40011");
	assert_only(risks, "listener-in-range", RISK_WARNING);
	/* Elsewhere the whole list is written. */
	snapshot = make_snapshot(40999);
	snprintf(snapshot->netns[0].name, sizeof(snapshot->netns[0].name), "blue");
	port_set_add(&snapshot->netns[0].settings.reserved, 3306);
	port_set_add(&snapshot->netns[0].settings.reserved, 40010);
	port_set_add(&snapshot->netns[0].binds.listening, 40011);
	risks = judge(snapshot);
	assert_string_equal(risks.risk[0].advice[0].command,
			    "sysctl -w net.ipv4.ip_local_reserved_ports=3306,40010-40011");
	assert_only(risks, "listener-in-range", RISK_WARNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_on_a_quiet_host),
		cmocka_unit_test(finds_full_destinations),
		cmocka_unit_test(names_who_closes_first),
		cmocka_unit_test(sums_up_many_destinations),
		cmocka_unit_test(finds_what_is_wrong_with_settings),
		cmocka_unit_test(says_when_no_port_is_open_at_all),
		cmocka_unit_test(keeps_reserved_ports_in_its_advice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
