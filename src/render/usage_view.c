#include "usage_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "number.h"
#include "service.h"
#include "strbuf.h"
#include "table.h"
#include "verdict.h"

#define LINES_BESIDE 6u /* lines of the screen that rows leave for title, footer and prompt */

static size_t shown(const struct usage_view *view)
{
	return view->top < view->usage->groups ? view->top : view->usage->groups;
}

/* Rows of @lines each that leave room for title, footer and prompt. */
static size_t fitting(const struct usage_view *view, const struct screen *screen, unsigned lines)
{
	size_t rows = screen->height > LINES_BESIDE ? (screen->height - LINES_BESIDE) / lines : 1;

	return view->fit && screen->height && rows < shown(view) ? rows : shown(view);
}

static int by_pid(const void *pid, const void *record)
{
	int64_t wanted = *(const uint32_t *)pid, has = ((const struct process_record *)record)->pid;

	return wanted < has ? -1 : wanted > has;
}

static const struct process_record *process_of(const struct usage_view *view,
					       const struct usage_group *group)
{
	const struct process_table *table = &view->snapshot->processes;
	size_t more;

	if (view->by != USAGE_BY_PROCESS)
		return name_process(view->snapshot, group->inode, &more);
	if (!table->processes)
		return NULL;
	return bsearch(&group->key.owner, table->process, table->processes, sizeof(*table->process),
		       by_pid);
}

static void json_address(struct json *json, const char *key, const struct ip_address *address)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	json_string(json, key,
		    address->family == IP_NONE ? NULL : ip_address_format(address, text));
}

static void json_end_of(struct json *json, const char *key, const struct ip_address *address,
			uint16_t port)
{
	json_object(json, key);
	json_address(json, "address", address);
	json_uint(json, "port", port);
	json_end(json);
}

static void json_process(const struct usage_view *view, const struct usage_group *group,
			 struct json *json)
{
	const struct process_record *process = process_of(view, group);

	json_object(json, "process");
	if (view->by == USAGE_BY_PROCESS && !group->key.owner)
		json_null(json, "pid");
	else
		json_uint(json, "pid",
			  view->by == USAGE_BY_PROCESS ? group->key.owner : (uint32_t)process->pid);
	json_string(json, "command", process ? process->command : group->owner);
	json_string(json, "unit", process && *process->unit ? process->unit : NULL);
	json_end(json);
}

static void json_key(const struct usage_view *view, const struct usage_group *group,
		     struct json *json)
{
	const struct group_key *key = &group->key;

	switch (view->by) {
	case USAGE_BY_DESTINATION:
		json_address(json, "from", &key->local);
		json_end_of(json, "to", &key->remote, key->remote_port);
		if (process_of(view, group))
			json_process(view, group, json);
		break;
	case USAGE_BY_SOURCE:
		json_address(json, "from", &key->local);
		break;
	case USAGE_BY_PROCESS:
		json_process(view, group, json);
		break;
	case USAGE_BY_CONTAINER:
		json_string(json, "container", group->owner);
		break;
	case USAGE_BY_PEER:
		json_address(json, "from", &key->remote);
		json_end_of(json, "to", &key->local, key->local_port);
		break;
	}
}

void usage_view_group(const struct usage_view *view, const struct usage_group *group,
		      struct json *json)
{
	json_object(json, NULL);
	json_string(json, "protocol", name_protocol(group->key.protocol));
	json_key(view, group, json);
	if (view->several_netns && group->netns < view->snapshot->n_netns)
		json_string(json, "netns", name_netns(&view->snapshot->netns[group->netns]));
	json_uint(json, "in_use", group->in_use);
	json_uint(json, "time_wait", group->time_wait);
	if (group->has_left) {
		json_uint(json, "left", group->left);
		json_uint(json, "left_max", group->left_max);
		json_uint(json, "capacity", group->capacity);
		json_real(json, "percent", group->percent);
		json_bool(json, "past_knee", group->past_knee);
	}
	json_bool(json, "exact", group->exact);
	json_end(json);
}

static void json_range(const struct usage_view *view, struct json *json)
{
	static const char *const from[] = {"default", "told", "read"};
	const struct usage_netns *netns = &view->usage->netns[0];

	json_object(json, "range");
	json_uint(json, "low", netns->range.lo);
	json_uint(json, "high", netns->range.hi);
	json_uint(json, "ports", netns->ports);
	json_string(json, "from", from[view->elsewhere->range_from]);
	json_end(json);
}

static void json_elsewhere(const struct usage_view *view, struct json *json)
{
	const struct os_rule *rule = view->elsewhere->rule;

	json_string(json, "os", view->snapshot->os);
	json_string(json, "release", view->snapshot->release);
	json_range(view, json);
	json_object(json, "rule");
	json_string(json, "tcp", os_counting_name(rule->tcp[1]));
	json_string(json, "tcp_at_worst", os_counting_name(rule->tcp[0]));
	json_string(json, "udp", os_counting_name(rule->udp[1]));
	json_string(json, "udp_at_worst", os_counting_name(rule->udp[0]));
	json_string(json, "text", rule->text);
	json_end(json);
	json_uint(json, "addresses_cut", view->elsewhere->cut);
	json_array(json, "inexact_because");
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1)
		if (view->usage->netns[0].gaps & bit)
			json_string(json, NULL, snapshot_gap_name(bit));
	json_end(json);
}

void usage_view_json(const struct usage_view *view, struct strbuf *out)
{
	const struct usage_result *usage = view->usage;
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_array(&json, "groups");
	for (size_t i = 0; i < shown(view); i++)
		usage_view_group(view, &usage->group[i], &json);
	json_end(&json);
	json_uint(&json, "more", usage->groups - shown(view));
	if (usage->has_other) {
		json_object(&json, "other");
		if (usage->other_groups)
			json_uint(&json, "groups", usage->other_groups);
		else
			json_null(&json, "groups"); /* not counted */
		json_uint(&json, "in_use", usage->other_in_use);
		json_uint(&json, "time_wait", usage->other_time_wait);
		json_uint(&json, "floor", usage->floor);
		json_end(&json);
	} else {
		json_null(&json, "other");
	}
	json_uint(&json, "sockets", usage->sockets);
	json_uint(&json, "netns_skipped", view->snapshot->netns_skipped);
	if (view->snapshot->netns_hidden)
		json_uint(&json, "netns_hidden_processes", view->snapshot->netns_hidden);
	json_string(&json, "collector", view->snapshot->collector);
	json_uint(&json, "elapsed_us", view->snapshot->elapsed_us);
	json_uint(&json, "load_us", view->snapshot->load_us);
	if (view->elsewhere)
		json_elsewhere(view, &json);
	json_end(&json);
}

/* "1 160", or "27 700-28 232" when it is not exact. */
static void add_left(const struct usage_group *group, struct strbuf *out)
{
	if (!group->has_left)
		return;
	if (group->left == group->left_max)
		strbuf_puts(out, GROUPED(group->left));
	else
		strbuf_printf(out, "%s-%s", GROUPED(group->left), GROUPED(group->left_max));
}

static void add_first_cell(const struct usage_view *view, const struct usage_group *group,
			   struct strbuf *cell)
{
	const struct process_record *process = process_of(view, group);
	const char *service = service_name(group->key.remote_port);
	char text[ENDPOINT_TEXT_BYTES];

	switch (view->by) {
	case USAGE_BY_DESTINATION:
		strbuf_puts(cell, name_endpoint(&group->key.remote, group->key.remote_port, text));
		if (service)
			strbuf_printf(cell, " %s", service);
		break;
	case USAGE_BY_SOURCE:
		strbuf_puts(cell, ip_address_format(&group->key.local, text));
		break;
	case USAGE_BY_PROCESS:
		if (group->key.owner)
			strbuf_printf(cell, "%s (pid %" PRIu32 ")",
				      process        ? process->command
				      : group->owner ? group->owner
						     : "?",
				      group->key.owner);
		else
			strbuf_puts(cell, group->owner    ? group->owner
					  : group->in_use ? "no process known"
							  : "no process: TIME_WAIT");
		break;
	case USAGE_BY_CONTAINER:
		strbuf_puts(cell, group->owner && *group->owner ? group->owner
								: "no unit or container known");
		break;
	case USAGE_BY_PEER:
		strbuf_puts(cell, ip_address_format(&group->key.remote, text));
		break;
	}
}

static void add_second_cell(const struct usage_view *view, const struct usage_group *group,
			    struct strbuf *cell)
{
	const struct process_record *process = process_of(view, group);
	char text[ENDPOINT_TEXT_BYTES];

	switch (view->by) {
	case USAGE_BY_DESTINATION:
		strbuf_puts(cell, ip_address_format(&group->key.local, text));
		break;
	case USAGE_BY_PROCESS:
		strbuf_puts(cell, process ? process->unit : "");
		break;
	case USAGE_BY_PEER:
		strbuf_puts(cell, name_endpoint(&group->key.local, group->key.local_port, text));
		break;
	case USAGE_BY_SOURCE:
	case USAGE_BY_CONTAINER:
		break;
	}
}

/* The columns in question; what has nothing to say in any row is left out. */
struct columns {
	bool second, netns, protocol, process, left;
	/* too narrow: the second column stands in the first, numbers on the next line */
	bool merged;
	size_t rows;
};

static struct columns choose_columns(const struct usage_view *view, const struct screen *screen)
{
	struct columns columns = {.second = view->by == USAGE_BY_DESTINATION ||
					    view->by == USAGE_BY_PEER,
				  .netns = view->several_netns,
				  .rows = fitting(view, screen, 1)};

	for (size_t i = 0; i < columns.rows; i++) {
		const struct usage_group *group = &view->usage->group[i];

		columns.protocol |= group->key.protocol == PROTOCOL_UDP;
		columns.left |= group->has_left;
		if (view->by == USAGE_BY_PROCESS && process_of(view, group))
			columns.second |= *process_of(view, group)->unit != '\0';
		columns.process |= view->by == USAGE_BY_DESTINATION &&
				   (!screen->width || screen->width >= 110) &&
				   process_of(view, group);
	}
	return columns;
}

static const char *const second_title[] = {"from", "", "unit", "", "to"};

static void init_table(const struct usage_view *view, const struct columns *columns,
		       struct table *table)
{
	static const char *const first[] = {"to", "from", "process", "unit or container", "from"};
	struct table_column column[TABLE_COLUMNS_MAX];
	unsigned n = 0;

	column[n++] = (struct table_column){first[view->by], TABLE_LEFT};
	if (columns->second && !columns->merged)
		column[n++] = (struct table_column){second_title[view->by], TABLE_LEFT};
	if (columns->netns)
		column[n++] = (struct table_column){"namespace", TABLE_LEFT};
	if (columns->protocol)
		column[n++] = (struct table_column){"", TABLE_LEFT};
	if (columns->process)
		column[n++] = (struct table_column){"process", TABLE_LEFT};
	column[n++] = (struct table_column){"in use", TABLE_RIGHT};
	column[n++] = (struct table_column){"TIME_WAIT", TABLE_RIGHT};
	if (columns->left) {
		column[n++] = (struct table_column){"left", TABLE_RIGHT};
		column[n++] = (struct table_column){"used", TABLE_RIGHT};
	}
	table_init(table, column, n);
}

static void add_cell(struct table *table, struct strbuf *cell)
{
	table_cell(table, cell->text);
	strbuf_clear(cell);
}

static void add_row(const struct usage_view *view, const struct columns *columns,
		    const struct usage_group *group, struct table *table)
{
	const struct process_record *process = columns->process ? process_of(view, group) : NULL;
	struct strbuf cell = STRBUF_INIT;

	add_first_cell(view, group, &cell);
	if (columns->second && columns->merged)
		strbuf_printf(&cell, "  %s ", second_title[view->by]);
	else
		add_cell(table, &cell);
	if (columns->second) {
		add_second_cell(view, group, &cell);
		add_cell(table, &cell);
	}
	if (columns->netns)
		table_cell(table, name_netns(&view->snapshot->netns[group->netns]));
	if (columns->protocol)
		table_cell(table, name_protocol(group->key.protocol));
	if (columns->process) {
		if (process)
			strbuf_printf(&cell, "%s (pid %" PRId32 ")", process->command,
				      process->pid);
		add_cell(table, &cell);
	}
	table_cell(table, GROUPED(group->in_use));
	table_cell(table, GROUPED(group->time_wait));
	if (columns->left) {
		add_left(group, &cell);
		add_cell(table, &cell);
		table_cell(table,
			   group->has_left ? number_percent(verdict_percent(group)).text : "");
	}
	strbuf_done(&cell);
}

static void add_footer(const struct usage_view *view, size_t rows, struct strbuf *out)
{
	const struct usage_result *usage = view->usage;
	size_t more = usage->groups - rows;

	if (more)
		strbuf_printf(out, "  ... %s more; all of them: --top 0\n", GROUPED(more));
	if (usage->has_other)
		strbuf_printf(out, "  and %s in use, %s in TIME_WAIT in groups of fewer than %s\n",
			      GROUPED(usage->other_in_use), GROUPED(usage->other_time_wait),
			      COUNTED(usage->floor, "socket"));
	if (view->elsewhere && !view->snapshot->elapsed_us) {
		strbuf_printf(out, "%s read\n", COUNTED(usage->sockets, "socket"));
		return;
	}
	strbuf_printf(out, "%s read through %s in %s\n", COUNTED(usage->sockets, "socket"),
		      name_collector(view->snapshot),
		      number_duration_us(view->snapshot->elapsed_us).text);
}

/* Gaps that no row shows: what was not read at all. */
#define GAPS_OF_READING                                                                            \
	(GAP_INTERRUPTED | GAP_CHANGED | GAP_PRIVATE_TABLE | GAP_VANISHED | GAP_SETTINGS)

/* Why `left` is a span, and what is missing: said once below the table, not in every row. */
static void add_doubts(const struct usage_view *view, struct strbuf *out, unsigned width)
{
	uint32_t gaps = 0;

	for (size_t i = 0; i < view->usage->n_netns; i++)
		gaps |= view->usage->netns[i].gaps & GAPS_OF_READING;
	for (size_t i = 0; i < shown(view); i++)
		if (view->usage->group[i].has_left &&
		    view->usage->group[i].left != view->usage->group[i].left_max)
			gaps |= view->usage->netns[view->usage->group[i].netns].gaps;
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1) {
		if (!(gaps & bit))
			continue;
		strbuf_puts(out, "not exact: ");
		screen_wrap(out, name_gap(bit), 11, 11, width);
	}
	if (view->snapshot->netns_skipped)
		strbuf_printf(out, "not read: %s that could not be entered\n",
			      COUNTED(view->snapshot->netns_skipped, "network namespace"));
	if (view->snapshot->netns_hidden)
		strbuf_printf(out, "not read: namespaces of %s not told to this user\n",
			      COUNTED(view->snapshot->netns_hidden, "process"));
}

/* The words of name_gap() are about the kernel that runs here. */
static const char *elsewhere_gap(uint32_t gap)
{
	switch (gap) {
	case GAP_BUCKET_STATE:
		return "which ports bind() chose is not printed: those are shared with nobody";
	case GAP_BOUND_HIDDEN:
		return "ports that are bound and not yet connected are not printed";
	case GAP_TW_AGE:
		return "whether a TIME_WAIT may give way (tcp_tw_reuse) is not printed";
	case GAP_KERNEL:
		return "the rule is from sources and documents, not measured on such a system";
	default:
		return name_gap(gap);
	}
}

/* What the numbers rest on: the system, its rule, its range, and all that is open. */
static void add_elsewhere(const struct usage_view *view, struct strbuf *out, unsigned width)
{
	static const char *const from[] = {"the default of that release", "as told",
					   "as read there"};
	const struct usage_elsewhere *elsewhere = view->elsewhere;
	const struct usage_netns *netns = &view->usage->netns[0];
	uint32_t gaps = netns->gaps;

	strbuf_printf(out, "%s: ", elsewhere->title);
	screen_wrap(out, elsewhere->rule->text, (unsigned)strlen(elsewhere->title) + 2, 2, width);
	if (elsewhere->cut)
		strbuf_printf(out, "%s %s an address that a column cut: shown as ?\n",
			      COUNTED(elsewhere->cut, "socket"),
			      elsewhere->cut == 1 ? "has" : "have");
	strbuf_printf(out, "range %u-%u, %s\n", netns->range.lo, netns->range.hi,
		      from[elsewhere->range_from]);
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1) {
		if (!(gaps & bit))
			continue;
		strbuf_puts(out, "not exact: ");
		screen_wrap(out, elsewhere_gap(bit), 11, 11, width);
	}
	if (elsewhere->rule->because) {
		strbuf_puts(out, "not exact: ");
		screen_wrap(out, elsewhere->rule->because, 11, 11, width);
	}
}

static void fill_table(const struct usage_view *view, const struct columns *columns,
		       struct table *table)
{
	init_table(view, columns, table);
	for (size_t i = 0; i < columns->rows; i++)
		add_row(view, columns, &view->usage->group[i], table);
}

void usage_view_table(const struct usage_view *view, const struct screen *screen,
		      struct strbuf *out)
{
	struct columns columns = choose_columns(view, screen);
	struct table table;

	if (!view->usage->groups) {
		strbuf_puts(out, view->by == USAGE_BY_PEER ? "no accepted connections\n"
							   : "no outgoing connections\n");
	} else {
		fill_table(view, &columns, &table);
		if (screen->width && columns.second && table_width(&table, 0) > screen->width) {
			table_done(&table);
			columns.merged = true;
			columns.rows = fitting(view, screen, 2);
			fill_table(view, &columns, &table);
		}
		table_print(&table, 0, screen->width, out);
		table_done(&table);
	}
	if (view->elsewhere)
		add_elsewhere(view, out, screen->width);
	else
		add_doubts(view, out, screen->width);
	add_footer(view, columns.rows, out);
}
