/*
 * The collector that reads the kernel's own tables: bind buckets and their state, sockets of every kind, and groups counted
 * inside the kernel.
 */
#include "bpf_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "netns.h"
#include "rows.h"

#define BIND_BUCKETS_PER_RUN  8192u
#define BIND_OWNERS_LOOKED_AT 256u

/* HZ is no constant of the ABI; uptime in ticks against uptime in seconds tells it. Ticks start at -300 s. */
static unsigned guess_hz(uint64_t jiffies, uint64_t now_ns)
{
	static const unsigned usual[] = {100, 250, 300, 1000};
	uint64_t seconds = now_ns / 1000000000;

	for (unsigned i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		uint64_t ticks = jiffies - (uint32_t)(-300 * (int)usual[i]);
		uint64_t wanted = seconds * usual[i], slack = wanted / 10 + 5 * usual[i];

		if (ticks + slack > wanted && ticks < wanted + slack)
			return usual[i];
	}
	return 0;
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		return 1;
	return n > COLLECT_THREADS_MAX ? COLLECT_THREADS_MAX : (unsigned)n;
}

static int bpf_open(void **ret_state, struct eph_error *reterr)
{
	struct bpf_state *state = calloc(1, sizeof(*state));
	const char *variant = secure_getenv("EPHEMPORTS_BPF");
	int r;

	*ret_state = NULL;
	if (!state)
		return error_set(reterr, -ENOMEM, "bpf", "out of memory");
	r = bpf_kernel_open(&state->kernel, processors(), !variant || strcmp(variant, "probe") != 0,
			    reterr);
	if (r < 0) {
		free(state);
		return r;
	}
	*ret_state = state;
	return 0;
}

static void bpf_close(void *opaque)
{
	struct bpf_state *state = opaque;

	if (!state)
		return;
	bpf_kernel_close(&state->kernel);
	free(state->file);
	free(state->link);
	free(state);
}

static int read_info(struct bpf_state *state, const struct netns_snapshot *netns,
		     struct table_info *ret)
{
	CLEANUP(fd_closep) int udp = -1;
	int back, r = netns_enter(netns->fd, &back);

	if (r < 0)
		return r;
	*ret = (struct table_info){0};
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ret->udp_socket = (uint32_t)udp;
	r = udp < 0 ? -errno : bpf_kernel_run(&state->kernel, BPF_INFO, ret, sizeof(*ret));
	netns_leave(&back);
	return r;
}

/* False when the programs would not find it: all slots where they look are taken. */
static bool net_register(struct table_nets *nets, uint64_t net, uint32_t index)
{
	uint32_t first = (uint32_t)((net >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 57);

	for (uint32_t i = 0; i < TABLE_NETNS_TRIES; i++) {
		uint32_t slot = (first + i) % TABLE_NETNS_SLOTS;

		if (nets->net[slot])
			continue;
		nets->net[slot] = net;
		nets->index[slot] = index;
		return true;
	}
	return false;
}

static void netns_tell(struct table_netns *to, const struct netns_snapshot *netns,
		       const struct table_info *info)
{
	memset(to, 0, sizeof(*to));
	to->net = info->net;
	to->inode = info->inode;
	to->hash_mix = info->hash_mix;
	to->lo = netns->settings.range.lo;
	to->hi = netns->settings.range.hi;
	to->delay_ms = netns->settings.tw_reuse_delay_ms;
	memcpy(to->counted, netns->counted.word, sizeof(to->counted));
	memcpy(to->listening, netns->binds.listening.word, sizeof(to->listening));
}

/* Enter each namespace of the batch that begins at @first and tell the programs about it. At least one, and as many as
 * they can tell apart: the next batch begins behind. Those that are gone are flagged. Return: 0 or negative errno. */
static int batch_begin(struct bpf_batch *batch, struct bpf_state *state, struct snapshot *snapshot,
		       size_t first)
{
	struct bpf_kernel *kernel = &state->kernel;

	memset(batch, 0, sizeof(*batch));
	batch->state = state;
	batch->snapshot = snapshot;
	batch->first = first;
	batch->count = snapshot->n_netns - first;
	if (batch->count > TABLE_NETNS_MAX)
		batch->count = TABLE_NETNS_MAX;
	memset(kernel->nets, 0, sizeof(*kernel->nets));
	for (size_t i = 0; i < batch->count; i++) {
		struct netns_snapshot *netns = &snapshot->netns[first + i];
		struct table_info *info = &batch->info[i];
		int r = read_info(state, netns, info);

		if (r == -EPERM || r == -EACCES || r == -ENOMEM)
			return r;
		if (r < 0 || !info->net || !info->ehash) {
			batch->gone[i] = true;
			netns->gaps |= GAP_VANISHED;
			continue;
		}
		if (!net_register(kernel->nets, info->net, (uint32_t)i)) {
			batch->count = i; /* the next batch begins with it */
			break;
		}
		if (!netns->id)
			netns->id = info->inode;
		netns_tell(&kernel->netns[i], netns, info);
		if (!state->hz)
			state->hz = guess_hz(info->jiffies, info->now_ns);
	}
	return 0;
}

void bpf_batch_flag(struct bpf_batch *batch, uint32_t gap)
{
	for (size_t i = 0; i < batch->count; i++)
		batch->snapshot->netns[batch->first + i].gaps |= gap;
}

static struct bpf_buckets table_of(const struct table_info *info, enum bpf_table_kind kind)
{
	switch (kind) {
	case BPF_TABLE_CONNECTIONS:
		return (struct bpf_buckets){info->ehash, info->ehash_mask + 1};
	case BPF_TABLE_BINDS:
		return (struct bpf_buckets){info->bhash, info->bhash_size};
	case BPF_TABLE_LISTENERS:
		return (struct bpf_buckets){info->lhash2, info->lhash2_mask + 1};
	case BPF_TABLE_UDP:
		break;
	}
	return (struct bpf_buckets){info->udp_hash, info->udp_hash ? info->udp_mask + 1 : 0};
}

unsigned bpf_batch_tables(const struct bpf_batch *batch, enum bpf_table_kind kind,
			  struct bpf_buckets *ret)
{
	unsigned n = 0, j;

	for (size_t i = 0; i < batch->count; i++) {
		struct bpf_buckets table = table_of(&batch->info[i], kind);

		if (batch->gone[i])
			continue;
		for (j = 0; j < n && ret[j].heads != table.heads; j++)
			;
		if (j == n)
			ret[n++] = table;
	}
	return n;
}

/* binds() */

static int fill_sets(struct bpf_batch *batch, enum bpf_table_kind kind, enum bpf_program_id program)
{
	struct bpf_buckets table[TABLE_NETNS_MAX];
	unsigned n = bpf_batch_tables(batch, kind, table);

	for (unsigned i = 0; i < n; i++) {
		for (uint32_t at = 0; at < table[i].count;) {
			uint32_t left = table[i].count - at;
			struct table_walk walk = {.heads = table[i].heads,
						  .mask = table[i].count - 1,
						  .first = at,
						  .owners = BIND_OWNERS_LOOKED_AT};
			int r;

			walk.end = at + (left < BIND_BUCKETS_PER_RUN ? left : BIND_BUCKETS_PER_RUN);
			r = bpf_kernel_run(&batch->state->kernel, program, &walk, sizeof(walk));
			if (r < 0)
				return r;
			if (walk.changed)
				bpf_batch_flag(batch, GAP_CHANGED);
			at = walk.end;
		}
	}
	return 0;
}

static void set_copy(struct port_set *to, const __u64 *from)
{
	memcpy(to->word, from, sizeof(to->word));
}

static void take_sets(const struct table_netns *from, struct netns_snapshot *netns)
{
	struct bind_table *binds = &netns->binds;

	set_copy(&binds->held, from->held);
	set_copy(&binds->closed, from->closed);
	set_copy(&binds->listening, from->listening);
	set_copy(&binds->bound, from->bound);
	set_copy(&binds->udp_v4, from->udp_v4);
	set_copy(&binds->udp_v6, from->udp_v6);
	port_set_clear(&binds->maybe);
	port_set_clear(&binds->udp_v4_maybe);
	binds->hidden = 0;
	if (from->vrf)
		netns->gaps |= GAP_VRF;
}

static int binds_of_batch(struct bpf_batch *batch)
{
	struct bpf_kernel *kernel = &batch->state->kernel;
	int r;

	for (size_t i = 0; i < batch->count; i++)
		memset(kernel->netns[i].listening, 0, sizeof(kernel->netns[i].listening));
	r = fill_sets(batch, BPF_TABLE_BINDS, BPF_BIND_SETS);
	if (r == 0)
		r = fill_sets(batch, BPF_TABLE_LISTENERS, BPF_LISTEN_SETS);
	if (r == 0)
		r = fill_sets(batch, BPF_TABLE_UDP, BPF_UDP_SETS);
	for (size_t i = 0; r == 0 && i < batch->count; i++)
		if (!batch->gone[i])
			take_sets(&kernel->netns[i], &batch->snapshot->netns[batch->first + i]);
	return r;
}

static void probe_laws(struct bpf_batch *batch)
{
	struct kernel_laws *laws = &batch->snapshot->laws;
	uint32_t has = batch->info[0].laws;

	laws->bucket_reopens = has & TABLE_BUCKET_REOPENS ? LAW_YES : LAW_NO;
	laws->entry_stamp = has & TABLE_ENTRY_STAMP ? LAW_YES : LAW_NO;
	laws->window = has & TABLE_WINDOW ? LAW_YES : LAW_NO;
	laws->mapped_sees_any = has & TABLE_MAPPED_SEES_ANY ? LAW_YES : LAW_NO;
	laws->step_one = batch->state->kernel.step_one ? LAW_YES : LAW_NO;
}

static int for_batches(void *opaque, struct snapshot *snapshot, struct eph_error *reterr,
		       int (*fn)(struct bpf_batch *batch, const struct collect_request *request),
		       const struct collect_request *request)
{
	struct bpf_state *state = opaque;
	struct bpf_batch *batch = malloc(sizeof(*batch));
	int r = batch ? 0 : -ENOMEM;

	for (size_t first = 0; r == 0 && first < snapshot->n_netns; first += batch->count) {
		r = batch_begin(batch, state, snapshot, first);
		if (r == 0)
			r = fn(batch, request);
	}
	snapshot->load_us = state->kernel.load_us;
	free(batch);
	if (r < 0)
		return error_set(reterr, r, "bpf", "reading the kernel's tables: %s", strerror(-r));
	return 0;
}

static int binds_batch(struct bpf_batch *batch, const struct collect_request *request)
{
	(void)request;
	if (batch->first == 0)
		probe_laws(batch);
	return binds_of_batch(batch);
}

static int bpf_binds(void *state, struct snapshot *snapshot, struct eph_error *reterr)
{
	return for_batches(state, snapshot, reterr, binds_batch, NULL);
}

/* groups() */

struct counting {
	struct bpf_batch *batch;
	const struct collect_request *request;
};

static int count_record(void *context, struct netns_snapshot *netns,
			const struct socket_record *record)
{
	struct counting *counting = context;

	netns->sockets_read++;
	netns->time_wait += (record->flags & SOCKET_MINI) != 0;
	grouping_count(&counting->request->what, &counting->batch->snapshot->laws, netns, record);
	return 0;
}

static bool groups_again(struct bpf_batch *batch)
{
	bool again = false;

	for (size_t i = 0; i < batch->count; i++)
		again |= group_table_again(&batch->snapshot->netns[batch->first + i].groups);
	return again;
}

static int groups_init(struct bpf_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct netns_snapshot *netns = &batch->snapshot->netns[batch->first + i];
		int r;

		group_table_done(&netns->groups);
		r = group_table_init(&netns->groups, GROUP_LIMIT);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Count in the kernel if it can do that: it has no filters and no owners, and room for so many groups. */
static int groups_in_kernel(struct bpf_batch *batch, const struct collect_request *request,
			    bool *ret_counted)
{
	int r;

	*ret_counted = false;
	if (!request->what.tcp || request->what.filter || request->what.by == GROUP_BY_OWNER)
		return 0;
	r = bpf_groups_walk(batch, request);
	*ret_counted = r == 0;
	return r == -E2BIG ? 0 : r;
}

static int groups_pass(struct bpf_batch *batch, const struct collect_request *request, bool counted)
{
	struct counting counting = {batch, request};
	unsigned streams = request->what.udp ? BPF_STREAM_UDP : 0;

	for (size_t i = 0; i < batch->count; i++) {
		struct netns_snapshot *netns = &batch->snapshot->netns[batch->first + i];

		netns->sockets_read = netns->time_wait = 0;
	}
	if (counted)
		bpf_groups_merge(batch);
	else if (request->what.tcp)
		streams |= BPF_STREAM_CONNECTIONS;
	return streams ? bpf_stream(batch, request, streams, count_record, &counting) : 0;
}

static int groups_batch(struct bpf_batch *batch, const struct collect_request *request)
{
	bool counted = false;
	int r = groups_init(batch);

	if (r == 0)
		r = groups_in_kernel(batch, request, &counted);
	while (r == 0) {
		r = groups_pass(batch, request, counted);
		if (!groups_again(batch))
			break;
	}
	for (size_t i = 0; i < batch->count; i++)
		group_table_finish(&batch->snapshot->netns[batch->first + i].groups);
	return r;
}

static int bpf_groups(void *state, const struct collect_request *request, struct snapshot *snapshot,
		      struct eph_error *reterr)
{
	return for_batches(state, snapshot, reterr, groups_batch, request);
}

/* sockets() */

static int take_record(void *context, struct netns_snapshot *netns,
		       const struct socket_record *record)
{
	(void)context;
	netns->sockets_read++;
	return rows_add(netns, record);
}

static int sockets_batch(struct bpf_batch *batch, const struct collect_request *request)
{
	bool tcp = request->what.tcp || !request->what.udp,
	     udp = request->what.udp || !request->what.tcp;
	unsigned streams =
		(tcp ? BPF_STREAM_CONNECTIONS | BPF_STREAM_BINDS : 0) | (udp ? BPF_STREAM_UDP : 0);
	int r;

	for (size_t i = 0; i < batch->count; i++)
		rows_begin(&batch->snapshot->netns[batch->first + i]);
	if (request->local_port)
		return bpf_port(batch, request);
	r = bpf_stream(batch, request, streams, take_record, NULL);
	for (size_t i = 0; i < batch->count; i++)
		batch->snapshot->netns[batch->first + i].sockets_complete =
			r == 0 && tcp && udp && request->remote.family == IP_NONE &&
			!batch->gone[i];
	return r;
}

static int bpf_sockets(void *state, const struct collect_request *request,
		       struct snapshot *snapshot, struct eph_error *reterr)
{
	return for_batches(state, snapshot, reterr, sockets_batch, request);
}

const struct collector collector_bpf = {
	.name = "bpf",
	.open = bpf_open,
	.close = bpf_close,
	.binds = bpf_binds,
	.groups = bpf_groups,
	.sockets = bpf_sockets,
	.holders = bpf_holders,
};
