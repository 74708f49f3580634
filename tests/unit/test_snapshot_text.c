/*
 * Exercises: core/snapshot_write.c, snapshot_read.c and snapshot_line.c: what is written is read back the same; a file
 * that is cut off anywhere is refused; a file with any byte changed never harms the reader.
 */
#include "check.h"

#include <errno.h>

#include "error.h"
#include "snapshot.h"
#include "snapshot_text.h"
#include "strbuf.h"

static int append(void *context, const char *bytes, size_t length)
{
	strbuf_add(context, bytes, length);
	return 0;
}

static int refuse(void *context, const char *bytes, size_t length)
{
	(void)context, (void)bytes, (void)length;
	return -ENOSPC;
}

static void random_text(uint64_t *random, char *text, size_t bytes)
{
	size_t length = check_random(random) % bytes;

	for (size_t i = 0; i < length; i++)
		text[i] = (char)(1 + check_random(random) % 255);
}

static void random_ports(uint64_t *random, struct port_set *set)
{
	for (uint64_t i = check_random(random) % 20; i > 0; i--)
		port_set_add(set, (uint16_t)check_random(random));
}

static struct ip_address random_address(uint64_t *random)
{
	uint8_t bytes[16];

	for (unsigned i = 0; i < 16; i++)
		bytes[i] = (uint8_t)check_random(random);
	switch (check_random(random) % 3) {
	case 0:
		return ip_address_v4(bytes);
	case 1:
		return ip_address_v6(bytes);
	default:
		return (struct ip_address){0};
	}
}

static struct socket_record random_socket(uint64_t *random)
{
	return (struct socket_record){
		.cookie = check_random(random),
		.local = random_address(random),
		.remote = random_address(random),
		.protocol = check_random(random) % 2 ? PROTOCOL_TCP : PROTOCOL_UDP,
		.state = (uint8_t)(1 + check_random(random) % (SOCKET_STATES - 1)),
		.local_port = (uint16_t)check_random(random),
		.remote_port = (uint16_t)check_random(random),
		.flags = (uint16_t)(check_random(random) & SOCKET_FLAGS),
		.known = (uint16_t)(check_random(random) & SOCKET_FLAGS),
		.window = {(uint16_t)check_random(random), (uint16_t)check_random(random)},
		.device = (uint32_t)check_random(random),
		.l3_master = (uint32_t)check_random(random),
		.uid = (uint32_t)check_random(random),
		.inode = (uint32_t)check_random(random),
		.age_ms = (uint32_t)check_random(random),
		.ts_age_s = (uint32_t)check_random(random),
		.expires_ms = (uint32_t)check_random(random),
		.cgroup = check_random(random),
		.rank = check_random(random) % 2 ? (uint32_t)check_random(random) : 0,
	};
}

static void random_settings(uint64_t *random, struct settings *settings)
{
	settings->known = (uint32_t)(check_random(random) % (SETTING_L3MDEV_ACCEPT * 2));
	if (settings->known & SETTING_RANGE)
		settings->range =
			(struct port_range){(uint16_t)(1 + check_random(random) % 30000),
					    (uint16_t)(30001 + check_random(random) % 30000)};
	if (settings->known & SETTING_RESERVED)
		random_ports(random, &settings->reserved);
	if (settings->known & SETTING_TW_REUSE)
		settings->tw_reuse = (uint32_t)(check_random(random) % 3);
	if (settings->known & SETTING_TW_REUSE_DELAY)
		settings->tw_reuse_delay_ms = (uint32_t)check_random(random);
	if (settings->known & SETTING_MAX_TW_BUCKETS)
		settings->max_tw_buckets = (uint32_t)check_random(random);
	if (settings->known & SETTING_L3MDEV_ACCEPT)
		settings->l3mdev_accept = 1;
}

/* What was read of one port, or nothing. */
static void random_buckets(uint64_t *random, struct netns_snapshot *netns)
{
	netns->sockets_port =
		check_random(random) % 2 ? (uint16_t)(1 + check_random(random) % 65535) : 0;
	for (unsigned i = 0; i < 2 && netns->sockets_port; i++) {
		if (check_random(random) % 3 == 0)
			continue;
		netns->bucket[i] = (struct bind_bucket){
			.protocol = i ? PROTOCOL_UDP : PROTOCOL_TCP,
			.port = netns->sockets_port,
			.exists = check_random(random) % 2,
			.fastreuse = (int8_t)((int)(check_random(random) % 4) - 1),
			.fastreuseport = (int8_t)((int)(check_random(random) % 4) - 1),
			.fast_uid = (uint32_t)check_random(random),
			.fast_af_inet6 = check_random(random) % 2,
			.fast_v6only = check_random(random) % 2,
			.fast_address = random_socket(random).local,
			.unlisted = (uint32_t)check_random(random),
			.chain = (uint32_t)check_random(random),
			.any_v4_made_by = (uint8_t)(check_random(random) % 3 ? 4 : 6),
		};
	}
}

static void assert_buckets_equal(const struct bind_bucket *a, const struct bind_bucket *b)
{
	assert_true(a->protocol == b->protocol && a->port == b->port && a->exists == b->exists);
	assert_true(a->fastreuse == b->fastreuse && a->fastreuseport == b->fastreuseport);
	assert_true(a->fast_uid == b->fast_uid && a->fast_af_inet6 == b->fast_af_inet6 &&
		    a->fast_v6only == b->fast_v6only);
	assert_true(ip_address_equal(&a->fast_address, &b->fast_address));
	assert_true(a->unlisted == b->unlisted && a->chain == b->chain);
	assert_int_equal(a->any_v4_made_by, b->any_v4_made_by);
}

static void random_netns(uint64_t *random, struct snapshot *snapshot)
{
	struct netns_snapshot *netns = snapshot_add_netns(snapshot);

	assert_non_null(netns);
	netns->id = check_random(random);
	random_text(random, netns->name, sizeof(netns->name));
	random_settings(random, &netns->settings);
	random_ports(random, &netns->binds.closed);
	random_ports(random, &netns->binds.maybe);
	random_ports(random, &netns->binds.listening);
	random_ports(random, &netns->binds.bound);
	random_ports(random, &netns->binds.udp_v4);
	random_ports(random, &netns->binds.udp_v4_maybe);
	random_ports(random, &netns->binds.udp_v6);
	random_ports(random, &netns->counted);
	netns->binds.hidden = (uint32_t)check_random(random);
	netns->sockets_read = check_random(random);
	netns->time_wait = check_random(random);
	netns->sockets_complete = check_random(random) % 2;
	netns->gaps = (uint32_t)(check_random(random) % (1u << GAP_COUNT));
	random_buckets(random, netns);
	for (uint64_t i = check_random(random) % 12; i > 0; i--) {
		const struct socket_record record = random_socket(random);

		assert_int_equal(socket_table_add(&netns->sockets, &record), 0);
	}
}

static struct snapshot *random_snapshot(uint64_t *random)
{
	struct snapshot *snapshot = snapshot_new();

	assert_non_null(snapshot);
	random_text(random, snapshot->host, sizeof(snapshot->host));
	random_text(random, snapshot->os, sizeof(snapshot->os));
	random_text(random, snapshot->release, sizeof(snapshot->release));
	random_text(random, snapshot->collector, sizeof(snapshot->collector));
	snapshot->taken_at_ms = (int64_t)(check_random(random) >> 1);
	snapshot->elapsed_us = check_random(random);
	snapshot->load_us = check_random(random);
	snapshot->laws =
		(struct kernel_laws){.step_one = (enum law)(check_random(random) % 3),
				     .window = (enum law)(check_random(random) % 3),
				     .bound_visible = (enum law)(check_random(random) % 3),
				     .bucket_reopens = (enum law)(check_random(random) % 3),
				     .entry_stamp = (enum law)(check_random(random) % 3),
				     .mapped_sees_any = (enum law)(check_random(random) % 3),
				     .verified = check_random(random) % 2,
				     .bind_verified = check_random(random) % 2};
	for (uint64_t i = 1 + check_random(random) % 3; i > 0; i--)
		random_netns(random, snapshot);
	snapshot->has_processes = check_random(random) % 2;
	for (unsigned i = 0; snapshot->has_processes && i < 4; i++) {
		struct process_record process = {
			.pid = (int32_t)(i * 100 + check_random(random) % 100),
			.uid = (uint32_t)check_random(random)};

		random_text(random, process.command, sizeof(process.command));
		random_text(random, process.unit, sizeof(process.unit));
		assert_int_equal(process_table_add(&snapshot->processes, &process), 0);
		assert_int_equal(
			process_table_link(&snapshot->processes, (uint32_t)check_random(random), i),
			0);
	}
	process_table_sort(&snapshot->processes);
	return snapshot;
}

static struct strbuf written(const struct snapshot *snapshot)
{
	struct strbuf text = STRBUF_INIT;

	assert_int_equal(snapshot_write(snapshot, append, &text), 0);
	return text;
}

static bool records_equal(const struct socket_record *a, const struct socket_record *b)
{
	return a->cookie == b->cookie && ip_address_equal(&a->local, &b->local) &&
	       ip_address_equal(&a->remote, &b->remote) && a->protocol == b->protocol &&
	       a->state == b->state && a->local_port == b->local_port &&
	       a->remote_port == b->remote_port && a->flags == b->flags && a->known == b->known &&
	       a->window.lo == b->window.lo && a->window.hi == b->window.hi &&
	       a->device == b->device && a->l3_master == b->l3_master && a->uid == b->uid &&
	       a->inode == b->inode && a->age_ms == b->age_ms && a->ts_age_s == b->ts_age_s &&
	       a->expires_ms == b->expires_ms && a->cgroup == b->cgroup && a->rank == b->rank;
}

static void assert_netns_equal(const struct netns_snapshot *a, const struct netns_snapshot *b)
{
	assert_true(a->id == b->id);
	assert_string_equal(a->name, b->name);
	assert_memory_equal(&a->settings, &b->settings, sizeof(a->settings));
	assert_memory_equal(&a->binds, &b->binds, sizeof(a->binds));
	assert_memory_equal(&a->counted, &b->counted, sizeof(a->counted));
	assert_true(a->sockets_read == b->sockets_read && a->time_wait == b->time_wait);
	assert_int_equal(a->sockets_complete, b->sockets_complete);
	assert_int_equal(a->gaps, b->gaps);
	assert_int_equal(a->sockets_port, b->sockets_port);
	assert_buckets_equal(&a->bucket[0], &b->bucket[0]);
	assert_buckets_equal(&a->bucket[1], &b->bucket[1]);
	assert_int_equal(a->sockets.count, b->sockets.count);
	for (size_t i = 0; i < a->sockets.count; i++)
		assert_true(records_equal(&a->sockets.record[i], &b->sockets.record[i]));
}

static void assert_snapshots_equal(const struct snapshot *a, const struct snapshot *b)
{
	assert_string_equal(a->host, b->host);
	assert_string_equal(a->os, b->os);
	assert_string_equal(a->release, b->release);
	assert_string_equal(a->collector, b->collector);
	assert_true(a->taken_at_ms == b->taken_at_ms && a->elapsed_us == b->elapsed_us &&
		    a->load_us == b->load_us);
	assert_memory_equal(&a->laws, &b->laws, offsetof(struct kernel_laws, bind_verified) + 1);
	assert_int_equal(a->n_netns, b->n_netns);
	for (size_t i = 0; i < a->n_netns; i++)
		assert_netns_equal(&a->netns[i], &b->netns[i]);
	assert_int_equal(a->has_processes, b->has_processes);
	assert_int_equal(a->processes.processes, b->processes.processes);
	assert_int_equal(a->processes.links, b->processes.links);
	if (a->processes.processes) {
		assert_memory_equal(a->processes.process, b->processes.process,
				    a->processes.processes * sizeof(*a->processes.process));
		assert_memory_equal(a->processes.link, b->processes.link,
				    a->processes.links * sizeof(*a->processes.link));
	}
}

static void comes_back_the_same(void **state)
{
	uint64_t random = check_seed();

	(void)state;
	for (unsigned round = 0; round < 300; round++) {
		struct snapshot *before = random_snapshot(&random), *after = NULL;
		struct eph_error error = {0};
		struct strbuf text = written(before);

		if (snapshot_read(text.text, text.length, &after, &error) < 0)
			fail_msg("refused: %s", error.message);
		assert_true(after->replayed);
		assert_snapshots_equal(before, after);
		snapshot_free(before);
		snapshot_free(after);
		strbuf_done(&text);
	}
}

static void refuses_a_file_cut_off_anywhere(void **state)
{
	uint64_t random = check_seed();
	struct snapshot *before = random_snapshot(&random), *after = NULL;
	struct strbuf text = written(before);

	(void)state;
	for (size_t length = 0; length < text.length; length++) {
		char *copy =
			malloc(length +
			       1); /* its own block: a byte read too far is seen by the sanitizer */
		struct eph_error error = {0};

		assert_non_null(copy);
		memcpy(copy, text.text, length);
		assert_int_equal(snapshot_read(copy, length, &after, &error), -EINVAL);
		assert_true(error.message[0]);
		free(copy);
	}
	snapshot_free(before);
	strbuf_done(&text);
}

static void survives_changed_bytes(void **state)
{
	uint64_t random = check_seed();
	unsigned refused = 0;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		struct snapshot *before = random_snapshot(&random);
		struct strbuf text = written(before);

		for (unsigned flip = 0; flip < 200; flip++) {
			size_t at = check_random(&random) % text.length;
			char old = text.text[at];
			struct snapshot *after = NULL;

			text.text[at] = (char)check_random(&random);
			refused += snapshot_read(text.text, text.length, &after, NULL) < 0;
			snapshot_free(after);
			text.text[at] = old;
		}
		snapshot_free(before);
		strbuf_done(&text);
	}
	assert_true(refused > 100);
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int r;
		long line;
	} cases[] = {
		{"", -EINVAL, 0},
		{"\n", -EINVAL, 1},
		{"hello\n", -EINVAL, 1},
		{"ephemports-snapshot 2\nend 1\n", -EPROTONOSUPPORT, 1},
		{"ephemports-snapshot 1\nend 1\n", -EINVAL, 2},
		{"ephemports-snapshot 1\nnetns 1 -\nend 3\n", -EINVAL, 3},
		{"ephemports-snapshot 1\nnetns 1 -\nend 2\nhost a\n", -EINVAL, 4},
		{"ephemports-snapshot 1\nsetting tcp_tw_reuse 1\nend 2\n", -EINVAL, 2},
		{"ephemports-snapshot 1\nnetns 1 -\nsetting tcp_tw_reuse 1\nsetting tcp_tw_reuse "
		 "2\nend 4\n",
		 -EINVAL, 4},
		{"ephemports-snapshot 1\nhost a\nhost b\nnetns 1 -\nend 4\n", -EINVAL, 3},
		{"ephemports-snapshot 1\nhost a%2\nnetns 1 -\nend 3\n", -EINVAL, 2},
		{"ephemports-snapshot 1\nhost a%00\nnetns 1 -\nend 3\n", -EINVAL, 2},
		{"ephemports-snapshot 1\nos aaaaaaaaaaaaaaaaa\nnetns 1 -\nend 3\n", -EINVAL, 2},
		{"ephemports-snapshot 1\nnetns 1 -\nlink 5 0\nend 3\n", -EINVAL, 3},
		{"ephemports-snapshot 1\nnetns 99999999999999999999 -\nend 2\n", -EINVAL, 2},
		{"ephemports-snapshot 1\nnetns 1 -\nsetting ip_local_port_range 5 4\nend 3\n",
		 -EINVAL, 3},
		{"ephemports-snapshot 1\nnetns 1 -\nunheard of\nend 3\n", -EINVAL, 3},
		{"ephemports-snapshot 1\nnetns 1 - a a a a a a a a a a a a a a a a a a a a a a a a "
		 "a\nend 2\n",
		 -EINVAL, 2},
	};
	struct snapshot *snapshot = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct eph_error error = {0};

		assert_int_equal(
			snapshot_read(cases[i].text, strlen(cases[i].text), &snapshot, &error),
			cases[i].r);
		assert_int_equal(error.offset, cases[i].line);
	}
	assert_null(snapshot);
}

static void hands_on_the_error_of_its_writer(void **state)
{
	uint64_t random = 1;
	struct snapshot *snapshot = random_snapshot(&random);

	(void)state;
	assert_int_equal(snapshot_write(snapshot, refuse, NULL), -ENOSPC);
	snapshot_free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_the_same),
		cmocka_unit_test(refuses_a_file_cut_off_anywhere),
		cmocka_unit_test(survives_changed_bytes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(hands_on_the_error_of_its_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
