/* Exercises: rules/pick.c: every reason leaves out its ports and no others, ranks are drawn in their order, and on random
 * hosts a second, simple judge finds the same ports safe. */
#include "check.h"

#include <errno.h>

#include "pick.h"

static struct snapshot *make_host(void)
{
	struct snapshot *snapshot = snapshot_new();
	struct netns_snapshot *netns;

	assert_non_null(snapshot);
	netns = snapshot_add_netns(snapshot);
	assert_non_null(netns);
	netns->settings = (struct settings){
		.known = SETTING_RANGE | SETTING_RESERVED | SETTING_UNPRIVILEGED_START,
		.range = {32768, 60999},
		.unprivileged_start = 1024,
	};
	return snapshot;
}

static void add_socket(struct netns_snapshot *netns, uint8_t protocol, uint16_t port, uint8_t state)
{
	const struct socket_record record = {
		.protocol = protocol, .local_port = port, .state = state};

	assert_int_equal(socket_table_add(&netns->sockets, &record), 0);
}

static const struct pick_query both = {.tcp = true, .udp = true, .range = {1, 65535}};

static struct pick_result judge(const struct netns_snapshot *netns, const struct pick_query *query)
{
	struct pick_result result;
	uint32_t sum;

	assert_int_equal(pick_judge(netns, query, &result, NULL), 0);
	sum = result.safe;
	for (unsigned i = 0; i < PICK_REASONS; i++)
		sum += result.excluded[i];
	assert_int_equal(sum, port_range_width(query->range));
	return result;
}

/* What happens to the only port that is looked at: its reason, or PICK_REASONS when it is safe. */
static enum pick_reason reason_of(const struct netns_snapshot *netns, struct pick_query query,
				  uint16_t port)
{
	struct pick_result result;

	query.range = (struct port_range){port, port};
	result = judge(netns, &query);
	for (unsigned i = 0; i < PICK_REASONS; i++)
		if (result.excluded[i])
			return (enum pick_reason)i;
	assert_int_equal(result.safe, 1);
	return PICK_REASONS;
}

static void counts_an_empty_host(void **state)
{
	struct snapshot *snapshot = make_host();
	struct pick_result result = judge(&snapshot->netns[0], &both);

	(void)state;
	assert_int_equal(result.excluded[PICK_PRIVILEGED], 1023);
	assert_int_equal(result.excluded[PICK_EPHEMERAL], 28232);
	assert_int_equal(result.excluded[PICK_NODEPORT], 2768);
	assert_int_equal(result.safe, 65535 - 1023 - 28232 - 2768);
	assert_int_equal(result.inexact_because, 0);
	snapshot_free(snapshot);
}

static void names_each_reason(void **state)
{
	struct snapshot *snapshot = make_host();
	struct netns_snapshot *netns = &snapshot->netns[0];
	struct port_set configured = {0}, named = {0};
	struct pick_query query = both;

	(void)state;
	port_set_add(&configured, 3306);
	port_set_add(&named, 3306);
	port_set_add(&named, 5432);
	query.configured = &configured;
	query.named = &named;
	port_set_add(&netns->settings.reserved, 40000);
	port_set_add(&netns->settings.reserved, 40001);
	port_set_add(&netns->binds.held, 40001);
	port_set_add(&netns->settings.reserved, 30001);
	assert_int_equal(reason_of(netns, query, 1023), PICK_PRIVILEGED);
	assert_int_equal(reason_of(netns, query, 1024), PICK_REASONS);
	assert_int_equal(reason_of(netns, query, 3306), PICK_CONFIGURED);
	assert_int_equal(reason_of(netns, query, 5432), PICK_NAMED);
	assert_int_equal(reason_of(netns, query, 29999), PICK_REASONS);
	assert_int_equal(reason_of(netns, query, 30000), PICK_NODEPORT);
	assert_int_equal(reason_of(netns, query, 30001), PICK_NODEPORT);
	assert_int_equal(reason_of(netns, query, 32767), PICK_NODEPORT);
	assert_int_equal(reason_of(netns, query, 32768), PICK_EPHEMERAL);
	assert_int_equal(reason_of(netns, query, 40000), PICK_REASONS);
	assert_int_equal(reason_of(netns, query, 40001), PICK_IN_USE);
	assert_int_equal(reason_of(netns, query, 60999), PICK_EPHEMERAL);
	assert_int_equal(reason_of(netns, query, 61000), PICK_REASONS);
	assert_int_equal(reason_of(netns, query, 65535), PICK_REASONS);
	query.privileged = true;
	assert_int_equal(reason_of(netns, query, 1), PICK_REASONS);
	netns->settings.unprivileged_start = 2000;
	query.privileged = false;
	assert_int_equal(reason_of(netns, query, 1999), PICK_PRIVILEGED);
	assert_int_equal(reason_of(netns, query, 2000), PICK_REASONS);
	/* That nobody needs privilege does not make them anybody's. */
	netns->settings.unprivileged_start = 0;
	assert_int_equal(reason_of(netns, query, 1023), PICK_PRIVILEGED);
	snapshot_free(snapshot);
}

static void sees_every_kind_of_owner(void **state)
{
	struct snapshot *snapshot = make_host();
	struct netns_snapshot *netns = &snapshot->netns[0];
	struct pick_query only_tcp = both, only_udp = both;

	(void)state;
	only_tcp.udp = only_udp.tcp = false;
	port_set_add(&netns->binds.held, 2000);
	assert_int_equal(reason_of(netns, both, 2000), PICK_IN_USE);
	assert_int_equal(reason_of(netns, only_tcp, 2000), PICK_IN_USE);
	assert_int_equal(reason_of(netns, only_udp, 2000), PICK_REASONS);
	port_set_add(&netns->binds.udp_v6, 2100);
	add_socket(netns, PROTOCOL_UDP, 2101, STATE_CLOSE);
	for (uint16_t port = 2100; port < 2102; port++) {
		assert_int_equal(reason_of(netns, both, port), PICK_IN_USE);
		assert_int_equal(reason_of(netns, only_udp, port), PICK_IN_USE);
		assert_int_equal(reason_of(netns, only_tcp, port), PICK_REASONS);
	}
	for (unsigned i = STATE_ESTABLISHED; i < SOCKET_STATES; i++) {
		add_socket(netns, PROTOCOL_TCP, (uint16_t)(2200 + i), (uint8_t)i);
		assert_int_equal(reason_of(netns, both, (uint16_t)(2200 + i)), PICK_IN_USE);
		assert_int_equal(reason_of(netns, only_udp, (uint16_t)(2200 + i)), PICK_REASONS);
	}
	snapshot_free(snapshot);
}

static void draws_in_order_of_rank(void **state)
{
	static const enum pick_rank ranks[] = {PICK_PLAIN, PICK_PLAIN, PICK_RESERVED,
					       PICK_LAST_RESORT, PICK_LAST_RESORT};
	struct snapshot *snapshot = make_host();
	struct pick_query query = both;
	struct pick_result result;
	enum pick_rank rank;
	uint64_t seed = check_seed();

	(void)state;
	query.range = (struct port_range){29997, 30001};
	port_set_add(&snapshot->netns[0].settings.reserved, 29998);
	for (unsigned round = 0; round < 100; round++) {
		struct port_set drawn = {0};

		result = judge(&snapshot->netns[0], &query);
		assert_int_equal(result.safe, 3);
		for (unsigned i = 0; i < 5; i++) {
			uint16_t port = pick_draw(&result, check_random(&seed), &rank);

			assert_int_equal(rank, ranks[i]);
			assert_int_equal(port == 29998, rank == PICK_RESERVED);
			assert_int_equal(port >= 30000, rank == PICK_LAST_RESORT);
			assert_false(port_set_has(&drawn, port));
			port_set_add(&drawn, port);
		}
		assert_int_equal(pick_draw(&result, check_random(&seed), &rank), 0);
	}
	snapshot_free(snapshot);
}

/* Chi square over 64 ports: 6 400 draws, 63 degrees of freedom, 1 in a million beyond 134. */
static void draws_evenly(void **state)
{
	struct snapshot *snapshot = make_host();
	struct pick_query query = both;
	unsigned hits[64] = {0};
	uint64_t seed = check_seed();
	double chi = 0;

	(void)state;
	query.range = (struct port_range){20000, 20063};
	for (unsigned i = 0; i < 6400; i++) {
		struct pick_result result = judge(&snapshot->netns[0], &query);
		enum pick_rank rank;

		hits[pick_draw(&result, check_random(&seed), &rank) - 20000]++;
	}
	for (unsigned i = 0; i < 64; i++)
		chi += ((double)hits[i] - 100) * ((double)hits[i] - 100) / 100;
	assert_true(chi < 134);
	snapshot_free(snapshot);
}

static void refuses_what_it_cannot_know(void **state)
{
	struct snapshot *snapshot = make_host();
	struct netns_snapshot *netns = &snapshot->netns[0];
	struct pick_result result;

	(void)state;
	netns->sockets_port = 80;
	assert_int_equal(pick_judge(netns, &both, &result, NULL), -ENODATA);
	netns->sockets_port = 0;
	port_set_add(&netns->settings.reserved, 40000);
	netns->settings.known &= ~(uint32_t)SETTING_RESERVED;
	netns->gaps = GAP_BOUND_HIDDEN | GAP_BUCKET_STATE | GAP_TW_AGE;
	assert_int_equal(reason_of(netns, both, 40000), PICK_EPHEMERAL);
	result = judge(netns, &both);
	assert_int_equal(result.inexact_because, GAP_BOUND_HIDDEN);
	netns->settings.known = 0;
	assert_int_equal(pick_judge(netns, &both, &result, NULL), -ENODATA);
	snapshot_free(snapshot);
}

static uint16_t some_port(uint64_t *seed)
{
	return (uint16_t)(check_random(seed) % 65535 + 1);
}

static void fill(struct port_set *set, unsigned count, uint64_t *seed)
{
	while (count--)
		port_set_add(set, some_port(seed));
}

/* The same question port by port, with none of the set arithmetic. */
static bool is_safe(const struct netns_snapshot *netns, const struct pick_query *query,
		    uint16_t port)
{
	const struct settings *settings = &netns->settings;

	if (!port_range_has(query->range, port) || (port < 1024 && !query->privileged))
		return false;
	if (port_range_has(settings->range, port) && !port_set_has(&settings->reserved, port))
		return false;
	if ((query->tcp && port_set_has(&netns->binds.held, port)) ||
	    (query->udp && port_set_has(&netns->binds.udp_v6, port)))
		return false;
	return !port_set_has(query->named, port) && !port_set_has(query->configured, port) &&
	       (port < 30000 || port > 32767);
}

static void agrees_with_a_simple_judge(void **state)
{
	uint64_t seed = check_seed();

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct snapshot *snapshot = make_host();
		struct netns_snapshot *netns = &snapshot->netns[0];
		struct port_set configured = {0}, named = {0};
		struct pick_query query = {.configured = &configured, .named = &named};
		struct pick_result result;
		uint32_t safe = 0;

		query.range = (struct port_range){some_port(&seed), some_port(&seed)};
		if (query.range.lo > query.range.hi)
			query.range.hi = 65535;
		netns->settings.range = (struct port_range){some_port(&seed), 65535};
		query.tcp = check_random(&seed) & 1;
		query.udp = !query.tcp || check_random(&seed) & 1;
		query.privileged = check_random(&seed) & 1;
		fill(&netns->settings.reserved, 20000, &seed);
		fill(&netns->binds.held, 5000, &seed);
		fill(&netns->binds.udp_v6, 5000, &seed);
		fill(&configured, 100, &seed);
		fill(&named, 500, &seed);
		result = judge(netns, &query);
		for (unsigned port = 1; port <= 65535; port++) {
			bool found = port_set_has(&result.ports[PICK_PLAIN], (uint16_t)port) ||
				     port_set_has(&result.ports[PICK_RESERVED], (uint16_t)port);

			safe += found;
			if (found != is_safe(netns, &query, (uint16_t)port))
				fail_msg("round %u, port %u", round, port);
		}
		assert_int_equal(safe, result.safe);
		snapshot_free(snapshot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_an_empty_host),
		cmocka_unit_test(names_each_reason),
		cmocka_unit_test(sees_every_kind_of_owner),
		cmocka_unit_test(draws_in_order_of_rank),
		cmocka_unit_test(draws_evenly),
		cmocka_unit_test(refuses_what_it_cannot_know),
		cmocka_unit_test(agrees_with_a_simple_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
