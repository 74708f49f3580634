/* Exercises: rules/host_risks*.c: each risk of settings, files, services and namespaces is found where it is, and nowhere
 * else. */
#include "made_host.h"

#include <stdio.h>

#include "text_nft.h"

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
		cmocka_unit_test(says_what_keeps_foreign_settings),
		cmocka_unit_test(finds_published_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
