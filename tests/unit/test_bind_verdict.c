/* Exercises: rules/bind_verdict.c and rules/overlap.c: the tables that were measured, and what only a snapshot can show. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#include "alloc.h"
#include "bind_verdict.h"

#define PORT 3306

/* A socket as words: "v6 ::1", with A, R, v6only, listen, tw, uid=N, dev=N in any order. */
static const char *word(const char *text, const char *what)
{
	return strstr(text, what);
}

static struct ip_address address_in(const char *text, bool *ret_af_inet6)
{
	char copy[64];
	struct ip_address address;

	*ret_af_inet6 = strncmp(text, "v6 ", 3) == 0;
	snprintf(copy, sizeof(copy), "%s", text + 3);
	copy[strcspn(copy, " ")] = '\0';
	assert_int_equal(ip_address_parse(copy, &address, NULL), 0);
	return address;
}

static struct socket_record owner_of(const char *text)
{
	struct socket_record record = {.protocol = PROTOCOL_TCP,
				       .state = STATE_BOUND,
				       .local_port = PORT,
				       .inode = 7,
				       .known = UINT16_MAX};
	bool v6;

	record.local = address_in(text, &v6);
	record.flags |= v6 ? SOCKET_AF_INET6 : 0;
	record.flags |= word(text, " A") ? SOCKET_REUSEADDR : 0;
	record.flags |= word(text, " R") ? SOCKET_REUSEPORT : 0;
	record.flags |= word(text, " v6only") ? SOCKET_V6ONLY : 0;
	record.uid = word(text, " other") ? 1000 : 0;
	record.device = word(text, " dev2") ? 2 : 0;
	if (word(text, " listen"))
		record.state = STATE_LISTEN;
	if (word(text, " udp")) {
		record.protocol = PROTOCOL_UDP;
		record.state = STATE_CLOSE;
	}
	if (word(text, " tw")) {
		record.state = STATE_TIME_WAIT;
		record.flags |= SOCKET_MINI;
		record.inode = 0;
		record.expires_ms = 41500;
	}
	return record;
}

static struct bind_query query_of(const char *text)
{
	struct bind_query query = {.protocol = word(text, " udp") ? PROTOCOL_UDP : PROTOCOL_TCP,
				   .port = PORT,
				   .address_is_local = !word(text, " foreign"),
				   .privileged = !word(text, " low"),
				   .reuseaddr = word(text, " A"),
				   .reuseport = word(text, " R"),
				   .v6only = word(text, " v6only"),
				   .uid = word(text, " other") ? 1000 : 0,
				   .device = word(text, " dev1") ? 1 : 0};

	query.address = address_in(text, &query.af_inet6);
	query.listens = query.protocol == PROTOCOL_TCP;
	if (word(text, " low"))
		query.port = 81;
	return query;
}

struct fixture {
	struct snapshot *snapshot;
	struct netns_snapshot *netns;
	struct bind_result result;
};

static void setup(struct fixture *f)
{
	f->snapshot = snapshot_new();
	assert_non_null(f->snapshot);
	f->snapshot->laws.bind_verified = true;
	f->snapshot->laws.bound_visible = LAW_YES;
	f->snapshot->laws.mapped_sees_any = LAW_YES;
	f->netns = snapshot_add_netns(f->snapshot);
	assert_non_null(f->netns);
	f->netns->settings = (struct settings){.known = SETTING_UNPRIVILEGED_START | SETTING_RANGE,
					       .range = {3000, 4000},
					       .unprivileged_start = 1024};
	f->netns->sockets_complete = true;
	f->netns->bucket[0] = (struct bind_bucket){
		.protocol = PROTOCOL_TCP, .port = PORT, .exists = true, .fastreuseport = 0};
	f->netns->bucket[1] = (struct bind_bucket){.protocol = PROTOCOL_UDP, .port = PORT};
}

static void add(struct fixture *f, const char *text)
{
	struct socket_record record = owner_of(text);

	assert_int_equal(socket_table_add(&f->netns->sockets, &record), 0);
}

static int ask(struct fixture *f, const char *text)
{
	const struct bind_query query = query_of(text);

	assert_int_equal(bind_verdict(f->netns, &f->snapshot->laws, &query, &f->result, NULL), 0);
	return f->result.error;
}

static void teardown(struct fixture *f)
{
	snapshot_free(f->snapshot);
}

static int one_against(const char *old, const char *new)
{
	struct fixture f;
	int error;

	setup(&f);
	add(&f, old);
	error = ask(&f, new);
	assert_true(f.result.exact);
	assert_int_equal(f.result.n_blockers, error == EADDRINUSE);
	teardown(&f);
	return error;
}

/* Two plain sockets: rows old, columns new. U in use, o free; the same for TCP and UDP. */
static void addresses_overlap_as_measured(void **state)
{
	static const char *const name[] = {
		"v4 0.0.0.0",   "v4 127.0.0.1",  "v4 127.0.0.2",      "v6 ::",
		"v6 :: v6only", "v6 ::1 v6only", "v6 ::ffff:0.0.0.0", "v6 ::ffff:127.0.0.1",
	};
	static const struct {
		const char *old, *columns;
	} rows[] = {
		{"v4 0.0.0.0", "UUUUooUU"},
		{"v4 127.0.0.1", "UUoUooUU"},
		{"v6 ::", "UUUUUUUU"},
		{"v6 :: v6only", "oooUUUoo"},
		{"v6 ::1 v6only", "oooUUUoo"},
		{"v6 ::ffff:0.0.0.0", "UUUUooUU"},
		{"v6 ::ffff:127.0.0.1", "UUoUooUU"},
		{"v6 ::1", "UooUUUoo"},
	};
	char old[64], new[64];

	(void)state;
	for (unsigned udp = 0; udp < 2; udp++)
		for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
			for (unsigned j = 0; j < ARRAY_SIZE(name); j++) {
				snprintf(old, sizeof(old), "%s%s", rows[i].old, udp ? " udp" : "");
				snprintf(new, sizeof(new), "%s%s", name[j], udp ? " udp" : "");
				if (one_against(old, new) !=
				    (rows[i].columns[j] == 'U' ? EADDRINUSE : 0))
					fail_msg("old %s, new %s", old, new);
			}
}

static void udp_takes_an_ipv6_address_for_127_0_0_6(void **state)
{
	(void)state;
	assert_int_equal(one_against("v6 ::1 udp", "v4 127.0.0.6 udp"), EADDRINUSE);
	assert_int_equal(one_against("v6 ::1", "v4 127.0.0.6"), 0);
}

static void options_share_as_measured(void **state)
{
	static const char *const new[] = {"v4 0.0.0.0", "v4 0.0.0.0 A", "v4 0.0.0.0 R",
					  "v4 0.0.0.0 A R"};
	static const struct {
		const char *old, *columns;
	} rows[] = {
		{"v4 127.0.0.1 listen", "UUUU"},
		{"v4 127.0.0.1 A listen", "UUUU"},
		{"v4 127.0.0.1 R listen", "UUoo"},
		{"v4 127.0.0.1 A R listen", "UUoo"},
		{"v4 127.0.0.1", "UUUU"},
		{"v4 127.0.0.1 A", "UoUo"},
		{"v4 127.0.0.1 R", "UUoo"},
		{"v4 127.0.0.1 A R", "Uooo"},
		{"v4 127.0.0.1 R other", "UUUU"},
		{"v4 127.0.0.1 R tw", "UUoo"},
		{"v4 127.0.0.1 A R other listen", "UUUU"},
		{"v4 127.0.0.1 A R other", "UoUo"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		for (unsigned j = 0; j < ARRAY_SIZE(new); j++)
			if (one_against(rows[i].old, new[j]) !=
			    (rows[i].columns[j] == 'U' ? EADDRINUSE : 0))
				fail_msg("old %s, new %s", rows[i].old, new[j]);
	assert_int_equal(one_against("v4 127.0.0.1 dev2", "v4 127.0.0.1 dev1"), 0);
}

static void remembers_the_last_reuseport(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	add(&f, "v4 127.0.0.1");
	f.netns->bucket[0].fastreuseport = 2;
	assert_int_equal(ip_address_parse("127.0.0.1", &f.netns->bucket[0].fast_address, NULL), 0);
	assert_int_equal(ask(&f, "v4 127.0.0.1 R"), 0);
	assert_true(f.result.by_fast_path && f.result.exact);
	assert_int_equal(ask(&f, "v4 127.0.0.1"), EADDRINUSE);
	assert_int_equal(ask(&f, "v4 127.0.0.1 R other"), EADDRINUSE);
	assert_int_equal(ask(&f, "v4 0.0.0.0 R"),
			 EADDRINUSE); /* only the bucket's wildcard matches */
	f.netns->bucket[0].protocol = 0;
	assert_int_equal(ask(&f, "v4 127.0.0.1 R"), EADDRINUSE);
	assert_int_equal(f.result.inexact_because, GAP_BUCKET_STATE);
	assert_int_equal(ask(&f, "v4 127.0.0.1"), EADDRINUSE);
	assert_true(f.result.exact); /* without SO_REUSEPORT the bucket does not matter */
	teardown(&f);
}

static void the_first_of_the_chain_decides_for_udp(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	add(&f, "v4 127.0.0.2 R udp"); /* newest first */
	add(&f, "v4 127.0.0.1 udp");
	assert_int_equal(ask(&f, "v4 0.0.0.0 R udp"), 0);
	teardown(&f);
	setup(&f);
	add(&f, "v4 127.0.0.1 udp");
	add(&f, "v4 127.0.0.2 R udp");
	assert_int_equal(ask(&f, "v4 0.0.0.0 R udp"), EADDRINUSE);
	teardown(&f);
	/* Options can be asked of each socket, the order cannot. */
	setup(&f);
	add(&f, "v4 127.0.0.2 R udp");
	add(&f, "v4 127.0.0.1 udp");
	f.netns->bucket[1] = (struct bind_bucket){.protocol = 0};
	f.netns->sockets.record[0].known &= (uint16_t)~SOCKET_ADDRESS_BOUND;
	f.netns->sockets.record[1].known &= (uint16_t)~SOCKET_ADDRESS_BOUND;
	assert_int_equal(ask(&f, "v4 0.0.0.0 R udp"), EADDRINUSE);
	assert_int_equal(f.result.inexact_because, GAP_ORDER);
	teardown(&f);
}

/* With a long chain the socket is compared through that of its address, where who connected comes first. */
static void an_address_has_an_order_of_its_own(void **state)
{
	static const uint32_t ranks[][2] = {{1, 2}, {2, 1}, {0, 2}};
	static const int said[] = {0, EADDRINUSE, EADDRINUSE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ranks); i++) {
		struct fixture f;

		setup(&f);
		add(&f, "v4 127.0.0.1 R udp"); /* newest first in the chain of the port */
		add(&f, "v4 127.0.0.1 udp");
		f.netns->bucket[1].chain = 11;
		f.netns->sockets.record[0].rank = ranks[i][0];
		f.netns->sockets.record[1].rank = ranks[i][1];
		assert_int_equal(ask(&f, "v4 127.0.0.1 R udp"), said[i]);
		assert_int_equal(f.result.inexact_because, ranks[i][0] ? 0 : GAP_ORDER);
		f.netns->bucket[1].chain = 10;
		assert_int_equal(ask(&f, "v4 127.0.0.1 R udp"), 0);
		assert_true(f.result.exact);
		teardown(&f);
	}
}

/* Before 6.9 it matters who made the part of the bucket for 0.0.0.0. */
static void a_mapped_address_may_overlook_the_wildcard(void **state)
{
	static const char *const owners[] = {"v6 ::ffff:0.0.0.0 listen", "v4 0.0.0.0"};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		setup(&f);
		f.snapshot->laws.mapped_sees_any = LAW_NO;
		add(&f, owners[i]);
		f.netns->bucket[0].any_v4_made_by = 6;
		assert_int_equal(ask(&f, "v6 ::ffff:127.0.0.1"), 0);
		assert_true(f.result.exact);
		assert_int_equal(ask(&f, "v4 127.0.0.1"), EADDRINUSE);
		assert_int_equal(ask(&f, "v6 ::ffff:0.0.0.0"), EADDRINUSE);
		assert_int_equal(ask(&f, "v6 ::"), EADDRINUSE);
		assert_true(f.result.exact);
		f.netns->bucket[0].any_v4_made_by = 4;
		assert_int_equal(ask(&f, "v6 ::ffff:127.0.0.1"), EADDRINUSE);
		assert_true(f.result.exact);
		f.netns->bucket[0] = (struct bind_bucket){.protocol = 0};
		assert_int_equal(ask(&f, "v6 ::ffff:127.0.0.1"), EADDRINUSE);
		assert_int_equal(f.result.inexact_because, GAP_BUCKET_STATE);
		teardown(&f);
	}
	/* An address of its own, and :: without V6ONLY, are looked at as ever. */
	setup(&f);
	f.snapshot->laws.mapped_sees_any = LAW_NO;
	f.netns->bucket[0].any_v4_made_by = 6;
	add(&f, "v6 ::");
	assert_int_equal(ask(&f, "v6 ::ffff:127.0.0.1"), EADDRINUSE);
	teardown(&f);
}

static void says_what_it_does_not_know(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	add(&f, "v4 127.0.0.1 A");
	f.netns->sockets.record[0].known = SOCKET_AF_INET6 | SOCKET_MINI | SOCKET_EXPLICIT;
	assert_int_equal(ask(&f, "v4 0.0.0.0"), EADDRINUSE);
	assert_true(f.result.exact);
	assert_int_equal(ask(&f, "v4 0.0.0.0 A"), EADDRINUSE);
	assert_int_equal(f.result.inexact_because, GAP_OPTIONS);
	assert_false(f.result.blocker[0].certain);
	assert_int_equal(ask(&f, "v4 127.0.0.2 A"), 0);
	assert_true(f.result.exact);
	f.netns->sockets.record[0].flags |= SOCKET_DEVICE_HIDDEN;
	assert_int_equal(ask(&f, "v4 0.0.0.0"), EADDRINUSE);
	assert_true(f.result.exact);
	assert_int_equal(ask(&f, "v4 0.0.0.0 dev1"), EADDRINUSE);
	assert_int_equal(f.result.inexact_because, GAP_OPTIONS);
	f.snapshot->laws.bind_verified = false;
	assert_int_equal(ask(&f, "v4 127.0.0.2 A"), 0);
	assert_int_equal(f.result.inexact_because, GAP_KERNEL);
	teardown(&f);
}

static void forbids_in_the_order_of_the_kernel(void **state)
{
	struct fixture f;
	struct bind_query query;

	(void)state;
	setup(&f);
	assert_int_equal(ask(&f, "v4 8.8.8.8 foreign low"), EADDRNOTAVAIL);
	assert_int_equal(ask(&f, "v4 127.0.0.1 low"), EACCES);
	assert_int_equal(ask(&f, "v6 2001:db8::1 foreign low"), EACCES);
	assert_int_equal(ask(&f, "v6 2001:db8::1 foreign"), EADDRNOTAVAIL);
	assert_int_equal(ask(&f, "v6 ::ffff:127.0.0.1 v6only"), EINVAL);
	assert_int_equal(ask(&f, "v6 ff02::1"), EINVAL);
	assert_int_equal(ask(&f, "v6 fe80::1"), EINVAL);
	assert_int_equal(f.result.verdict, BIND_FORBIDDEN);
	query = query_of("v4 0.0.0.0");
	query.port = 0;
	assert_int_equal(bind_verdict(f.netns, &f.snapshot->laws, &query, &f.result, NULL),
			 -EINVAL);
	query.port = 4000;
	f.netns->sockets_complete = false;
	f.netns->sockets_port = PORT;
	assert_int_equal(bind_verdict(f.netns, &f.snapshot->laws, &query, &f.result, NULL),
			 -ENODATA);
	teardown(&f);
}

static unsigned advise(struct fixture *f, const char *text, struct bind_advice *advice)
{
	const struct bind_query query = query_of(text);
	struct ip_address local;

	assert_int_equal(ip_address_parse("10.0.0.1", &local, NULL), 0);
	return bind_advise(f->netns, &f->snapshot->laws, &query, &local, 1, advice);
}

/* facts: a client took the port of a server as its source port; SO_REUSEADDR of the server does not help. */
static void promises_only_what_the_law_allows(void **state)
{
	struct bind_advice advice[BIND_ADVICE_MAX];
	struct fixture f;

	(void)state;
	setup(&f);
	add(&f, "v4 127.0.0.1");
	assert_int_equal(advise(&f, "v4 0.0.0.0", advice), 1);
	assert_int_equal(advice[0].id, BIND_ADVICE_ADDRESS);
	teardown(&f);
	setup(&f);
	add(&f, "v4 127.0.0.1 tw A");
	assert_int_equal(advise(&f, "v4 127.0.0.1", advice), 2);
	assert_int_equal(advice[0].id, BIND_ADVICE_REUSEADDR);
	assert_int_equal(advice[1].id, BIND_ADVICE_WAIT);
	assert_int_equal(advice[1].seconds, 42);
	teardown(&f);
}

static void tells_how_each_got_the_port(void **state)
{
	struct fixture f;
	struct socket_record *record;

	(void)state;
	setup(&f);
	add(&f, "v4 127.0.0.1 tw");
	add(&f, "v4 127.0.0.1");
	record = &f.netns->sockets.record[1];
	record->state = STATE_ESTABLISHED;
	record->remote = record->local;
	record->remote_port = PORT;
	add(&f, "v4 127.0.0.1 listen");
	assert_int_equal(ask(&f, "v4 0.0.0.0"), EADDRINUSE);
	assert_int_equal(f.result.n_blockers, 3);
	assert_int_equal(f.result.blocker[0].how, BIND_HOW_LISTENING);
	assert_int_equal(f.result.blocker[1].how, BIND_HOW_TIME_WAIT);
	assert_int_equal(f.result.blocker[1].seconds_left, 42);
	assert_int_equal(f.result.blocker[2].how, BIND_HOW_SELF);
	record = &f.netns->sockets.record[1];
	record->remote_port = 80;
	record->known = SOCKET_CONNECT_BOUND;
	record->flags = SOCKET_CONNECT_BOUND;
	assert_int_equal(ask(&f, "v4 0.0.0.0"), EADDRINUSE);
	assert_int_equal(f.result.blocker[2].how, BIND_HOW_OUTGOING);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_overlap_as_measured),
		cmocka_unit_test(udp_takes_an_ipv6_address_for_127_0_0_6),
		cmocka_unit_test(options_share_as_measured),
		cmocka_unit_test(remembers_the_last_reuseport),
		cmocka_unit_test(the_first_of_the_chain_decides_for_udp),
		cmocka_unit_test(a_mapped_address_may_overlook_the_wildcard),
		cmocka_unit_test(says_what_it_does_not_know),
		cmocka_unit_test(an_address_has_an_order_of_its_own),
		cmocka_unit_test(forbids_in_the_order_of_the_kernel),
		cmocka_unit_test(promises_only_what_the_law_allows),
		cmocka_unit_test(tells_how_each_got_the_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
