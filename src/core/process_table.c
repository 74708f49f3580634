#include "process_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* Room for one more element in *@array. */
static bool grow(void **array, size_t count, size_t *capacity, size_t size)
{
	size_t wanted = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (count < *capacity)
		return true;
	grown = reallocarray(*array, wanted, size);
	if (!grown)
		return false;
	*array = grown;
	*capacity = wanted;
	return true;
}

int process_table_add(struct process_table *table, const struct process_record *process)
{
	void *array = table->process;

	if (!grow(&array, table->processes, &table->processes_capacity, sizeof(*process)))
		return -ENOMEM;
	table->process = array;
	table->process[table->processes++] = *process;
	return 0;
}

int process_table_link(struct process_table *table, uint32_t inode, uint32_t process)
{
	void *array = table->link;

	if (!grow(&array, table->links, &table->links_capacity, sizeof(*table->link)))
		return -ENOMEM;
	table->link = array;
	table->link[table->links++] = (struct process_link){inode, process};
	return 0;
}

static int by_inode(const void *a, const void *b)
{
	const struct process_link *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x->process < y->process ? -1 : x->process > y->process;
}

void process_table_sort(struct process_table *table)
{
	if (table->links)
		qsort(table->link, table->links, sizeof(*table->link), by_inode);
}

static int by_pid(const void *a, const void *b, void *context)
{
	const struct process_record *process = context;
	int32_t x = process[*(const uint32_t *)a].pid, y = process[*(const uint32_t *)b].pid;

	return (x > y) - (x < y);
}

int process_table_sort_all(struct process_table *table)
{
	size_t count = table->processes;
	uint32_t *order = calloc(count + 1, 2 * sizeof(*order)), *place;
	struct process_record *sorted = calloc(count + 1, sizeof(*sorted));

	if (!order || !sorted) {
		free(order);
		free(sorted);
		return -ENOMEM;
	}
	place = order + count + 1;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), by_pid, table->process);
	for (uint32_t i = 0; i < count; i++) {
		sorted[i] = table->process[order[i]];
		place[order[i]] = i;
	}
	for (size_t i = 0; i < table->links; i++)
		table->link[i].process = place[table->link[i].process];
	free(table->process);
	free(order);
	table->process = sorted;
	table->processes_capacity = count + 1;
	process_table_sort(table);
	return 0;
}

const struct process_link *process_table_find(const struct process_table *table, uint32_t inode,
					      size_t *ret_count)
{
	size_t lo = 0, hi = table->links, first;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (table->link[middle].inode < inode)
			lo = middle + 1;
		else
			hi = middle;
	}
	first = lo;
	while (lo < table->links && table->link[lo].inode == inode)
		lo++;
	*ret_count = lo - first;
	return lo > first ? &table->link[first] : NULL;
}

void process_table_done(struct process_table *table)
{
	free(table->process);
	free(table->link);
	*table = (struct process_table){0};
}
