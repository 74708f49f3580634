#include "capacity_view.h"

#include "alloc.h"
#include "json.h"
#include "names.h"
#include "number.h"
#include "service.h"
#include "strbuf.h"
#include "table.h"

enum verdict_level capacity_view_level(const struct capacity_result *result)
{
	if (result->unlimited)
		return VERDICT_OK;
	if (!result->left)
		return VERDICT_CRITICAL;
	return result->protocol == PROTOCOL_TCP && result->knee &&
			       result->in_use + result->time_wait >= result->knee
		       ? VERDICT_WARNING
		       : VERDICT_OK;
}

static void json_frees(const struct capacity_result *result, struct json *json)
{
	json_array(json, "frees_at");
	for (unsigned i = 0; i < result->n_frees; i++) {
		json_array(json, NULL);
		json_uint(json, NULL, result->frees[i].seconds);
		json_uint(json, NULL, result->frees[i].ports);
		json_end(json);
	}
	json_end(json);
}

static void json_reasons(const struct capacity_result *result, struct json *json)
{
	json_array(json, "inexact_because");
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1)
		if (result->inexact_because & bit)
			json_string(json, NULL, snapshot_gap_name(bit));
	json_end(json);
}

void capacity_view_members(const struct capacity_result *result, const struct snapshot *snapshot,
			   struct json *json)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	json_string(json, "protocol", name_protocol(result->protocol));
	json_string(json, "from",
		    result->from.family == IP_NONE ? NULL : ip_address_format(&result->from, text));
	json_object(json, "to");
	json_string(json, "address", ip_address_format(&result->to, text));
	json_uint(json, "port", result->to_port);
	json_end(json);
	json_object(json, "range");
	json_uint(json, "low", result->range.lo);
	json_uint(json, "high", result->range.hi);
	json_uint(json, "ports", port_range_width(result->range));
	json_end(json);
	json_uint(json, "reserved", result->reserved);
	json_uint(json, "blocked", result->blocked);
	json_uint(json, "in_use", result->in_use);
	json_uint(json, "time_wait", result->time_wait);
	json_uint(json, "time_wait_reusable", result->time_wait_reusable);
	json_uint(json, "left", result->left);
	json_uint(json, "left_max", result->left_max);
	json_uint(json, "knee", result->knee);
	json_bool(json, "unlimited", result->unlimited);
	json_bool(json, "exact", result->exact);
	json_reasons(result, json);
	json_frees(result, json);
	json_string(json, "collector", snapshot->collector);
}

void capacity_view_json(const struct capacity_result *result, const struct snapshot *snapshot,
			struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	capacity_view_members(result, snapshot, &json);
	json_end(&json);
}

static void add_path(const struct capacity_result *result, struct strbuf *out)
{
	const char *service = service_name(result->to_port);
	char text[ENDPOINT_TEXT_BYTES];

	if (result->from.family != IP_NONE)
		strbuf_printf(out, "from %s ", ip_address_format(&result->from, text));
	strbuf_printf(out, "to %s", name_endpoint(&result->to, result->to_port, text));
	if (service && result->protocol == PROTOCOL_TCP)
		strbuf_printf(out, " (%s)", service);
}

static void add_sentence(const struct capacity_result *result, struct strbuf *out)
{
	const char *what = result->protocol == PROTOCOL_UDP ? "UDP socket" : "connection";
	const char *error = result->protocol == PROTOCOL_UDP ? "EAGAIN" : "EADDRNOTAVAIL";

	if (result->unlimited) {
		strbuf_puts(out, "no limit ");
		add_path(result, out);
		strbuf_puts(out, ": sockets with SO_REUSEADDR or SO_REUSEPORT share their ports");
		return;
	}
	if (!result->left_max) {
		strbuf_printf(out, "no more: the next %s ", what);
		add_path(result, out);
		strbuf_printf(out, " fails with %s", error);
		return;
	}
	if (result->left != result->left_max)
		strbuf_printf(out, "%s to ", GROUPED(result->left));
	strbuf_printf(out, "%s more %s%s ", GROUPED(result->left_max), what,
		      result->left_max == 1 ? "" : "s");
	add_path(result, out);
	strbuf_printf(out, " succeed%s, then connect() fails with %s",
		      result->left_max == 1 ? "s" : "", error);
	if (capacity_view_level(result) == VERDICT_WARNING)
		strbuf_puts(out, "; past the knee, each connect() searches long");
}

static void add_line(struct table *table, const char *name, uint32_t count, const char *note)
{
	table_cell(table, name);
	table_cell(table, GROUPED(count));
	table_cell(table, note);
}

static const char *blocked_note(const struct capacity_result *result)
{
	if (result->protocol == PROTOCOL_UDP)
		return "another socket has the port";
	return "by bound or listening sockets, whatever the destination";
}

static void add_table(const struct capacity_result *result, unsigned width, struct strbuf *out)
{
	static const struct table_column column[] = {
		{"", TABLE_LEFT}, {"ports", TABLE_RIGHT}, {"", TABLE_LEFT}};
	struct strbuf note = STRBUF_INIT;
	struct table table;

	table_init(&table, column, ARRAY_SIZE(column));
	strbuf_printf(&note, "%u-%u", result->range.lo, result->range.hi);
	add_line(&table, "range", port_range_width(result->range), note.text);
	add_line(&table, "reserved", result->reserved, "in ip_local_reserved_ports");
	add_line(&table, "blocked", result->blocked, blocked_note(result));
	add_line(&table, "in use", result->in_use, "by connections to this destination");
	if (result->protocol == PROTOCOL_TCP)
		add_line(&table, "TIME_WAIT", result->time_wait,
			 "to this destination, that no new connection may take over now");
	strbuf_clear(&note);
	if (result->time_wait_reusable)
		strbuf_printf(&note, "%s of them take over a TIME_WAIT",
			      GROUPED(result->time_wait_reusable));
	if (result->left == result->left_max) {
		add_line(&table, "left", result->left, note.text);
	} else {
		add_line(&table, "left", result->left, "at least");
		add_line(&table, "", result->left_max, "at most");
	}
	if (result->protocol == PROTOCOL_TCP && result->knee < port_range_width(result->range))
		add_line(&table, "knee", result->knee,
			 "connections; beyond it each connect() searches long");
	table_print(&table, 2, width, out);
	table_done(&table);
	strbuf_done(&note);
}

static void add_frees(const struct capacity_result *result, unsigned width, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	if (!result->n_frees)
		return;
	strbuf_puts(&text, "TIME_WAIT ends:");
	for (unsigned i = 0; i < result->n_frees; i++)
		strbuf_printf(&text, "%s %s in %u s", i ? "," : "", GROUPED(result->frees[i].ports),
			      result->frees[i].seconds);
	strbuf_puts(out, "  ");
	screen_wrap(out, text.text, 2, 4, width);
	strbuf_done(&text);
}

void capacity_view_certainty(const struct capacity_result *result, const struct snapshot *snapshot,
			     unsigned width, struct strbuf *out)
{
	if (result->exact) {
		strbuf_printf(out, "exact, %s %s\n",
			      snapshot->replayed ? "from a snapshot taken through" : "read through",
			      name_collector(snapshot));
		return;
	}
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1) {
		if (!(result->inexact_because & bit))
			continue;
		strbuf_puts(out, "not exact: ");
		screen_wrap(out, name_gap(bit), 11, 11, width);
	}
}

void capacity_view_text(const struct capacity_result *result, const struct snapshot *snapshot,
			const struct screen *screen, struct strbuf *out)
{
	struct strbuf sentence = STRBUF_INIT;

	add_sentence(result, &sentence);
	screen_wrap(out, sentence.text, 0, 0, screen->width);
	strbuf_done(&sentence);
	strbuf_putc(out, '\n');
	add_table(result, screen->width, out);
	add_frees(result, screen->width, out);
	strbuf_putc(out, '\n');
	capacity_view_certainty(result, snapshot, screen->width, out);
}
