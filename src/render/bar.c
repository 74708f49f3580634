#include "bar.h"

#include <string.h>

#include "strbuf.h"

/* Cells for @ports of @capacity: rounded up, so that one port shows, but full only when it is. */
static unsigned scale(uint32_t ports, uint32_t capacity, unsigned cells)
{
	uint64_t scaled;

	if (!capacity || ports >= capacity)
		return ports ? cells : 0;
	scaled = ((uint64_t)ports * cells + capacity - 1) / capacity;
	return scaled >= cells ? cells - 1 : (unsigned)scaled;
}

void bar_add(struct strbuf *out, const struct usage_group *group, unsigned knee, unsigned cells)
{
	uint32_t taken = group->capacity - group->left_max;
	uint32_t live = group->time_wait >= taken ? (group->in_use < taken ? group->in_use : taken)
						  : taken - group->time_wait;
	unsigned live_cells = scale(live, group->capacity, cells);
	unsigned taken_cells = scale(taken, group->capacity, cells);
	unsigned doubt_cells = scale(group->capacity - group->left, group->capacity, cells);
	unsigned knee_cell = cells / 2;

	if (group->capacity && knee <= group->capacity)
		knee_cell = (unsigned)((uint64_t)knee * cells / group->capacity);
	if (!group->capacity)
		live_cells = taken_cells = doubt_cells = cells;
	strbuf_putc(out, '|');
	for (unsigned i = 0; i < cells; i++) {
		if (i == knee_cell)
			strbuf_putc(out, '|');
		strbuf_putc(out, i < live_cells    ? '#'
				 : i < taken_cells ? '+'
				 : i < doubt_cells ? '?'
						   : ' ');
	}
	if (knee_cell >= cells)
		strbuf_putc(out, '|');
	strbuf_putc(out, '|');
}

void bar_title(unsigned cells, char *title, size_t title_bytes)
{
	unsigned width = cells + 3, middle = 1 + cells / 2;

	if (width + 1 > title_bytes || width < 12) {
		title[0] = '\0';
		return;
	}
	memset(title, ' ', width);
	title[width] = '\0';
	memcpy(title, "|0", 2);
	memcpy(title + middle - 2, "knee", 4);
	memcpy(title + width - 5, "full|", 5);
}
