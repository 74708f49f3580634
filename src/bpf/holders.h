/*
 * Which processes hold given files: the array of open files of every process is compared with a few addresses. A million
 * descriptors are a million words of memory, read in some 20 ms; /proc/PID/fd takes seconds for the same.
 *
 * Processes come and go meanwhile. A task that left the list still points onwards, but nobody points back: then the walk
 * goes on from the task before it. If that left, too, it ends (`changed`) and user space begins anew. A file seen in an
 * array that was just given up may be held no more: user space looks at each descriptor that is reported.
 */
#ifndef EPH_BPF_HOLDERS_H
#define EPH_BPF_HOLDERS_H

#define HOLDER_FILES_AT_ONCE 8u

struct holder_walk {
	struct table_holders *h;
};

static __always_inline void holder_begin(struct table_holders *h)
{
	__u64 files = FIELD(__u64, h->task, task_struct, files), table;

	h->next = h->end = 0;
	if (!files)
		return; /* of the kernel, or ending */
	table = FIELD(__u64, files, files_struct, fdt);
	h->table = FIELD(__u64, table, fdtable, fd);
	h->end = FIELD(__u32, table, fdtable, max_fds);
}

/* False at the end of the ring. */
static __always_inline bool holder_next_task(struct table_holders *h)
{
	__u64 node = h->task + OFFSET(task_struct, tasks), next = READ(__u64, node);

	if (READ(__u64, next + 8) != node) {
		node = h->before;
		next = READ(__u64, node);
		if (READ(__u64, next + 8) != node) {
			h->changed = 1;
			return false;
		}
	}
	h->before = node;
	h->task = next - OFFSET(task_struct, tasks);
	if (h->task == h->first)
		return false;
	holder_begin(h);
	return true;
}

static __always_inline bool holder_wanted(const struct table_holders *h, __u64 file)
{
	__u32 slot = (__u32)((file >> 6) * 0x9e3779b97f4a7c15ull >> 55);

	for (__u32 i = 0; i < TABLE_FILES_TRIES; i++) {
		__u64 at = h->file[(slot + i) & (TABLE_FILES - 1)];

		if (at == file)
			return true;
		if (!at)
			return false;
	}
	return false;
}

static __always_inline void holder_found(struct table_holders *h, __u64 file, __u32 descriptor)
{
	struct table_holder *to = &h->holder[h->found & (TABLE_HOLDERS - 1)];

	if (h->found++ >= TABLE_HOLDERS)
		return;
	to->file = file;
	to->pid = FIELD(__u32, h->task, task_struct, tgid);
	to->descriptor = descriptor;
}

static __always_inline void holder_files(struct table_holders *h)
{
	__u32 next = h->next, end = h->end;
	__u64 table = h->table;

	for (__u32 i = 0; i < HOLDER_FILES_AT_ONCE; i++) {
		__u64 file = next + i < end ? READ(__u64, table + (__u64)(next + i) * 8) : 0;

		if (file && holder_wanted(h, file))
			holder_found(h, file, next + i);
	}
	h->next = next + HOLDER_FILES_AT_ONCE;
}

static long holder_step(__u32 i, struct holder_walk *w)
{
	struct table_holders *h = w->h;
	bool more = true;

	bpf_rcu_read_lock();
	if (h->next < h->end)
		holder_files(h);
	else
		more = holder_next_task(h);
	bpf_rcu_read_unlock();
	return !more;
}

static __always_inline void holder_walk(struct table_holders *h)
{
	struct holder_walk w = {h};
	__u64 task = (__u64)bpf_get_current_task();

	h->first = h->task = FIELD(__u64, task, task_struct, group_leader);
	h->before = h->first + OFFSET(task_struct, tasks);
	h->found = h->changed = 0;
	holder_begin(h);
	bpf_loop(1 << 23, holder_step, &w, 0);
}

#endif
