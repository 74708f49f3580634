/* Exercises: rules/connect_verdict.c and connect_causes.c, and the words of render/why_connect_words.c at full size:
 * which verdict and errno, in which order the kernel refuses, who is named. tests/kernel has the proof. */
#include "check.h"

#include <errno.h>

#include "connect_verdict.h"
#include "screen.h"
#include "strbuf.h"
#include "why_connect_view.h"

#define LOW  32768
#define HIGH 60999
#define ALL  28232

struct fixture {
	struct snapshot *snapshot;
	struct netns_snapshot *netns;
	struct capacity_query query;
	struct connect_facts facts;
	struct connect_result result;
};

static struct ip_address v4(uint8_t first, uint8_t last)
{
	const uint8_t bytes[] = {first, 0, 0, last};

	return ip_address_v4(bytes);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->snapshot = snapshot_new();
	f->netns = f->snapshot ? snapshot_add_netns(f->snapshot) : NULL;
	assert_non_null(f->netns);
	f->snapshot->laws = (struct kernel_laws){.step_one = LAW_YES,
						 .window = LAW_YES,
						 .bound_visible = LAW_YES,
						 .bucket_reopens = LAW_YES,
						 .entry_stamp = LAW_YES,
						 .verified = true};
	f->snapshot->has_processes = true;
	f->netns->sockets_complete = true;
	f->netns->settings = (struct settings){.known = SETTING_RANGE | SETTING_RESERVED |
							SETTING_TW_REUSE | SETTING_TIMESTAMPS,
					       .range = {LOW, HIGH},
					       .timestamps = 1};
	f->query = (struct capacity_query){.protocol = PROTOCOL_TCP,
					   .from = v4(10, 1),
					   .to = v4(10, 2),
					   .to_port = 6379,
					   .reuse_time_wait = -1};
	f->facts = (struct connect_facts){.asked = true, .source = v4(10, 1)};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	snapshot_free(f->snapshot);
	free(f);
	return 0;
}

static void add(struct fixture *f, uint8_t state, uint16_t port, uint8_t destination,
		uint32_t inode)
{
	const struct socket_record record = {
		.protocol = f->query.protocol,
		.state = state,
		.local = v4(10, 1),
		.remote = v4(10, destination),
		.local_port = port,
		.remote_port = 6379,
		.known = SOCKET_AF_INET6 | SOCKET_MINI | SOCKET_CONNECT_BOUND | SOCKET_ACCEPTED,
		.flags = state == STATE_TIME_WAIT ? SOCKET_MINI | SOCKET_CONNECT_BOUND : 0,
		.expires_ms = 60000,
		.inode = inode};

	assert_int_equal(socket_table_add(&f->netns->sockets, &record), 0);
}

static void add_process(struct fixture *f, int32_t pid, uint32_t inode, const char *command)
{
	struct process_record process = {.pid = pid};
	uint32_t index = (uint32_t)f->snapshot->processes.processes;

	memcpy(process.command, command, strlen(command));
	assert_int_equal(process_table_add(&f->snapshot->processes, &process), 0);
	assert_int_equal(process_table_link(&f->snapshot->processes, inode, index), 0);
	process_table_sort(&f->snapshot->processes);
}

static const struct connect_cause *find(const struct fixture *f, enum connect_cause_id id)
{
	for (unsigned i = 0; i < f->result.n_causes; i++)
		if (f->result.cause[i].id == id)
			return &f->result.cause[i];
	return NULL;
}

static void expect(struct fixture *f, enum connect_answer answer, int error)
{
	assert_int_equal(connect_verdict(f->snapshot, &f->query, &f->facts, &f->result, NULL), 0);
	assert_string_equal(connect_answer_name(f->result.answer), connect_answer_name(answer));
	assert_int_equal(f->result.error, error);
}

static void expect_words(struct fixture *f, const char *const *words)
{
	const struct screen screen = {0};
	struct strbuf out = STRBUF_INIT;

	why_connect_view_text(&f->result, f->snapshot, &screen, &out);
	for (; *words; words++)
		if (!strstr(out.text, *words))
			fail_msg("no '%s' in:\n%s", *words, out.text);
	strbuf_done(&out);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* redis/hiredis#58: 28 232, not 28 231, and 470 a second. */
static void test_time_wait_wall(void **state)
{
	struct fixture *f = *state;

	expect(f, CONNECT_OK, 0);
	assert_int_equal(f->result.n_causes, 0);
	for (uint32_t p = LOW; p <= HIGH; p++)
		add(f, STATE_TIME_WAIT, (uint16_t)p, 2, 0);
	expect(f, CONNECT_EXHAUSTED, EADDRNOTAVAIL);
	assert_int_equal(f->result.cause[0].id, CONNECT_TIME_WAIT);
	assert_int_equal(f->result.cause[0].ports, ALL);
	assert_null(find(f, CONNECT_NARROW_RANGE));
	expect_words(f, WORDS("28 232 of 28 232 ports (100 %) are in TIME_WAIT",
			      "at most 470 new connections/s", "keep-alive", "tcp_tw_reuse=1"));
}

/* envoyproxy/envoy#44747: 9 900 connections, 990 to each of ten destinations. */
static void test_bind_pool(void **state)
{
	struct fixture *f = *state;

	add_process(f, 4012, 77, "envoy");
	for (uint32_t i = 0; i < 9900; i++) {
		port_set_add(&f->netns->binds.closed, (uint16_t)(LOW + i));
		add(f, STATE_ESTABLISHED, (uint16_t)(LOW + i), (uint8_t)(10 + i % 10), 77);
	}
	expect(f, CONNECT_OK, 0);
	assert_int_equal(f->result.n_causes, 1);
	assert_int_equal(f->result.cause[0].id, CONNECT_BIND_POOL);
	assert_int_equal(f->result.pool.destinations, 10);
	assert_int_equal(f->result.pool.fullest_sockets, 990);
	expect_words(f, WORDS("9 900 of 28 232 ports", "per source address", "envoy (pid 4012)",
			      "IP_BIND_ADDRESS_NO_PORT", "990 ports (3.5 %)"));
	for (uint32_t p = LOW + 9900; p <= HIGH; p++)
		port_set_add(&f->netns->binds.closed, (uint16_t)p);
	expect(f, CONNECT_EXHAUSTED, EADDRNOTAVAIL);
	assert_int_equal(find(f, CONNECT_BIND_POOL)->ports, 9900);
	assert_int_equal(find(f, CONNECT_BLOCKED_OTHER)->ports, ALL - 9900);
}

static void test_udp(void **state)
{
	struct fixture *f = *state;

	f->query.protocol = PROTOCOL_UDP;
	f->netns->settings.range = (struct port_range){LOW, LOW};
	f->facts.route_error = ENETUNREACH;
	expect(f, CONNECT_NOT_EXHAUSTION, ENETUNREACH);
	add(f, STATE_ESTABLISHED, LOW, 9, 0);
	expect(f, CONNECT_EXHAUSTED, EAGAIN); /* UDP looks for the port first */
	assert_non_null(find(f, CONNECT_UDP_POOL));
	assert_non_null(find(f, CONNECT_NO_ROUTE));
	f->query.protocol = PROTOCOL_TCP;
	expect(f, CONNECT_NOT_EXHAUSTION, ENETUNREACH); /* TCP for the route */
	assert_false(f->result.has_capacity);
}

/* bind() comes before the route, and before every port. */
static void test_order(void **state)
{
	struct fixture *f = *state;

	f->facts.bind_error = EADDRNOTAVAIL;
	f->facts.route_error = ENETUNREACH;
	expect(f, CONNECT_NOT_EXHAUSTION, EADDRNOTAVAIL);
	assert_true(f->result.by_bind);
	assert_non_null(find(f, CONNECT_SOURCE_NOT_LOCAL));
	f->query.protocol = PROTOCOL_UDP;
	expect(f, CONNECT_NOT_EXHAUSTION, EADDRNOTAVAIL);
}

static void test_not_settled(void **state)
{
	struct fixture *f = *state;

	f->netns->settings.range = (struct port_range){LOW, LOW + 1};
	port_set_add(&f->netns->binds.maybe, LOW);
	port_set_add(&f->netns->binds.maybe, LOW + 1);
	expect(f, CONNECT_NOT_SETTLED, EADDRNOTAVAIL);
	assert_non_null(find(f, CONNECT_NOT_SEEN));
	assert_false(find(f, CONNECT_NOT_SEEN)->certain);
	expect_words(f, WORDS("not settled", "may fail", "for: ", "against: ", "as root"));
	assert_int_equal(why_connect_view_status(&f->result), 3);
	port_set_remove(&f->netns->binds.maybe, LOW);
	expect(f, CONNECT_OK, 0);
}

static void test_replay(void **state)
{
	struct fixture *f = *state;

	f->facts = (struct connect_facts){0};
	f->snapshot->replayed = true;
	expect(f, CONNECT_OK, 0);
	assert_non_null(find(f, CONNECT_ROUTE_UNKNOWN));
	f->query.from = (struct ip_address){0};
	f->netns->settings.range = (struct port_range){LOW, LOW};
	add(f, STATE_ESTABLISHED, LOW, 2, 0);
	expect(f, CONNECT_NOT_SETTLED, EADDRNOTAVAIL);
	expect_words(f, WORDS("leave from 10.0.0.1", "--from 10.0.0.1"));
}

static void test_network(void **state)
{
	static const struct {
		int error;
		enum connect_cause_id id;
		bool many_hosts;
	} cases[] = {
		{EHOSTUNREACH, CONNECT_NO_ROUTE, false}, {EADDRNOTAVAIL, CONNECT_NO_SOURCE, false},
		{EACCES, CONNECT_POLICY, false},         {EPERM, CONNECT_POLICY, false},
		{EINVAL, CONNECT_REFUSED, false},        {ENETUNREACH, CONNECT_MANY_HOSTS, true},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		f->facts.route_error = cases[i].error;
		f->facts.many_hosts = cases[i].many_hosts;
		expect(f, CONNECT_NOT_EXHAUSTION, cases[i].error);
		assert_int_equal(f->result.cause[0].id, cases[i].id);
		expect_words(f, WORDS("this is not exhaustion"));
		assert_int_equal(why_connect_view_status(&f->result), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_time_wait_wall, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bind_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_udp, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_network, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
