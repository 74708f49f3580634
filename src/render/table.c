#include "table.h"

#include <string.h>

#include "printable.h"
#include "screen.h"

#define GAP       2u
#define FIRST_MIN 12u

void table_init(struct table *table, const struct table_column *column, unsigned columns)
{
	*table =
		(struct table){.columns = columns < TABLE_COLUMNS_MAX ? columns : TABLE_COLUMNS_MAX,
			       .cells = STRBUF_INIT};
	for (unsigned i = 0; i < table->columns; i++) {
		table->column[i] = column[i];
		table->width[i] = printable_width(column[i].title);
	}
}

void table_done(struct table *table)
{
	strbuf_done(&table->cells);
}

void table_cell(struct table *table, const char *text)
{
	size_t start = table->cells.length;
	unsigned width;

	printable_puts(&table->cells, text);
	strbuf_putc(&table->cells, '\0');
	if (table->cells.failed)
		return;
	width = printable_width(table->cells.text + start);
	if (width > table->width[table->filled])
		table->width[table->filled] = width;
	if (++table->filled == table->columns) {
		table->filled = 0;
		table->rows++;
	}
}

static void pad(struct strbuf *out, unsigned cells)
{
	if (cells)
		strbuf_printf(out, "%*s", (int)cells, "");
}

static void add_cell(struct strbuf *out, const char *text, enum table_align align, unsigned width,
		     bool last)
{
	unsigned cells = printable_width(text), missing = cells < width ? width - cells : 0;

	if (align == TABLE_RIGHT)
		pad(out, missing);
	strbuf_puts(out, text);
	if (align == TABLE_LEFT && !last)
		pad(out, missing);
}

static void add_row(const struct table *table, const char *const *cell, unsigned first_width,
		    unsigned indent, unsigned width, struct strbuf *out)
{
	unsigned last = table->columns;
	bool alone = printable_width(cell[0]) > first_width;

	while (last > 1 && !*cell[last - 1])
		last--;
	pad(out, indent);
	if (alone) {
		screen_wrap(out, cell[0], indent, indent + GAP, width);
		pad(out, indent + first_width);
	} else {
		add_cell(out, cell[0], table->column[0].align, first_width, last == 1);
	}
	for (unsigned i = 1; i < last; i++) {
		pad(out, GAP);
		add_cell(out, cell[i], table->column[i].align, table->width[i], i + 1 == last);
	}
	strbuf_putc(out, '\n');
}

unsigned table_width(const struct table *table, unsigned indent)
{
	unsigned width = indent + table->width[0];

	for (unsigned i = 1; i < table->columns; i++)
		width += GAP + table->width[i];
	return width;
}

static unsigned fit_first(const struct table *table, unsigned indent, unsigned width)
{
	unsigned natural = table_width(table, indent), rest = natural - table->width[0];

	if (!width || natural <= width)
		return table->width[0];
	return width > rest + FIRST_MIN ? width - rest : FIRST_MIN;
}

void table_print(const struct table *table, unsigned indent, unsigned width, struct strbuf *out)
{
	unsigned first_width = fit_first(table, indent, width);
	const char *cell[TABLE_COLUMNS_MAX], *next = table->cells.text;

	for (unsigned i = 0; i < table->columns; i++)
		cell[i] = table->column[i].title;
	add_row(table, cell, first_width, indent, width, out);
	if (table->cells.failed)
		out->failed = true;
	for (size_t row = 0; row < table->rows && !table->cells.failed; row++) {
		for (unsigned i = 0; i < table->columns; i++) {
			cell[i] = next;
			next += strlen(next) + 1;
		}
		add_row(table, cell, first_width, indent, width, out);
	}
}
