/*
 * Sockets counted by who holds them: a process, or a container or service. The numbers in group keys, and their names.
 */
#ifndef EPH_WATCH_OWNERS_H
#define EPH_WATCH_OWNERS_H

#include <stdbool.h>

#include "grouping.h"
#include "process_table.h"
#include "usage_result.h"

struct owners {
	const struct process_table *processes;
	bool by_process; /* else by unit */
	uint32_t *
		/* of each process: index + 1 of the first one with the same unit, 0 without; NULL by process */
		unit;
};

/* Return: 0 or -ENOMEM. @processes is sorted and outlives the owners. */
int owners_init(struct owners *owners, const struct process_table *processes, bool by_process);
void owners_done(struct owners *owners);

/* grouping.owner: pids, or unit numbers; 0 for a socket that no process has open (TIME_WAIT, orphan). */
unsigned owners_of(void *context, const struct socket_record *record, uint32_t *ret_owners,
		   unsigned max);

/* Fill usage_group.owner; the names are the process table's. */
void owners_name(const struct owners *owners, struct usage_result *result);

#endif
