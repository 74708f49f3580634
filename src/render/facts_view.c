#include "facts_view.h"

#include <stdio.h>
#include <string.h>

#include "json.h"
#include "number.h"
#include "os_words.h"
#include "table.h"

static void releases(const struct os_default *fallback, struct strbuf *out)
{
	if (*fallback->since && *fallback->until)
		strbuf_printf(out, "%s to %s", fallback->since, fallback->until);
	else if (*fallback->since)
		strbuf_printf(out, "from %s on", fallback->since);
	else if (*fallback->until)
		strbuf_printf(out, "until %s", fallback->until);
	else
		strbuf_puts(out, "every release");
	if (fallback->uncertain)
		strbuf_puts(out, " (uncertain)");
}

static void time_wait(const struct os_facts *facts, struct strbuf *out)
{
	strbuf_printf(out, "%u", facts->time_wait_s);
	if (facts->time_wait_max_s != facts->time_wait_s)
		strbuf_printf(out, "-%u", facts->time_wait_max_s);
	strbuf_puts(out, " s");
}

static const struct os_default *today(const struct facts_view *view)
{
	const struct os_default *fallback = view->fallback;

	while (fallback->source && (fallback->name != OS_REGULAR || *fallback->until))
		fallback++;
	return fallback->source ? fallback : NULL;
}

void facts_view_table(const struct facts_view *view, size_t count, const struct screen *screen,
		      struct strbuf *out)
{
	static const struct table_column columns[] = {
		{"system", TABLE_LEFT},         {"range by default", TABLE_LEFT},
		{"ports", TABLE_RIGHT},         {"TIME_WAIT", TABLE_RIGHT},
		{"can be changed", TABLE_LEFT},
	};
	struct table table;

	table_init(&table, columns, 5);
	for (size_t i = 0; i < count; i++) {
		const struct os_default *now = today(&view[i]);
		struct strbuf seconds = STRBUF_INIT;
		char range[16];

		snprintf(range, sizeof(range), "%u-%u", now ? now->range.lo : 0,
			 now ? now->range.hi : 0);
		time_wait(view[i].facts, &seconds);
		table_cell(&table, view[i].name);
		table_cell(&table, now ? range : "?");
		table_cell(&table, now ? GROUPED(port_range_width(now->range)) : "?");
		table_cell(&table, seconds.text);
		table_cell(&table, view[i].because        ? "no"
				   : !view[i].spec[0].low ? "upper end"
							  : "yes");
		strbuf_done(&seconds);
	}
	table_print(&table, 0, screen->width, out);
	table_done(&table);
	strbuf_puts(out, "\nOne of them with its sources: ephemports range facts NAME\n");
}

static void heading(const struct screen *screen, const char *word, struct strbuf *out)
{
	strbuf_putc(out, '\n');
	screen_paint(screen, out, PAINT_BOLD, word);
	strbuf_putc(out, '\n');
}

static void line(const struct screen *screen, const char *label, const char *text,
		 struct strbuf *out)
{
	strbuf_printf(out, "  %-13s ", label);
	screen_wrap(out, text, 16, 16, screen->width);
}

static void source(const struct screen *screen, const char *text, struct strbuf *out)
{
	struct strbuf whole = STRBUF_INIT;

	strbuf_printf(&whole, "[%s]", text);
	strbuf_puts(out, "                ");
	screen_wrap(out, whole.text, 16, 16, screen->width);
	strbuf_done(&whole);
}

static void defaults_text(const struct facts_view *view, const struct screen *screen,
			  struct strbuf *out)
{
	for (const struct os_default *fallback = view->fallback; fallback->source; fallback++) {
		struct strbuf text = STRBUF_INIT;

		strbuf_printf(&text, "%u-%u, %s, ", fallback->range.lo, fallback->range.hi,
			      COUNTED(port_range_width(fallback->range), "port"));
		releases(fallback, &text);
		line(screen, os_range_word(fallback->name), text.text, out);
		source(screen, fallback->source, out);
		strbuf_done(&text);
	}
}

static void settings(const struct os_range_spec *spec, struct strbuf *out)
{
	if (!spec->high)
		strbuf_puts(out, "none");
	else if (!spec->low)
		strbuf_printf(out, "%s (upper end only)", spec->high);
	else if (strcmp(spec->low, spec->high) == 0)
		strbuf_puts(out, spec->low);
	else
		strbuf_printf(out, "%s, %s", spec->low, spec->high);
}

static void settings_text(const struct facts_view *view, const struct screen *screen,
			  struct strbuf *out)
{
	for (size_t i = 0; i < view->specs; i++) {
		struct strbuf text = STRBUF_INIT;

		os_protocol_words(view->spec[i].protocols, view->spec[i].families, &text);
		strbuf_puts(&text, ": ");
		settings(&view->spec[i], &text);
		line(screen, os_range_word(view->spec[i].name), text.text, out);
		strbuf_done(&text);
	}
}

void facts_view_text(const struct facts_view *view, const struct screen *screen, struct strbuf *out)
{
	struct strbuf seconds = STRBUF_INIT;

	screen_paint(screen, out, PAINT_BOLD, view->title);
	strbuf_putc(out, '\n');
	if (view->because)
		line(screen, "fixed", view->because, out);
	heading(screen, "defaults", out);
	defaults_text(view, screen, out);
	heading(screen, "settings", out);
	settings_text(view, screen, out);
	line(screen, "show", view->facts->show, out);
	line(screen, "set", view->facts->set, out);
	line(screen, "keep", view->facts->persist, out);
	heading(screen, "what else is known", out);
	time_wait(view->facts, &seconds);
	line(screen, "TIME_WAIT", seconds.text, out);
	line(screen, "a port serves", os_sharing_words(view->facts->sharing), out);
	for (const struct os_fact *fact = view->facts->fact; fact->topic; fact++) {
		line(screen, fact->topic, fact->text, out);
		source(screen, fact->source, out);
	}
	strbuf_done(&seconds);
}

static void json_defaults(const struct facts_view *view, struct json *json)
{
	json_array(json, "defaults");
	for (const struct os_default *fallback = view->fallback; fallback->source; fallback++) {
		json_object(json, NULL);
		json_string(json, "name", os_range_word(fallback->name));
		json_uint(json, "low", fallback->range.lo);
		json_uint(json, "high", fallback->range.hi);
		json_uint(json, "ports", port_range_width(fallback->range));
		json_string(json, "since", *fallback->since ? fallback->since : NULL);
		json_string(json, "until", *fallback->until ? fallback->until : NULL);
		json_bool(json, "uncertain", fallback->uncertain);
		json_string(json, "source", fallback->source);
		json_end(json);
	}
	json_end(json);
}

static void json_settings(const struct facts_view *view, struct json *json)
{
	json_array(json, "ranges");
	for (size_t i = 0; i < view->specs; i++) {
		json_object(json, NULL);
		json_string(json, "name", os_range_word(view->spec[i].name));
		json_string(json, "low_setting", view->spec[i].low);
		json_string(json, "high_setting", view->spec[i].high);
		os_json_protocols(json, view->spec[i].protocols, view->spec[i].families);
		json_uint(json, "lowest", view->spec[i].bounds.lo);
		json_uint(json, "highest", view->spec[i].bounds.hi);
		json_end(json);
	}
	json_end(json);
}

static void json_system(const struct facts_view *view, struct json *json)
{
	json_object(json, NULL);
	json_string(json, "os", view->name);
	json_string(json, "title", view->title);
	json_bool(json, "settable", !view->because);
	json_string(json, "because", view->because);
	json_settings(view, json);
	json_defaults(view, json);
	json_string(json, "show", view->facts->show);
	json_string(json, "set", view->facts->set);
	json_string(json, "persist", view->facts->persist);
	json_uint(json, "time_wait_seconds", view->facts->time_wait_s);
	json_uint(json, "time_wait_seconds_max", view->facts->time_wait_max_s);
	json_string(json, "sharing", os_sharing_id(view->facts->sharing));
	json_array(json, "facts");
	for (const struct os_fact *fact = view->facts->fact; fact->topic; fact++) {
		json_object(json, NULL);
		json_string(json, "topic", fact->topic);
		json_string(json, "text", fact->text);
		json_string(json, "source", fact->source);
		json_end(json);
	}
	json_end(json);
	json_end(json);
}

void facts_view_json(const struct facts_view *view, size_t count, struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_array(&json, "systems");
	for (size_t i = 0; i < count; i++)
		json_system(&view[i], &json);
	json_end(&json);
	json_end(&json);
}

static void markdown_row(const char *topic, const char *text, const char *from, struct strbuf *out)
{
	const char *const cell[] = {topic, text, from};

	for (size_t i = 0; i < 3; i++) {
		strbuf_puts(out, i ? " | " : "| ");
		for (const char *c = cell[i]; *c; c++) {
			if (*c == '|' || *c == '*')
				strbuf_putc(out, '\\');
			strbuf_putc(out, *c);
		}
	}
	strbuf_puts(out, " |\n");
}

static void markdown_defaults(const struct facts_view *view, struct strbuf *out)
{
	strbuf_puts(out,
		    "\n## Defaults\n\n| range | ports | releases | source |\n|---|---|---|---|\n");
	for (const struct os_default *fallback = view->fallback; fallback->source; fallback++) {
		strbuf_printf(out, "| %s | %u-%u (%s) | ", os_range_word(fallback->name),
			      fallback->range.lo, fallback->range.hi,
			      GROUPED(port_range_width(fallback->range)));
		releases(fallback, out);
		strbuf_printf(out, " | %s |\n", fallback->source);
	}
}

void facts_view_markdown(const struct facts_view *view, struct strbuf *out)
{
	strbuf_printf(out,
		      "# %s\n\nGenerated by `ephemports range facts %s --markdown`; change "
		      "src/os/ instead.\n",
		      view->title, view->name);
	if (view->because)
		strbuf_printf(out, "\n%s\n", view->because);
	markdown_defaults(view, out);
	strbuf_puts(out,
		    "\n## Settings\n\n| range | for | settings | takes |\n|---|---|---|---|\n");
	for (size_t i = 0; i < view->specs; i++) {
		strbuf_printf(out, "| %s | ", os_range_word(view->spec[i].name));
		os_protocol_words(view->spec[i].protocols, view->spec[i].families, out);
		strbuf_puts(out, " | ");
		settings(&view->spec[i], out);
		strbuf_printf(out, " | %u-%u |\n", view->spec[i].bounds.lo,
			      view->spec[i].bounds.hi);
	}
	strbuf_printf(out, "\nShow: `%s`\n\nSet: `%s`\n\nKeep after a boot: `%s`\n",
		      view->facts->show, view->facts->set, view->facts->persist);
	strbuf_puts(out, "\n## What else is known\n\nTIME_WAIT: ");
	time_wait(view->facts, out);
	strbuf_printf(out, ". A port serves %s.\n\n| topic | fact | source |\n|---|---|---|\n",
		      os_sharing_words(view->facts->sharing));
	for (const struct os_fact *fact = view->facts->fact; fact->topic; fact++)
		markdown_row(fact->topic, fact->text, fact->source, out);
}
