/*
 * Groups counted inside the kernel: several threads walk the connection table, each counts into its own memory, and the
 * sums are put together here.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "bpf_table.h"

/* Buckets a thread takes at a time: small enough that all finish together. */
#define BUCKETS_PER_TURN 2048u

struct walk_share {
	const struct bpf_kernel *kernel;
	struct bpf_buckets table;
	uint32_t what;
	atomic_uint_fast32_t next; /* first bucket nobody has taken */
	atomic_bool changed, overflow;
	atomic_int error;
};

struct walk_thread {
	struct walk_share *share;
	pthread_t thread;
	uint32_t lane;
};

static int walk_turn(struct walk_share *share, uint32_t lane, uint32_t first)
{
	uint32_t left = share->table.count - first;
	struct table_walk walk = {.heads = share->table.heads,
				  .mask = share->table.count - 1,
				  .lane = lane,
				  .what = share->what,
				  .end = first +
					 (left < BUCKETS_PER_TURN ? left : BUCKETS_PER_TURN)};

	for (walk.next = first; walk.next < walk.end;) {
		int r;

		walk.first = walk.next;
		walk.cursor = walk.index = walk.records = walk.changed = walk.overflow = 0;
		r = bpf_kernel_run(share->kernel, BPF_COUNT_GROUPS, &walk, sizeof(walk));
		if (r < 0)
			return r;
		if (walk.changed)
			atomic_store(&share->changed, true);
		if (walk.overflow)
			atomic_store(&share->overflow, true);
	}
	return 0;
}

static void *walk_run(void *argument)
{
	struct walk_thread *thread = argument;
	struct walk_share *share = thread->share;

	while (!atomic_load(&share->overflow) && !atomic_load(&share->error)) {
		uint32_t first = (uint32_t)atomic_fetch_add(&share->next, BUCKETS_PER_TURN);
		int r;

		if (first >= share->table.count)
			break;
		r = walk_turn(share, thread->lane, first);
		if (r < 0)
			atomic_store(&share->error, r);
	}
	return NULL;
}

/* Walk one table with @threads threads, the calling one among them. */
static int walk_table(struct walk_share *share, unsigned threads)
{
	struct walk_thread thread[TABLE_LANES_MAX];
	unsigned started;

	for (started = 1; started < threads; started++) {
		thread[started] = (struct walk_thread){.share = share, .lane = started};
		if (pthread_create(&thread[started].thread, NULL, walk_run, &thread[started]) != 0)
			break;
	}
	thread[0] = (struct walk_thread){.share = share};
	walk_run(&thread[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(thread[i].thread, NULL);
	return atomic_load(&share->error);
}

static struct ip_address address_of(uint8_t family, const __u64 bytes[2])
{
	struct ip_address address = {.family = family};

	memcpy(address.bytes, bytes, sizeof(address.bytes));
	return address;
}

static void merge_group(struct bpf_batch *batch, const struct table_group *from)
{
	struct group_key key = {
		.local = address_of(from->local_family, from->local),
		.remote = address_of(from->remote_family, from->remote),
		.local_port = (uint16_t)(from->ports >> 16),
		.remote_port = (uint16_t)from->ports,
		.protocol = PROTOCOL_TCP,
	};
	struct group_counts counts = {
		.on_counted = from->on_counted,
		.tw_aged = from->tw_aged,
		.tw_aged_loopback = from->tw_aged_loopback,
		.inode = from->inode,
		.uid = from->uid,
		.cgroup = from->cgroup,
	};

	for (unsigned i = 0; i < TABLE_STATES && i < SOCKET_STATES; i++)
		counts.sockets[i] = from->sockets[i];
	if (from->netns < batch->count)
		group_table_count(&batch->snapshot->netns[batch->first + from->netns].groups, &key,
				  &counts);
}

static void take_lane_counts(struct bpf_batch *batch, unsigned lanes)
{
	const struct table_lane *lane = batch->state->kernel.lane;

	for (size_t i = 0; i < batch->count; i++) {
		struct netns_snapshot *netns = &batch->snapshot->netns[batch->first + i];

		for (unsigned j = 0; j < lanes; j++) {
			netns->sockets_read += lane[j].read[i];
			netns->time_wait += lane[j].time_wait[i];
		}
	}
}

static void lanes_clear(struct bpf_kernel *kernel, unsigned lanes)
{
	memset(kernel->groups, 0, lanes * sizeof(*kernel->groups));
	for (unsigned i = 0; i < lanes; i++) {
		memset(kernel->lane[i].read, 0, sizeof(kernel->lane[0].read));
		memset(kernel->lane[i].time_wait, 0, sizeof(kernel->lane[0].time_wait));
	}
}

static uint32_t what_of(const struct grouping *grouping)
{
	return (grouping->v4 ? TABLE_V4 : 0) | (grouping->v6 ? TABLE_V6 : 0) |
	       (grouping->by == GROUP_BY_SOURCE ? TABLE_BY_SOURCE : 0) |
	       (grouping->by == GROUP_INBOUND ? TABLE_INBOUND : 0);
}

int bpf_groups_walk(struct bpf_batch *batch, const struct collect_request *request)
{
	struct bpf_kernel *kernel = &batch->state->kernel;
	struct bpf_buckets table[TABLE_NETNS_MAX];
	unsigned n = bpf_batch_tables(batch, BPF_TABLE_CONNECTIONS, table);
	unsigned threads = request->threads && request->threads < kernel->lanes ? request->threads
										: kernel->lanes;
	bool overflow = false;
	int r = bpf_kernel_need(kernel, BPF_PART_GROUPS, NULL);

	if (r < 0)
		return r;
	lanes_clear(kernel, kernel->lanes);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		struct walk_share share = {
			.kernel = kernel, .table = table[i], .what = what_of(&request->what)};

		r = walk_table(&share, table[i].count > BUCKETS_PER_TURN ? threads : 1);
		if (atomic_load(&share.changed))
			bpf_batch_flag(batch, GAP_CHANGED);
		overflow |= atomic_load(&share.overflow);
	}
	if (r < 0)
		return r;
	return overflow ? -E2BIG : 0;
}

void bpf_groups_merge(struct bpf_batch *batch)
{
	const struct bpf_kernel *kernel = &batch->state->kernel;

	for (unsigned lane = 0; lane < kernel->lanes; lane++)
		for (unsigned i = 0; i < TABLE_GROUPS; i++)
			if (kernel->groups[lane].group[i].used)
				merge_group(batch, &kernel->groups[lane].group[i]);
	take_lane_counts(batch, kernel->lanes);
}
