#include "ipadm.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 8u

const struct os_range_spec ipadm_spec[IPADM_SPECS] = {
	{OS_REGULAR,
	 OS_TCP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "tcp/smallest_anon_port",
	 "tcp/largest_anon_port"},
	{OS_REGULAR,
	 OS_UDP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "udp/smallest_anon_port",
	 "udp/largest_anon_port"},
	{OS_REGULAR,
	 OS_SCTP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "sctp/smallest_anon_port",
	 "sctp/largest_anon_port"},
};

#define SHOW  "ipadm show-prop -c -o PROTO,PROPERTY,CURRENT,PERSISTENT,DEFAULT,POSSIBLE -p "
#define RANGE "smallest_anon_port,largest_anon_port"

/* An ipadm that knows no such columns still prints its table; one that knows not all properties may print none. */
const struct os_command ipadm_command[] = {
	{"ipadm", "for p in tcp udp sctp; do " SHOW RANGE " $p || ipadm show-prop -p " RANGE
		  " $p; " SHOW "smallest_nonpriv_port,extra_priv_ports $p 2>/dev/null; done"},
	{NULL, NULL},
};

enum column {
	COLUMN_PROTO,
	COLUMN_PROPERTY,
	COLUMN_CURRENT,
	COLUMN_PERSISTENT,
	COLUMN_OTHER,
};

/* What the lines that follow hold; and, of a transcript, what was asked for. */
struct layout {
	enum column column[COLUMNS_MAX];
	unsigned columns;
	struct text_span proto, property;
};

struct row {
	struct text_span proto, property, current, persistent;
};

static enum column column_of(struct text_span title)
{
	if (text_is(title, "PROTO"))
		return COLUMN_PROTO;
	if (text_is(title, "PROPERTY"))
		return COLUMN_PROPERTY;
	if (text_is(title, "CURRENT"))
		return COLUMN_CURRENT;
	return text_is(title, "PERSISTENT") ? COLUMN_PERSISTENT : COLUMN_OTHER;
}

static bool next_field(struct text_span *rest, char separator, struct text_span *ret)
{
	const char *at;

	if (!rest->start)
		return false;
	at = rest->length ? memchr(rest->start, separator, rest->length) : NULL;
	*ret = (struct text_span){rest->start, at ? (size_t)(at - rest->start) : rest->length};
	if (at)
		*rest = (struct text_span){at + 1, rest->length - ret->length - 1};
	else
		*rest = (struct text_span){NULL, 0};
	return true;
}

static void add_columns(struct layout *layout, struct text_span titles, char separator)
{
	struct text_span title;

	layout->columns = 0;
	while (layout->columns < COLUMNS_MAX && next_field(&titles, separator, &title))
		if (text_trim(title).length)
			layout->column[layout->columns++] = column_of(text_trim(title));
}

/* "# ipadm show-prop -c -o CURRENT,PERSISTENT -p smallest_anon_port tcp" */
static void read_command(struct layout *layout, struct text_span line)
{
	struct text_span word, before = {"", 0};

	*layout = (struct layout){.columns = 0};
	while (text_word_next(&line, &word)) {
		if (text_is(before, "-o"))
			add_columns(layout, word, ',');
		else if (text_is(before, "-p"))
			layout->property = word;
		before = word;
	}
	layout->proto = before;
}

static void put(struct row *row, enum column column, struct text_span value)
{
	if (column == COLUMN_PROTO)
		row->proto = value;
	else if (column == COLUMN_PROPERTY)
		row->property = value;
	else if (column == COLUMN_CURRENT)
		row->current = value;
	else if (column == COLUMN_PERSISTENT)
		row->persistent = value;
}

const struct os_list ipadm_list[] = {
	{"tcp/extra_priv_ports", OS_TCP, OS_IPV4_6, OS_BOTH, false, "2049,4045"},
	{"udp/extra_priv_ports", OS_UDP, OS_IPV4_6, OS_BOTH, false, "2049,4045"},
	{.setting = NULL},
};

/* A property that is kept is kept as a whole; one that is not returns to the default. */
static void take_list(struct os_state *state, const struct os_list *list, const struct row *row)
{
	struct os_reserved *reserved;

	os_text_reserve(state, list->setting, list->protocols, row->current, true);
	reserved = os_text_reserved(state, list->setting, list->protocols, list->families, true);
	if (!reserved || !row->persistent.start)
		return;
	reserved->boot_known = true;
	reserved->boot_set = reserved->boot_whole =
		port_set_parse(row->persistent.start, row->persistent.length, &reserved->boot_plus,
			       NULL) == 0 &&
		port_set_count(&reserved->boot_plus);
}

static void take_extra(struct os_state *state, const struct row *row)
{
	uint32_t number;

	if (text_is(row->property, "smallest_nonpriv_port") &&
	    os_text_number(row->current, UINT16_MAX, &number) && number > state->floor)
		state->floor = (uint16_t)number;
	else if (text_is(row->property, "extra_priv_ports") && text_is(row->proto, "tcp"))
		take_list(state, &ipadm_list[0], row);
	else if (text_is(row->property, "extra_priv_ports") && text_is(row->proto, "udp"))
		take_list(state, &ipadm_list[1], row);
}

static void take(struct os_state *state, const struct row *row)
{
	char setting[OS_SETTING_BYTES];
	struct os_range *range;
	enum os_end end;
	uint32_t number;

	if (row->proto.length + row->property.length + 2 > sizeof(setting))
		return;
	snprintf(setting, sizeof(setting), "%.*s/%.*s", (int)row->proto.length, row->proto.start,
		 (int)row->property.length, row->property.start);
	range = os_text_range(state, (struct text_span){setting, strlen(setting)}, &end);
	if (!range) {
		take_extra(state, row);
		return;
	}
	if (os_text_number(row->current, UINT16_MAX, &number))
		range->value[end] = number;
	range->boot_told = row->persistent.start;
	range->boot_value[end] = OS_UNREAD;
	if (os_text_number(row->persistent, UINT16_MAX, &number))
		range->boot_value[end] = number;
}

static void read_parsable(struct os_state *state, const struct layout *layout,
			  struct text_span line)
{
	struct row row = {layout->proto, layout->property, {"", 0}, {NULL, 0}};
	struct text_span field;

	for (unsigned i = 0; i < layout->columns && next_field(&line, ':', &field); i++)
		put(&row, layout->column[i], field);
	take(state, &row);
}

static void read_table(struct os_state *state, const struct layout *layout, struct text_span line)
{
	struct row row = {{"", 0}, {"", 0}, {"", 0}, {NULL, 0}};
	struct text_span word;

	for (unsigned i = 0; i < layout->columns && text_word_next(&line, &word); i++)
		put(&row, layout->column[i], word);
	take(state, &row);
}

static bool contains(struct text_span line, const char *word)
{
	return memmem(line.start, line.length, word, strlen(word)) != NULL;
}

void ipadm_parse(struct os_state *state, const struct os_output *output)
{
	static const struct layout ours = {
		.column = {COLUMN_PROTO, COLUMN_PROPERTY, COLUMN_CURRENT, COLUMN_PERSISTENT},
		.columns = 4,
		.proto = {"", 0},
		.property = {"", 0},
	};
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct layout layout = ours, columns = {.columns = 0};
	struct text_span line;

	while (text_line_next(&lines, &line)) {
		if (contains(line, "show-prop")) {
			read_command(&layout, line);
			columns.columns = 0;
		} else if (text_begins(line, "PROTO")) {
			add_columns(&columns, line, ' ');
		} else if (columns.columns && memchr(line.start, ' ', line.length)) {
			read_table(state, &columns, line);
		} else if (memchr(line.start, ':', line.length)) {
			read_parsable(state, &layout, line);
		}
	}
}

void ipadm_set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	const char *slash = strchr(step->setting, '/');

	(void)state;
	if (!slash || step->store == OS_NEXT_BOOT)
		return;
	if (!*step->after)
		strbuf_printf(out, "ipadm reset-prop -p %s %.*s", slash + 1,
			      (int)(slash - step->setting), step->setting);
	else
		strbuf_printf(out, "ipadm set-prop %s-p %s=%s %.*s",
			      step->store == OS_RUNNING ? "-t " : "", slash + 1, step->after,
			      (int)(slash - step->setting), step->setting);
}

void ipadm_list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		    const struct os_ports *before, const struct os_ports *after, struct strbuf *out)
{
	const char *comma = "";

	(void)state;
	(void)before;
	if (!port_set_count(&after->set)) {
		if (store == OS_BOTH)
			strbuf_printf(out, "ipadm reset-prop -p extra_priv_ports %.3s\n",
				      list->setting);
		return;
	}
	strbuf_printf(out,
		      "ipadm set-prop %s-p extra_priv_ports=", store == OS_RUNNING ? "-t " : "");
	for (int port = -1; (port = port_set_next(&after->set, port + 1)) >= 0; comma = ",")
		strbuf_printf(out, "%s%d", comma, port);
	strbuf_printf(out, " %.3s\n", list->setting);
}
