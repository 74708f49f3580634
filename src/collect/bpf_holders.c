/*
 * Who holds the sockets of one port: the kernel's own arrays of open files are searched, and what is found there is looked
 * at again through /proc.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bpf_table.h"
#include "process.h"

#define HOLDER_TRIES 16u /* processes come and go while their list is read */

static uint32_t slot_of(uint64_t file)
{
	return (uint32_t)((file >> 6) * UINT64_C(0x9e3779b97f4a7c15) >> 55);
}

/* False when the program would not find it. */
static bool put_file(struct table_holders *holders, uint64_t file)
{
	for (uint32_t i = 0; i < TABLE_FILES_TRIES; i++) {
		__u64 *at = &holders->file[(slot_of(file) + i) & (TABLE_FILES - 1)];

		if (*at && *at != file)
			continue;
		*at = file;
		return true;
	}
	return false;
}

static bool is_among(const uint32_t *inode, size_t count, uint32_t wanted)
{
	for (size_t i = 0; i < count; i++)
		if (inode[i] == wanted)
			return true;
	return false;
}

/* Return: 0, or 1 when one is left out. */
static int put_files(const struct bpf_state *state, struct table_holders *holders,
		     const uint32_t *inode, size_t count)
{
	int left_out = 0;

	memset(holders->file, 0, sizeof(holders->file));
	for (size_t i = 0; i < state->files; i++)
		if (is_among(inode, count, state->file[i].inode) &&
		    !put_file(holders, state->file[i].file))
			left_out = 1;
	return left_out;
}

static uint32_t inode_of(const struct bpf_state *state, uint64_t file)
{
	for (size_t i = 0; i < state->files; i++)
		if (state->file[i].file == file)
			return state->file[i].inode;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct table_holder *x = a, *y = b;

	return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1)
				: (x->file > y->file) - (x->file < y->file);
}

static int take_holder(const struct bpf_state *state, const struct table_holder *holder,
		       struct process_table *table)
{
	uint32_t inode = inode_of(state, holder->file);
	struct process_record process;
	int r = 0;

	if (!process_has_socket((int32_t)holder->pid, holder->descriptor, inode))
		return 0;
	if (!table->processes || table->process[table->processes - 1].pid != (int32_t)holder->pid) {
		process_describe((int32_t)holder->pid, &process);
		r = process_table_add(table, &process);
	}
	return r < 0 ? r : process_table_link(table, inode, (uint32_t)(table->processes - 1));
}

static int take_holders(const struct bpf_state *state, uint32_t found, struct process_table *table)
{
	struct table_holder *holder = state->kernel.holders->holder;
	int r = 0;

	qsort(holder, found, sizeof(*holder), by_pid);
	for (uint32_t i = 0; r == 0 && i < found; i++)
		if (i == 0 || by_pid(&holder[i - 1], &holder[i]) != 0)
			r = take_holder(state, &holder[i], table);
	process_table_sort(table);
	if (r == 0 && found && !table->links)
		r = -ESRCH; /* numbers of another pid namespace, or of processes that ended */
	return r;
}

static int walk(struct bpf_state *state)
{
	struct table_walk walk = {.heads = 0};

	for (unsigned try = 0; try < HOLDER_TRIES; try++) {
		int r = bpf_kernel_run(&state->kernel, BPF_FILE_HOLDERS, &walk, sizeof(walk));

		if (r < 0 || !state->kernel.holders->changed)
			return r;
	}
	return -EAGAIN;
}

int bpf_holders(void *opaque, const uint32_t *inode, size_t count, struct snapshot *snapshot)
{
	struct bpf_state *state = opaque;
	int r = bpf_kernel_need(&state->kernel, BPF_PART_HOLDERS, NULL), left_out;
	uint32_t found;

	snapshot->load_us = state->kernel.load_us;
	if (r < 0)
		return r;
	left_out = put_files(state, state->kernel.holders, inode, count);
	r = walk(state);
	if (r < 0)
		return r;
	found = state->kernel.holders->found;
	if (found > TABLE_HOLDERS) {
		found = TABLE_HOLDERS;
		left_out = 1;
	}
	r = take_holders(state, found, &snapshot->processes);
	return r < 0 ? r : left_out;
}
