/*
 * Rows and columns for people. Every cell is made printable. When the table is wider than the screen, a first cell that
 * does not fit stands on a line of its own above the rest of its row: nothing is cut away.
 *
 *	static const struct table_column columns[] = {{"to", TABLE_LEFT}, {"in use", TABLE_RIGHT}};
 *	struct table table;
 *	table_init(&table, columns, 2);
 *	table_cell(&table, "10.0.0.5:443");
 *	table_cell(&table, GROUPED(1915));
 *	table_print(&table, 2, 80, &out);
 *	table_done(&table);
 */
#ifndef EPH_RENDER_TABLE_H
#define EPH_RENDER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

#define TABLE_COLUMNS_MAX 12u

enum table_align {
	TABLE_LEFT,
	TABLE_RIGHT,
};

struct table_column {
	const char *title;
	enum table_align align;
};

struct table {
	struct table_column column[TABLE_COLUMNS_MAX];
	unsigned width[TABLE_COLUMNS_MAX]; /* of the widest cell */
	unsigned columns, filled;          /* filled: cells of the last row */
	size_t rows;
	struct strbuf cells; /* NUL-terminated, one behind the other */
};

void table_init(struct table *table, const struct table_column *column, unsigned columns);
void table_done(struct table *table);

/* The next cell; rows fill from left to right, one after the other. */
void table_cell(struct table *table, const char *text);

/* Cells of the widest line, were no line broken. */
unsigned table_width(const struct table *table, unsigned indent);

/* Print titles and rows, each line after @indent blanks and without trailing ones; @width 0: lines of any width. */
void table_print(const struct table *table, unsigned indent, unsigned width, struct strbuf *out);

#endif
