#include "status_table.h"

#include <inttypes.h>
#include <stdio.h>

#include "bar.h"
#include "names.h"
#include "number.h"
#include "paste.h"
#include "service.h"
#include "strbuf.h"
#include "table.h"

#define WIDE                 110u /* from this width on, the process of each destination has a column */
#define UNLIMITED            100u /* width of tables that no terminal limits */
#define BAR_MIN              10u
#define BAR_MERGED           24u
#define BAR_MAX              64u
#define STATUS_GROUPS_MERGED 3u /* destinations of two lines each that a screen has room for */
/* Beside them: the title, "... more", the legend, "who it is", "... more risks", the prompt. */
#define STATUS_LINES_MERGED 9u

static size_t rows_of(const struct status_view *view)
{
	return view->usage->groups < STATUS_GROUPS ? view->usage->groups : STATUS_GROUPS;
}

bool status_table_doubtful(const struct status_view *view)
{
	for (size_t i = 0; i < rows_of(view); i++)
		if (view->usage->group[i].left != view->usage->group[i].left_max)
			return true;
	return false;
}

/* The source that all shown groups have in common, or NULL. */
static const struct ip_address *common_source(const struct status_view *view)
{
	const struct ip_address *source = &view->usage->group[0].key.local;

	for (size_t i = 1; i < rows_of(view); i++)
		if (!ip_address_equal(source, &view->usage->group[i].key.local))
			return NULL;
	return source;
}

/* The table of destinations: which columns it has, and how wide its bars are. */
struct layout {
	const struct ip_address *source; /* of all, or NULL: a column */
	bool process;
	/* too narrow: source and process stand beside the destination, numbers on the next line */
	bool merged;
	size_t rows;
	unsigned bar; /* 0: no bars */
	char to[80], bar_title[BAR_MAX + 8];
};

/* "10.0.0.5:6379 redis", and what has no column of its own. */
static void add_destination(const struct status_view *view, const struct layout *layout,
			    const struct usage_group *group, struct table *table)
{
	const char *service = service_name(group->key.remote_port);
	struct strbuf cell = STRBUF_INIT;
	char text[ENDPOINT_TEXT_BYTES];

	strbuf_puts(&cell, name_endpoint(&group->key.remote, group->key.remote_port, text));
	if (service)
		strbuf_printf(&cell, " %s", service);
	if (group->key.protocol == PROTOCOL_UDP)
		strbuf_puts(&cell, " udp");
	if (layout->merged && !layout->source)
		strbuf_printf(&cell, "  from %s", ip_address_format(&group->key.local, text));
	if (layout->merged && view->several_netns)
		strbuf_printf(&cell, "  in %s", name_netns(&view->snapshot->netns[group->netns]));
	table_cell(table, cell.text);
	strbuf_done(&cell);
}

static void add_process(const struct status_view *view, const struct usage_group *group,
			struct table *table)
{
	size_t more;
	const struct process_record *process = name_process(view->snapshot, group->inode, &more);
	struct strbuf cell = STRBUF_INIT;

	if (process)
		strbuf_printf(&cell, "%s (pid %" PRId32 ")", process->command, process->pid);
	table_cell(table, cell.text);
	strbuf_done(&cell);
}

static void add_row(const struct status_view *view, const struct layout *layout,
		    const struct usage_group *group, struct table *table)
{
	struct strbuf cell = STRBUF_INIT;
	char text[IP_ADDRESS_TEXT_BYTES];

	add_destination(view, layout, group, table);
	if (!layout->source && !layout->merged)
		table_cell(table, ip_address_format(&group->key.local, text));
	if (view->several_netns && !layout->merged)
		table_cell(table, name_netns(&view->snapshot->netns[group->netns]));
	if (layout->process)
		add_process(view, group, table);
	table_cell(table, GROUPED(group->in_use));
	table_cell(table, GROUPED(group->time_wait));
	/* The bar has the rest of the truth: what is in doubt is drawn as "?". */
	strbuf_printf(&cell, "%s%s",
		      group->left == group->left_max ? "" : "<= ", GROUPED(group->left_max));
	table_cell(table, cell.text);
	if (layout->bar) {
		strbuf_clear(&cell);
		bar_add(&cell, group, view->usage->netns[group->netns].knee, layout->bar);
		table_cell(table, cell.text);
	}
	table_cell(table, number_percent(verdict_percent(group)).text);
	strbuf_done(&cell);
}

static void fill_table(const struct status_view *view, struct layout *layout, struct table *table)
{
	struct table_column column[TABLE_COLUMNS_MAX];
	unsigned n = 0;

	column[n++] = (struct table_column){layout->to, TABLE_LEFT};
	if (!layout->source && !layout->merged)
		column[n++] = (struct table_column){"from", TABLE_LEFT};
	if (view->several_netns && !layout->merged)
		column[n++] = (struct table_column){"namespace", TABLE_LEFT};
	if (layout->process)
		column[n++] = (struct table_column){"process", TABLE_LEFT};
	column[n++] = (struct table_column){"in use", TABLE_RIGHT};
	column[n++] = (struct table_column){"TIME_WAIT", TABLE_RIGHT};
	column[n++] = (struct table_column){"left", TABLE_RIGHT};
	if (layout->bar) {
		bar_title(layout->bar, layout->bar_title, sizeof(layout->bar_title));
		column[n++] = (struct table_column){layout->bar_title, TABLE_LEFT};
	}
	column[n++] = (struct table_column){"used", TABLE_RIGHT};
	table_init(table, column, n);
	for (size_t i = 0; i < layout->rows; i++)
		add_row(view, layout, &view->usage->group[i], table);
}

/* How wide the table would be without bars. */
static unsigned bare_width(const struct status_view *view, struct layout *layout)
{
	struct table table;
	unsigned width;

	fill_table(view, layout, &table);
	width = table_width(&table, 2);
	table_done(&table);
	return width;
}

/* How many destinations of two lines each fit below @above lines, with all that follows them and a prompt. */
static size_t rows_merged(const struct screen *screen, unsigned above, size_t rows)
{
	unsigned taken = above + STATUS_LINES_MERGED;

	if (!screen->height)
		return rows;
	if (rows > STATUS_GROUPS_MERGED)
		rows = STATUS_GROUPS_MERGED;
	while (rows > 1 && taken + 2 * rows > screen->height)
		rows--;
	return rows;
}

static struct layout choose_layout(const struct status_view *view, const struct screen *screen,
				   unsigned above)
{
	struct layout layout = {.source = common_source(view), .rows = rows_of(view)};
	unsigned width = screen->width ? screen->width : UNLIMITED, bare;
	char source[IP_ADDRESS_TEXT_BYTES];
	size_t more;

	for (size_t i = 0; i < layout.rows; i++)
		layout.process |= width >= WIDE &&
				  name_process(view->snapshot, view->usage->group[i].inode, &more);
	if (layout.source && layout.source->family != IP_V6)
		snprintf(layout.to, sizeof(layout.to), "to (from %s)",
			 ip_address_format(layout.source, source));
	else
		snprintf(layout.to, sizeof(layout.to), "to");
	if (layout.source && layout.source->family == IP_V6)
		layout.source = NULL;
	bare = bare_width(view, &layout);
	if (bare + BAR_FRAME + BAR_MIN > width) {
		layout.merged = true;
		layout.process = false;
		layout.rows = rows_merged(screen, above, layout.rows);
		layout.bar = BAR_MERGED;
		return layout;
	}
	layout.bar = width - bare - BAR_FRAME < BAR_MAX ? width - bare - BAR_FRAME : BAR_MAX;
	return layout;
}

/* Returns how many destinations it showed. */
static size_t add_destinations(const struct status_view *view, const struct screen *screen,
			       unsigned above, struct strbuf *out)
{
	struct layout layout = choose_layout(view, screen, above);
	struct table table;

	fill_table(view, &layout, &table);
	table_print(&table, 2, screen->width ? screen->width : UNLIMITED, out);
	table_done(&table);
	return layout.rows;
}

static void add_more(const struct status_view *view, size_t shown, struct strbuf *out)
{
	const struct usage_result *usage = view->usage;
	double most = 0;

	for (size_t i = shown; i < usage->groups; i++)
		if (verdict_percent(&usage->group[i]) > most)
			most = verdict_percent(&usage->group[i]);
	if (usage->groups > shown) {
		strbuf_printf(out, "  ... %s more, each at most %s     ephemports usage",
			      GROUPED(usage->groups - shown), number_percent(most).text);
		paste_netns(out, view->netns, view->several_netns);
		strbuf_putc(out, '\n');
	}
	strbuf_printf(out, "  # in use, + TIME_WAIT%s; beyond the knee connect() is slow\n",
		      status_table_doubtful(view) ? ", ? not visible" : "");
}

void status_table_text(const struct status_view *view, const struct screen *screen, unsigned above,
		       struct strbuf *out)
{
	add_more(view, add_destinations(view, screen, above, out), out);
}
