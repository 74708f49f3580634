/*
 * Records from the kernel, an answer at a time, as the model has them.
 */
#include <string.h>

#include "bpf_table.h"

#define CONNECTION_BUCKETS_PER_RUN 4096u
#define OTHER_BUCKETS_PER_RUN      8192u

static struct ip_address address_of(uint8_t family, const __u64 bytes[2])
{
	struct ip_address address = {.family = family};

	memcpy(address.bytes, bytes, sizeof(address.bytes));
	return address;
}

static uint8_t state_of(const struct table_record *from)
{
	if (from->flags & TABLE_MINI)
		return from->substate == STATE_FIN_WAIT2 ? STATE_FIN_WAIT2 : STATE_TIME_WAIT;
	if (from->state == STATE_CLOSE && !(from->flags & TABLE_UDP))
		return STATE_BOUND; /* only those with a port are read */
	return from->state;
}

static void flag_set(struct socket_record *to, uint16_t flag, bool set)
{
	to->known |= flag;
	if (set)
		to->flags |= flag;
}

#define LOCK_ADDRESS 4u
#define LOCK_PORT    8u
#define LOCK_CONNECT 16u

/* A child has its listener's backlog and no lock on the port; only after listen(fd, 0) it cannot be told. */
static void accepted_of(const struct table_record *from, struct socket_record *to)
{
	if (from->userlocks & (LOCK_PORT | LOCK_CONNECT))
		flag_set(to, SOCKET_ACCEPTED, false);
	else if (from->max_ack_backlog && to->state != STATE_LISTEN && to->state != STATE_BOUND)
		flag_set(to, SOCKET_ACCEPTED, true);
}

static void full_of(const struct table_record *from, const struct kernel_laws *laws,
		    struct socket_record *to)
{
	flag_set(to, SOCKET_EXPLICIT, from->userlocks & LOCK_PORT);
	flag_set(to, SOCKET_ADDRESS_BOUND, from->userlocks & LOCK_ADDRESS);
	if (to->protocol == PROTOCOL_TCP) {
		if (laws->bucket_reopens == LAW_YES)
			flag_set(to, SOCKET_CONNECT_BOUND, from->userlocks & LOCK_CONNECT);
		accepted_of(from, to);
	}
	to->window = (struct port_range){(uint16_t)from->window, (uint16_t)(from->window >> 16)};
	to->uid = from->uid;
	to->inode = from->inode;
	to->cgroup = from->cgroup;
}

static void mini_of(const struct table_record *from, const struct kernel_laws *laws,
		    struct socket_record *to)
{
	to->flags |= SOCKET_MINI;
	flag_set(to, SOCKET_TIMESTAMPS, from->flags & TABLE_TIMESTAMPS);
	if (laws->bucket_reopens == LAW_YES) {
		flag_set(to, SOCKET_CONNECT_BOUND, from->flags & TABLE_CONNECT_BIND);
		if (from->flags & TABLE_CONNECT_BIND)
			flag_set(to, SOCKET_ACCEPTED, false);
	}
	to->known |= SOCKET_AGE;
	to->age_ms = from->age_ms;
	to->ts_age_s = from->ts_age_s;
	to->expires_ms = from->expires_ms;
}

static void record_of(const struct table_record *from, const struct kernel_laws *laws,
		      struct socket_record *to)
{
	*to = (struct socket_record){
		.cookie = from->cookie,
		.local = address_of(from->local_family, from->local),
		.remote = address_of(from->remote_family, from->remote),
		.protocol = from->flags & TABLE_UDP ? PROTOCOL_UDP : PROTOCOL_TCP,
		.state = state_of(from),
		.local_port = from->local_port,
		.remote_port = from->remote_port,
		.device = from->device,
		.l3_master = from->l3_master,
		.known = SOCKET_AF_INET6 | SOCKET_MINI,
	};
	if (from->flags & TABLE_AF_INET6)
		to->flags |= SOCKET_AF_INET6;
	flag_set(to, SOCKET_V6ONLY, from->flags & TABLE_V6ONLY);
	if (from->flags & TABLE_REQUEST) {
		flag_set(to, SOCKET_ACCEPTED, true);
		return;
	}
	flag_set(to, SOCKET_REUSEADDR, from->flags & TABLE_REUSEADDR);
	flag_set(to, SOCKET_REUSEPORT, from->flags & TABLE_REUSEPORT);
	if (from->flags & TABLE_MINI)
		mini_of(from, laws, to);
	else
		full_of(from, laws, to);
}

int bpf_deliver(struct bpf_batch *batch, uint32_t records, bpf_record_fn fn, void *context)
{
	const struct table_records *from = batch->state->kernel.records;

	for (uint32_t i = 0; i < records && i < TABLE_RECORDS; i++) {
		const struct table_record *raw = &from->record[i];
		struct socket_record record;
		int r;

		if (raw->netns >= batch->count)
			continue;
		record_of(raw, &batch->snapshot->laws, &record);
		r = fn(context, &batch->snapshot->netns[batch->first + raw->netns], &record);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_table(struct bpf_batch *batch, const struct bpf_buckets *table,
		      enum bpf_program_id program, struct table_walk walk, uint32_t buckets_per_run,
		      bpf_record_fn fn, void *context)
{
	struct table_walk blank = walk;
	int r = 0;

	for (uint32_t at = 0; r == 0 && (at < table->count || (walk.what & TABLE_DRAIN));) {
		uint32_t left = table->count - at;

		walk.heads = table->heads;
		walk.mask = table->count - 1;
		walk.first = at;
		walk.end = at + (left < buckets_per_run ? left : buckets_per_run);
		walk.changed = walk.records = 0;
		r = bpf_kernel_run(&batch->state->kernel, program, &walk, sizeof(walk));
		if (r < 0)
			break;
		if (walk.changed)
			bpf_batch_flag(batch, GAP_CHANGED);
		r = bpf_deliver(batch, walk.records, fn, context);
		at = walk.next;
		/* A full answer leaves gathered sockets behind. */
		walk.what = blank.what | (walk.records >= TABLE_RECORDS ? TABLE_DRAIN : 0);
		if (!(walk.what & TABLE_DRAIN))
			walk.cursor = walk.index = 0;
	}
	return r;
}

static int read_kind(struct bpf_batch *batch, enum bpf_table_kind kind, enum bpf_program_id program,
		     const struct table_walk *walk, uint32_t buckets_per_run, bpf_record_fn fn,
		     void *context)
{
	struct bpf_buckets table[TABLE_NETNS_MAX];
	unsigned n = bpf_batch_tables(batch, kind, table);
	int r = 0;

	for (unsigned i = 0; r == 0 && i < n; i++)
		r = read_table(batch, &table[i], program, *walk, buckets_per_run, fn, context);
	return r;
}

int bpf_stream(struct bpf_batch *batch, const struct collect_request *request, unsigned streams,
	       bpf_record_fn fn, void *context)
{
	struct table_walk walk = {.hz = batch->state->hz}, all = walk;
	int r = bpf_kernel_need(
		&batch->state->kernel,
		streams & ~(unsigned)BPF_STREAM_UDP ? BPF_PART_RECORDS : BPF_PART_GROUPS, NULL);

	if (request->remote.family != IP_NONE) {
		walk.what = TABLE_REMOTE | TABLE_REMOTE_PORT;
		walk.remote_family = request->remote.family;
		walk.remote_port = request->remote_port;
		memcpy(walk.remote, request->remote.bytes, sizeof(walk.remote));
	}
	if (r == 0 && (streams & BPF_STREAM_BINDS))
		r = read_kind(batch, BPF_TABLE_BINDS, BPF_BIND_RECORDS, &walk,
			      OTHER_BUCKETS_PER_RUN, fn, context);
	if (r == 0 && (streams & BPF_STREAM_CONNECTIONS))
		r = read_kind(batch, BPF_TABLE_CONNECTIONS, BPF_CONNECTION_RECORDS, &walk,
			      CONNECTION_BUCKETS_PER_RUN, fn, context);
	if (r == 0 && (streams & BPF_STREAM_UDP))
		r = read_kind(batch, BPF_TABLE_UDP, BPF_UDP_RECORDS, &all, OTHER_BUCKETS_PER_RUN,
			      fn, context);
	return r;
}
