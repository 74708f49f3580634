/*
 * The processes of a host that hold sockets, and which socket files they hold. Command names and container names are
 * bytes chosen by others: they are made printable where they are printed.
 */
#ifndef EPH_CORE_PROCESS_TABLE_H
#define EPH_CORE_PROCESS_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct process_record {
	int32_t pid;
	uint32_t uid;
	char command[16]; /* comm, as in /proc/PID/comm */
	char unit[64];    /* systemd unit or container, from the cgroup path; "" when none */
};

/* Socket file @inode is open in @process (index into the process array). A shared socket has several links. */
struct process_link {
	uint32_t inode;
	uint32_t process;
};

struct process_table {
	struct process_record *process; /* ascending pid */
	size_t processes, processes_capacity;
	/* sorted by inode, then process, once process_table_sort() was called */
	struct process_link *link;
	size_t links, links_capacity;
};

/* 0 or -ENOMEM */
int process_table_add(struct process_table *table, const struct process_record *process);
/* 0 or -ENOMEM */
int process_table_link(struct process_table *table, uint32_t inode, uint32_t process);
void process_table_sort(struct process_table *table);
/* The same for a table to which processes were not added by ascending pid. 0 or -ENOMEM */
int process_table_sort_all(struct process_table *table);
void process_table_done(struct process_table *table);

/* The links of @inode, how many in @ret_count; NULL when nobody has it. Valid until the table changes. */
const struct process_link *process_table_find(const struct process_table *table, uint32_t inode,
					      size_t *ret_count);

#endif
