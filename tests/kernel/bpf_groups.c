/* Groups counted in the kernel, against grouping_count() over records of the same sockets. */
#include "bpf_bench.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct group *group_like(const struct group_table *table, const struct group_key *key)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (memcmp(&table->slot[i].key, key, sizeof(*key)) == 0)
			return &table->slot[i];
	return NULL;
}

static void same_counts(const struct group_counts *a, const struct group_counts *b)
{
	CHECK(memcmp(a->sockets, b->sockets, sizeof(a->sockets)) == 0);
	CHECK(a->on_counted == b->on_counted && a->tw_aged == b->tw_aged);
	CHECK(a->tw_aged_loopback == b->tw_aged_loopback && a->tw_unknown == b->tw_unknown);
	CHECK(!a->inode == !b->inode && (!a->inode || a->uid == b->uid));
}

/* The same sockets counted in the kernel, and one by one from their records. */
static void compare_groups(enum group_by by, bool v4, bool v6, unsigned threads)
{
	struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = v4, .v6 = v6, .by = by},
		.threads = threads};
	struct snapshot *counted = bpf_bench_begin(), *streamed = bpf_bench_read();
	struct netns_snapshot *netns = &streamed->netns[0];

	CHECK(collector_bpf.groups(bpf_bench, &request, counted, NULL) == 0);
	CHECK(group_table_init(&netns->groups, GROUP_LIMIT) == 0);
	do
		for (size_t i = 0; i < netns->sockets.count; i++)
			grouping_count(&request.what, &streamed->laws, netns,
				       &netns->sockets.record[i]);
	while (group_table_again(&netns->groups));
	group_table_finish(&netns->groups);
	CHECK(netns->groups.count > 0 && netns->groups.count == counted->netns[0].groups.count);
	for (uint32_t i = 0; i < netns->groups.count; i++) {
		const struct group *mine = &netns->groups.slot[i];
		const struct group *other = group_like(&counted->netns[0].groups, &mine->key);

		CHECK(other);
		same_counts(&mine->counts, &other->counts);
	}
	snapshot_free(counted);
	snapshot_free(streamed);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void bpf_bench_test_groups(void)
{
	static const char *const to[] = {"127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"};
	int server = bpf_bench_listen(AF_INET6, "::", 2020),
	    inside = bpf_bench_listen(AF_INET, "127.0.0.1", 40500);
	int fd[96], child[96];

	for (int i = 0; i < 96; i++) {
		int family = i % 4 < 2 ? AF_INET : AF_INET6;

		fd[i] = bpf_bench_socket(family, SOCK_STREAM);
		if (i % 8 == 0)
			bpf_bench_bind(fd[i], AF_INET, "127.0.0.3", 0);
		if (i % 8 == 1)
			bpf_bench_bind(fd[i], AF_INET, "127.0.0.1", (uint16_t)(41000 + i));
		bpf_bench_connect(fd[i], family, i % 4 == 0 && i > 48 ? "127.0.0.1" : to[i % 4],
				  i % 4 == 0 && i > 48 ? 40500 : 2020);
		child[i] = bpf_bench_accept(i % 4 == 0 && i > 48 ? inside : server);
	}
	for (int i = 0; i < 96; i += 5) { /* TIME_WAIT of the client, of the child, and FIN_WAIT2 */
		shut(i % 2 ? &fd[i] : &child[i]);
		if (i % 3)
			shut(i % 2 ? &child[i] : &fd[i]);
	}
	usleep(1300000); /* all older than tcp_tw_reuse_delay */
	close(inside);   /* its children stay, told by their backlog alone */
	for (enum group_by by = GROUP_BY_DESTINATION; by <= GROUP_INBOUND; by++) {
		if (by == GROUP_BY_OWNER)
			continue;
		compare_groups(by, true, true, 0);
		compare_groups(by, true, false, 1);
		compare_groups(by, false, true, 1);
	}
	close(server);
	for (int i = 0; i < 96; i++) {
		shut(&fd[i]);
		shut(&child[i]);
	}
}
