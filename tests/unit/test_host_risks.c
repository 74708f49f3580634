/* Exercises: rules/host_risks*.c: each risk of settings, files, services, namespaces and single sockets is found where it
 * is, and nowhere else. */
#include "check.h"

#include <stdio.h>

#include "grouping.h"
#include "host_risks.h"
#include "text_nft.h"
#include "usage.h"

struct host {
	struct snapshot *snapshot;
	struct file_list files;
	struct firewall_claims firewall;
	bool foreign;
};

static struct netns_snapshot *add_netns(struct snapshot *snapshot)
{
	struct netns_snapshot *netns = snapshot_add_netns(snapshot);

	assert_non_null(netns);
	netns->settings = (struct settings){
		.known = SETTING_RANGE | SETTING_RESERVED | SETTING_TW_REUSE | SETTING_TIMESTAMPS |
			 SETTING_FIN_TIMEOUT | SETTING_UNPRIVILEGED_START,
		.range = {32768, 60999},
		.unprivileged_start = 1024,
		.tw_reuse = 2,
		.timestamps = 1,
		.fin_timeout_s = 60,
	};
	assert_int_equal(group_table_init(&netns->groups, 8), 0);
	return netns;
}

static struct host make_host(void)
{
	struct host host = {.snapshot = snapshot_new()};

	assert_non_null(host.snapshot);
	add_netns(host.snapshot);
	return host;
}

static void add_file(struct host *host, const char *path, enum file_kind kind, const char *text)
{
	assert_int_equal(
		file_list_add(&host->files, strdup(path), strdup(text), strlen(text), kind, 0), 0);
}

/* Takes the host over. */
static struct risks_result judge(struct host *host)
{
	struct risks_result risks = {0};
	struct service_ports services;
	struct usage_result usage;
	struct host_config config = {.files = &host->files,
				     .services = &services,
				     .firewall = &host->firewall,
				     .foreign = host->foreign,
				     .settings = !host->foreign};

	for (size_t i = 0; i < host->snapshot->n_netns; i++)
		group_table_finish(&host->snapshot->netns[i].groups);
	assert_int_equal(usage_judge(host->snapshot, USAGE_DESTINATION, &usage), 0);
	assert_int_equal(service_ports_read(&host->files, &services), 0);
	assert_int_equal(host_risks_judge(host->snapshot, &usage, &config, &risks), 0);
	service_ports_done(&services);
	file_list_done(&host->files);
	firewall_claims_done(&host->firewall);
	usage_result_done(&usage);
	snapshot_free(host->snapshot);
	return risks;
}

static const struct risk *find(const struct risks_result *risks, const char *id)
{
	for (size_t i = 0; i < risks->count; i++)
		if (strcmp(risks->risk[i].id, id) == 0)
			return &risks->risk[i];
	return NULL;
}

static bool says(const struct risk *risk, const char *words)
{
	for (unsigned i = 0; i < risk->n_evidence; i++)
		if (strstr(risk->evidence[i], words))
			return true;
	return strstr(risk->title, words) != NULL;
}

static void assert_says(const struct risk *risk, const char *words)
{
	if (!risk || !says(risk, words))
		fail_msg("'%s' is not said (%s)", words, risk ? risk->title : "no such risk");
}

static void assert_only(struct risks_result *risks, const char *id, enum risk_severity severity)
{
	if (risks->count != 1)
		fail_msg("%zu risks instead of %s: %s", risks->count, id,
			 risks->count ? risks->risk[0].id : "");
	assert_string_equal(risks->risk[0].id, id);
	assert_int_equal(risks->risk[0].severity, severity);
	assert_true(risks->risk[0].n_evidence && risks->risk[0].n_advice);
}

static void finds_nothing_on_a_plain_host(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	add_file(&host, "/etc/sysctl.d/a.conf", FILE_SYSCTL,
		 "net.ipv4.ip_local_port_range = 32768\t60999\nnet.ipv4.tcp_tw_reuse = 2\n");
	add_file(&host, "/etc/mysql/my.cnf", FILE_MYSQL, "[mysqld]\nport = 3306\n");
	risks = judge(&host);
	assert_int_equal(risks.count, 0);
	risks_result_done(&risks);
}

static void finds_configured_services(void **state)
{
	struct host host = make_host();
	struct risks_result risks;
	const struct risk *risk;

	(void)state;
	port_set_add(&host.snapshot->netns[0].binds.listening, 50002);
	port_set_add(&host.snapshot->netns[0].settings.reserved, 50003);
	add_file(&host, "/etc/sysctl.d/a.conf", FILE_SYSCTL,
		 "net.ipv4.ip_local_reserved_ports = 50003\n");
	add_file(&host, "/etc/haproxy/haproxy.cfg", FILE_HAPROXY,
		 "bind :::50936\nbind :50000\nbind :50002\nbind :50003\nbind :80\n"
		 "bind :50001\n");
	risks = judge(&host);
	assert_int_equal(risks.count, 2);
	risk = find(&risks, "configured-service-in-range");
	assert_says(risk, "3 configured ports");
	assert_says(risk, "50936 haproxy (/etc/haproxy/haproxy.cfg:1)");
	assert_false(says(risk, "50002 "));
	assert_string_equal(risk->advice[0].command, "ephemports reserve add 50000-50001,50936");
	risk = find(&risks, "self-connect-possible");
	assert_string_equal(risk->advice[0].command, "ephemports reserve add 50000,50936");
	assert_says(risk, "50000,50936");
	assert_int_equal(risk->severity, RISK_INFO);
	risks_result_done(&risks);
}

static void lists_many_services_briefly(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	add_file(&host, "ports", FILE_PORTS, "40000-40099 games\n");
	port_set_add(&host.snapshot->netns[0].binds.held, 40050);
	port_set_add(&host.snapshot->netns[0].binds.held, 41000);
	risks = judge(&host);
	assert_says(find(&risks, "configured-service-in-range"),
		    "held by another socket right now: 40050; 'ephemports why bind 40050'");
	assert_says(find(&risks, "configured-service-in-range"), "100 configured ports");
	assert_says(find(&risks, "configured-service-in-range"), "and 40012-40099");
	risks_result_done(&risks);
}

static void tells_which_file_wins(void **state)
{
	struct host host = make_host();
	struct risks_result risks;
	const struct risk *risk;

	(void)state;
	add_file(&host, "/etc/sysctl.d/60-mine.conf", FILE_SYSCTL,
		 "# wide\nnet.ipv4.ip_local_port_range = 15000 65000\n");
	add_file(&host, "/etc/sysctl.d/99-other.conf", FILE_SYSCTL,
		 "net.ipv4.ip_local_port_range = 20000 60999\n");
	risks = judge(&host);
	assert_only(&risks, "sysctl-files-disagree", RISK_WARNING);
	risk = &risks.risk[0];
	assert_string_equal(risk->title,
			    "ip_local_port_range is 32768 60999 now and 20000 60999 after the next "
			    "boot: /etc/sysctl.d/99-other.conf:1 wins");
	assert_says(risk, "/etc/sysctl.d/60-mine.conf:2 says 15000 65000 (overridden)");
	assert_says(risk, "/etc/sysctl.d/99-other.conf:1 says 20000 60999 (wins)");
	assert_string_equal(risk->advice[0].command, "ephemports range set 32768-60999");
	assert_string_equal(risk->advice[1].command,
			    "sysctl -w net.ipv4.ip_local_port_range=\"20000 60999\"");
	risks_result_done(&risks);
}

/* What runs beside a file that says 8080, and the command that keeps it. */
static void keeps_reserved_ports_that_run(void **state)
{
	static const char *const commands[] = {"ephemports reserve remove 8080",
					       "ephemports reserve add 3306"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct host host = make_host();
		struct risks_result risks;

		for (unsigned port = 3306; i && port <= 8080; port += 8080 - 3306)
			port_set_add(&host.snapshot->netns[0].settings.reserved, (uint16_t)port);
		add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL,
			 "net.ipv4.ip_local_reserved_ports = 8080\n");
		risks = judge(&host);
		assert_string_equal(risks.risk[0].advice[0].command, commands[i]);
		risks_result_done(&risks);
	}
}

static void tells_files_that_differ_but_hold(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL, "net.ipv4.tcp_tw_reuse = 1\n");
	add_file(&host, "/etc/sysctl.d/2.conf", FILE_SYSCTL, "net.ipv4.tcp_tw_reuse = 2\n");
	risks = judge(&host);
	assert_only(&risks, "sysctl-files-disagree", RISK_INFO);
	risks_result_done(&risks);
	host = make_host();
	add_file(&host, "/etc/sysctl.d/2.conf", FILE_SYSCTL, "net.ipv4.tcp_tw_reuse = 2\n");
	add_file(&host, "/etc/sysctl.conf", FILE_SYSCTL_PROCPS, "net.ipv4.tcp_tw_reuse = 1\n");
	risks = judge(&host);
	assert_only(&risks, "sysctl-files-disagree", RISK_WARNING);
	assert_says(&risks.risk[0], "systemd-sysctl does not read it");
	risks_result_done(&risks);
}

static void tells_what_the_kernel_refuses(void **state)
{
	static const char *const values[] = {"65000 15000", "1023 65000", "0 60999", "x", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct host host = make_host();
		struct risks_result risks;
		char text[80];

		snprintf(text, sizeof(text), "net.ipv4.ip_local_port_range = %s\n", values[i]);
		add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL, text);
		risks = judge(&host);
		assert_only(&risks, "sysctl-files-disagree", RISK_WARNING);
		assert_says(&risks.risk[0], "the kernel refuses");
		risks_result_done(&risks);
	}
}

static void prints_no_command_for_odd_paths(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	add_file(&host, "/etc/sysctl.d/a b;rm.conf", FILE_SYSCTL, "net.ipv4.tcp_tw_reuse = 0\n");
	risks = judge(&host);
	assert_only(&risks, "sysctl-files-disagree", RISK_WARNING);
	assert_null(risks.risk[0].advice[0].command);
	risks_result_done(&risks);
}

static void finds_settings_no_file_keeps(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	host.snapshot->netns[0].settings.range.lo = 20000;
	risks = judge(&host);
	assert_only(&risks, "setting-not-persisted", RISK_INFO);
	assert_string_equal(risks.risk[0].advice[0].command, "ephemports range set 20000-60999");
	risks_result_done(&risks);
	host = make_host();
	port_set_add(&host.snapshot->netns[0].settings.reserved, 3306);
	risks = judge(&host);
	assert_only(&risks, "setting-not-persisted", RISK_INFO);
	assert_string_equal(risks.risk[0].advice[0].command, "ephemports reserve add 3306");
	risks_result_done(&risks);
}

static void finds_folklore(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	host.snapshot->netns[0].settings.fin_timeout_s = 15;
	add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL, "net.ipv4.tcp_fin_timeout = 15\n");
	risks = judge(&host);
	assert_only(&risks, "fin-timeout-folklore", RISK_INFO);
	assert_says(&risks.risk[0], "/etc/sysctl.d/1.conf:1 sets it");
	risks_result_done(&risks);
	host = make_host();
	add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL, "net.ipv4.tcp_tw_recycle = 1\n");
	risks = judge(&host);
	assert_only(&risks, "tw-recycle-folklore", RISK_INFO);
	assert_string_equal(risks.risk[0].advice[0].command, "sed -i 1d /etc/sysctl.d/1.conf");
	risks_result_done(&risks);
	host = make_host();
	host.snapshot->netns[0].settings.tw_reuse = 1;
	risks = judge(&host);
	assert_only(&risks, "tw-reuse-everywhere", RISK_INFO);
	risks_result_done(&risks);
	host = make_host();
	host.snapshot->netns[0].settings.tw_reuse = 1;
	host.snapshot->netns[0].settings.timestamps = 0;
	risks = judge(&host);
	assert_only(&risks, "tw-reuse-without-timestamps", RISK_WARNING);
	risks_result_done(&risks);
}

static void finds_ranges_that_reach_too_far(void **state)
{
	const char *range = "net.ipv4.ip_local_port_range = 15000 60999\n";
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	host.snapshot->netns[0].settings.range.lo = 80;
	host.snapshot->netns[0].settings.unprivileged_start = 80;
	add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL,
		 "net.ipv4.ip_local_port_range = 80 60999\n");
	risks = judge(&host);
	assert_only(&risks, "range-below-unprivileged", RISK_WARNING);
	risks_result_done(&risks);
	host = make_host();
	host.snapshot->netns[0].settings.range.lo = 15000;
	add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL, range);
	risks = judge(&host);
	assert_int_equal(risks.count, 0);
	risks_result_done(&risks);
	host = make_host();
	host.snapshot->netns[0].settings.range.lo = 15000;
	add_file(&host, "/etc/sysctl.d/1.conf", FILE_SYSCTL, range);
	add_file(&host, "/var/lib/kubelet/config.yaml", FILE_KUBERNETES, "a: b\n");
	risks = judge(&host);
	assert_only(&risks, "range-into-nodeports", RISK_WARNING);
	assert_says(&risks.risk[0], "any of 2 768 of them");
	assert_string_equal(risks.risk[0].advice[0].command, "ephemports range set 32768-60999");
	risks_result_done(&risks);
}

static void finds_ranges_without_ports(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct host host = make_host();
		struct settings *settings = &host.snapshot->netns[0].settings;
		struct risks_result risks;

		settings->range = (struct port_range){40000, i ? 40098 : 40099};
		if (i == 2)
			port_set_add_range(&settings->reserved, settings->range);
		risks = judge(&host);
		assert_int_equal(find(&risks, "few-usable-ports") != NULL, i == 1);
		assert_int_equal(find(&risks, "no-usable-port") != NULL, i == 2);
		risks_result_done(&risks);
	}
}

static void compares_namespaces(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	add_netns(host.snapshot);
	for (unsigned i = 0; i < 3; i++) {
		struct netns_snapshot *netns = add_netns(host.snapshot);

		snprintf(netns->name, sizeof(netns->name), "web%u", i);
		netns->settings.range.lo = 40000;
	}
	risks = judge(&host);
	assert_only(&risks, "netns-range-differs", RISK_INFO);
	assert_says(&risks.risk[0], "3 network namespaces have");
	assert_says(&risks.risk[0], "32768-60999, none reserved: this one");
	assert_says(&risks.risk[0], "40000-60999, none reserved: web0 and 2 more");
	risks_result_done(&risks);
}

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

/* No file of the host keeps what a container has. */
static void says_what_keeps_foreign_settings(void **state)
{
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	host.foreign = true;
	host.snapshot->netns[0].settings.range = (struct port_range){15000, 64999};
	risks = judge(&host);
	assert_only(&risks, "setting-not-persisted", RISK_INFO);
	assert_says(&risks.risk[0], "ip_local_port_range is 15000 64999 in this namespace");
	for (unsigned i = 0; i < risks.risk[0].n_advice; i++) {
		assert_null(risks.risk[0].advice[i].command);
		assert_null(strstr(risks.risk[0].advice[i].text, "/etc/"));
	}
	assert_non_null(strstr(risks.risk[0].advice[0].text,
			       "docker run --sysctl net.ipv4.ip_local_port_range=\"15000 64999\""));
	assert_non_null(strstr(risks.risk[0].advice[1].text, "securityContext.sysctls"));
	risks_result_done(&risks);
}

static void finds_published_ports(void **state)
{
	static const char text[] =
		"{\"nftables\": [{\"chain\": {\"family\": \"ip\", \"table\": \"nat\", \"name\": "
		"\"DOCKER\"}}, {\"rule\": "
		"{\"family\": "
		"\"ip\", \"table\": \"nat\", \"chain\": \"DOCKER\", \"handle\": 5, \"expr\": "
		"[{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"tcp\", "
		"\"field\": \"dport\"}}, \"right\": {\"range\": [32766, 32770]}}}, {\"dnat\": "
		"{\"addr\": "
		"\"172.17.0.2\", \"port\": 80}}]}}]}";
	struct host host = make_host();
	struct risks_result risks;

	(void)state;
	assert_int_equal(text_nft_read(text, strlen(text), false, &host.firewall.firewall), 0);
	host.firewall.known = true;
	port_set_add(&host.snapshot->netns[0].binds.listening, 32769);
	risks = judge(&host);
	assert_only(&risks, "firewall-claims-range", RISK_INFO);
	assert_says(&risks.risk[0], "32768,32770");
	assert_says(&risks.risk[0], "ip nat DOCKER handle 5 sends to 172.17.0.2");
	assert_string_equal(risks.risk[0].advice[0].command, "ephemports reserve add 32768,32770");
	risks_result_done(&risks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_on_a_plain_host),
		cmocka_unit_test(finds_configured_services),
		cmocka_unit_test(lists_many_services_briefly),
		cmocka_unit_test(tells_which_file_wins),
		cmocka_unit_test(keeps_reserved_ports_that_run),
		cmocka_unit_test(tells_files_that_differ_but_hold),
		cmocka_unit_test(tells_what_the_kernel_refuses),
		cmocka_unit_test(prints_no_command_for_odd_paths),
		cmocka_unit_test(finds_settings_no_file_keeps),
		cmocka_unit_test(finds_folklore),
		cmocka_unit_test(finds_ranges_that_reach_too_far),
		cmocka_unit_test(finds_ranges_without_ports),
		cmocka_unit_test(compares_namespaces),
		cmocka_unit_test(names_who_binds_before_connecting),
		cmocka_unit_test(finds_self_connected),
		cmocka_unit_test(measures_the_rate),
		cmocka_unit_test(takes_no_burst_for_a_rate),
		cmocka_unit_test(says_what_keeps_foreign_settings),
		cmocka_unit_test(finds_published_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
