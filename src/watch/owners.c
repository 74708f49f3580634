#include "owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int by_unit(const void *a, const void *b, void *context)
{
	const struct process_table *processes = context;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int order = strcmp(processes->process[x].unit, processes->process[y].unit);

	return order ? order : (x > y) - (x < y);
}

static int number_units(struct owners *owners, struct process_table *processes)
{
	size_t count = processes->processes;
	uint32_t *order = malloc((count + 1) * sizeof(*order)), first = 0;

	owners->unit = calloc(count + 1, sizeof(*owners->unit));
	if (!order || !owners->unit) {
		free(order);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), by_unit, processes);
	for (uint32_t i = 0; i < count; i++) {
		const char *unit = processes->process[order[i]].unit;

		if (i == 0 || strcmp(unit, processes->process[first].unit) != 0)
			first = order[i];
		owners->unit[order[i]] = unit[0] ? first + 1 : 0;
	}
	free(order);
	return 0;
}

int owners_init(struct owners *owners, const struct process_table *processes, bool by_process)
{
	struct process_table view = *processes;

	*owners = (struct owners){.processes = processes, .by_process = by_process};
	return by_process ? 0 : number_units(owners, &view);
}

void owners_done(struct owners *owners)
{
	free(owners->unit);
	owners->unit = NULL;
}

static bool listed(const uint32_t *owners, unsigned count, uint32_t owner)
{
	for (unsigned i = 0; i < count; i++)
		if (owners[i] == owner)
			return true;
	return false;
}

unsigned owners_of(void *context, const struct socket_record *record, uint32_t *ret_owners,
		   unsigned max)
{
	const struct owners *owners = context;
	const struct process_link *link = NULL;
	size_t links = 0;
	unsigned count = 0;

	if (record->inode)
		link = process_table_find(owners->processes, record->inode, &links);
	for (size_t i = 0; link && i < links && count < max; i++) {
		uint32_t process = link[i].process, owner;

		owner = owners->by_process ? (uint32_t)owners->processes->process[process].pid
					   : owners->unit[process];
		if (!listed(ret_owners, count, owner))
			ret_owners[count++] = owner;
	}
	if (count == 0)
		ret_owners[count++] = 0;
	return count;
}

static const char *name_of(const struct owners *owners, uint32_t owner)
{
	const struct process_table *processes = owners->processes;

	if (owner == 0)
		return NULL;
	if (!owners->by_process)
		return processes->process[owner - 1].unit;
	for (size_t i = 0; i < processes->processes; i++)
		if ((uint32_t)processes->process[i].pid == owner)
			return processes->process[i].command;
	return NULL;
}

void owners_name(const struct owners *owners, struct usage_result *result)
{
	for (size_t i = 0; i < result->groups; i++)
		result->group[i].owner = name_of(owners, result->group[i].key.owner);
}
