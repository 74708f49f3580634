/*
 * Reading the connection table (ehash): chains of sockets that are freed and reused while they are read.
 *
 * Time goes into waiting for memory, so eight chains are followed in lockstep: eight loads are under way at once. What is
 * found is kept in the lane's lists until the chain has ended with its own bucket number and its head is what it was, as
 * only then no socket was skipped or seen twice; otherwise the chain is read again, a few times.
 */
#ifndef EPH_BPF_GATHER_H
#define EPH_BPF_GATHER_H

#define GATHER_TRIES 8

/* The same for all steps of a walk; what changes is at `at`. */
struct walker {
	struct table_at *at;
	struct table_lane *lane;
	struct table_nets *nets;
	struct table_groups *groups;
	struct table_records *records;
	__u64 heads;
	__u64 now_ms, now_s, jiffies;
	__u32 end, mask;
	__u32 what, hz;
	__u32 remote_family, remote_port, owners;
	__u32 port, port_netns;
	__u64 remote[2];
};

static __always_inline void chain_begin(struct walker *w, struct table_cursor *cursor, __u32 bucket)
{
	__u64 head = READ(__u64, w->heads + (__u64)bucket * 8);

	cursor->bucket = bucket;
	cursor->head = head;
	cursor->node = head;
	cursor->start = cursor->used;
}

static __always_inline bool chain_next(struct walker *w, struct table_cursor *cursor)
{
	if (cursor->used >= TABLE_BUDGET || w->at->next >= w->end)
		return false;
	cursor->tries = 0;
	chain_begin(w, cursor, w->at->next++);
	return true;
}

/* The chain has ended: is what was gathered what the bucket held? If not, begin again. */
static __always_inline void chain_end(struct walker *w, struct table_cursor *cursor)
{
	if (cursor->node >> 1 == cursor->bucket &&
	    READ(__u64, w->heads + (__u64)cursor->bucket * 8) == cursor->head)
		return;
	if (cursor->tries++ < GATHER_TRIES) {
		cursor->used = cursor->start;
		chain_begin(w, cursor, cursor->bucket);
		return;
	}
	w->at->changed++;
}

static __always_inline void chain_add(struct walker *w, struct table_cursor *cursor,
				      struct table_entry *list, __u64 next)
{
	__u32 used = cursor->used;

	if (used >= TABLE_LIST) {
		cursor->node = 1;
		w->at->changed++;
		return;
	}
	list[used & (TABLE_LIST - 1)].socket = cursor->node - OFFSET(sock_common, skc_nulls_node);
	list[used & (TABLE_LIST - 1)].bucket = cursor->bucket;
	cursor->used = used + 1;
	cursor->node = next;
	if (next & 1)
		chain_end(w, cursor);
}

/* One step of every chain. */
static long gather_step(__u32 i, struct walker *w)
{
	struct table_lane *lane = w->lane;
	__u64 next[TABLE_CURSORS], touched = 0;
	bool busy = false;

	bpf_rcu_read_lock();
#pragma clang loop unroll(full)
	for (int c = 0; c < (int)TABLE_CURSORS; c++) {
		__u64 node = lane->cursor[c].node;

		next[c] = 1;
		if (node & 1)
			continue;
		next[c] = READ(__u64, node);
		touched += READ(__u64, node - OFFSET(sock_common, skc_nulls_node));
	}
	/* Kept so that the loads are not dropped: they bring in the socket's first line. */
	lane->touched = touched;
#pragma clang loop unroll(full)
	for (int c = 0; c < (int)TABLE_CURSORS; c++) {
		struct table_cursor *cursor = &lane->cursor[c];

		if (!(cursor->node & 1))
			chain_add(w, cursor, lane->list[c], next[c]);
		if ((cursor->node & 1) && !chain_next(w, cursor))
			continue;
		busy = true;
	}
	bpf_rcu_read_unlock();
	return busy ? 0 : 1;
}

static __always_inline void lists_clear(struct table_lane *lane)
{
#pragma clang loop unroll(full)
	for (int c = 0; c < (int)TABLE_CURSORS; c++) {
		lane->cursor[c].node = 1;
		lane->cursor[c].used = 0;
	}
}

static __always_inline void gather(struct walker *w)
{
	lists_clear(w->lane);
	bpf_loop(1 << 22, gather_step, w, 0);
}

/* What entry.bucket says of a socket that was not found in the connection table. */
#define ENTRY_BIND (1ull << 62) /* and the VRF of its bucket */
#define ENTRY_UDP  (1ull << 61)

/* Keep a socket found elsewhere; false when the list is full. */
static __always_inline bool list_add(struct table_lane *lane, __u64 socket, __u64 what)
{
	__u32 used = lane->cursor[0].used;

	if (used >= TABLE_LIST)
		return false;
	lane->list[0][used & (TABLE_LIST - 1)].socket = socket;
	lane->list[0][used & (TABLE_LIST - 1)].bucket = what;
	lane->cursor[0].used = used + 1;
	return true;
}

static __always_inline bool gathered_all(const struct walker *w)
{
	return w->at->cursor >= TABLE_CURSORS;
}

/* The next gathered socket and where it was found; 0 when a list is at its end. */
static __always_inline __u64 gathered(struct walker *w, __u64 *ret_bucket)
{
	__u32 c = w->at->cursor, index = w->at->index;
	struct table_entry *entry;

	if (c >= TABLE_CURSORS)
		return 0;
	if (index >= w->lane->cursor[c].used || index >= TABLE_LIST) {
		w->at->cursor = c + 1;
		w->at->index = 0;
		return 0;
	}
	entry = &w->lane->list[c][index & (TABLE_LIST - 1)];
	w->at->index = index + 1;
	*ret_bucket = entry->bucket;
	return entry->socket;
}

#endif
