/*
 * Who holds which socket: /proc/PID/fd of all processes that may be read.
 */
#ifndef EPH_COLLECT_PROCESS_H
#define EPH_COLLECT_PROCESS_H

#include <stdbool.h>

#include "process_table.h"

struct eph_error;

/* Fill @table (sorted). *@ret_unreadable counts processes that may not be looked into. Return: 0 or negative errno. */
int process_read(struct process_table *table, unsigned *ret_unreadable, struct eph_error *reterr);

/**
 * process_find() - who holds these few socket files
 * Processes with few open files are looked into first. Once every file was found, those that are left are looked into
 * only as long as that is quick: *@ret_whole tells whether all were, so that nobody who shares one is missed.
 * Fill @table (sorted). Return: 0 or negative errno.
 */
int process_find(struct process_table *table, const uint32_t *inode, size_t count, bool *ret_whole,
		 struct eph_error *reterr);

/* Is @descriptor of the process that socket file? True, too, where only that may not be looked at. */
bool process_has_socket(int32_t pid, uint32_t descriptor, uint32_t inode);

/* Hand every socket that the process has open to @each, until it returns negative. Return: that; 0; -EACCES when the process
 * may not be looked into. One that has ended has none. */
int process_each_socket(int32_t pid,
			int (*each)(void *context, uint32_t descriptor, uint32_t inode),
			void *context);

/* What is known of one process: pid, uid, command, unit. What cannot be read stays empty ("?" for the command). */
void process_describe(int32_t pid, struct process_record *ret);

#endif
