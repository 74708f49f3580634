#include "change_view.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "number.h"
#include "paste.h"
#include "printable.h"
#include "strbuf.h"

#define VALUE_SHOWN 120u /* bytes of a value; a full list of ports has thousands */

/* "none", or the value, cut where it is too long to be read; blanks of any kind are one. */
static void add_value(struct strbuf *out, const char *value)
{
	struct strbuf text = STRBUF_INIT;
	bool blank = false;

	for (; value && *value && text.length < VALUE_SHOWN; value++) {
		if (*value == ' ' || *value == '\t') {
			blank = text.length > 0;
			continue;
		}
		if (blank)
			strbuf_putc(&text, ' ');
		blank = false;
		strbuf_putc(&text, *value);
	}
	printable_puts(out, text.length ? text.text : "none");
	if (value && *value)
		strbuf_puts(out, "...");
	strbuf_done(&text);
}

static bool is_kept(const struct change_step *step)
{
	return step->path || *change_setting_when(step->setting);
}

/* What a command keeps for the next boot has the name of what runs, and more before it. */
static const char *name_of(const struct change_step *step)
{
	return change_setting_name(step->setting);
}

static void add_step(const struct change_step *step, bool back, struct strbuf *out)
{
	strbuf_puts(out, is_kept(step) ? "  at boot  " : "  now      ");
	add_value(out, back ? step->after : step->before);
	strbuf_puts(out, " -> ");
	add_value(out, back ? step->before : step->after);
	if (step->path) {
		strbuf_puts(out, "   ");
		printable_puts(out, step->path);
	}
	strbuf_putc(out, '\n');
}

/* Did an earlier step name this setting? */
static bool is_named(const struct change *change, unsigned index)
{
	for (unsigned i = 0; i < index; i++)
		if (strcmp(name_of(&change->step[i]), name_of(&change->step[index])) == 0)
			return true;
	return false;
}

static void add_steps(const struct change *change, bool back, struct strbuf *out)
{
	for (unsigned i = 0; i < change->steps; i++) {
		if (is_named(change, i))
			continue;
		printable_puts(out, name_of(&change->step[i]));
		strbuf_putc(out, '\n');
		/* What runs first, then what is kept. */
		for (int kept = 0; kept < 2; kept++)
			for (unsigned j = i; j < change->steps; j++)
				if (is_kept(&change->step[j]) == kept &&
				    strcmp(name_of(&change->step[i]), name_of(&change->step[j])) ==
					    0)
					add_step(&change->step[j], back, out);
	}
}

/* The lines of the file that the change adds, and those it takes away. */
static bool has_line(const char *text, size_t length, const char *line, size_t line_length)
{
	for (const char *at = text; at && at < text + length;) {
		const char *end = memchr(at, '\n', (size_t)(text + length - at));
		size_t here = end ? (size_t)(end - at) : (size_t)(text + length - at);

		if (here == line_length && memcmp(at, line, here) == 0)
			return true;
		at = end ? end + 1 : NULL;
	}
	return false;
}

/* A line of a file: a tab is one, whatever else is not printable is escaped. */
static void add_line(const char *text, struct strbuf *out)
{
	for (size_t length; *text; text += length) {
		struct strbuf part = STRBUF_INIT;

		length = strcspn(text, "\t");
		strbuf_add(&part, text, length);
		printable_puts(out, length ? part.text : "");
		strbuf_done(&part);
		if (text[length] == '\t') {
			strbuf_putc(out, '\t');
			length++;
		}
	}
}

static void add_lines(const char *text, size_t length, const char *other, size_t other_length,
		      char sign, struct strbuf *out)
{
	for (const char *at = text; at && at < text + length;) {
		const char *end = memchr(at, '\n', (size_t)(text + length - at));
		size_t here = end ? (size_t)(end - at) : (size_t)(text + length - at);
		struct strbuf line = STRBUF_INIT;

		strbuf_add(&line, at, here);
		if (!has_line(other, other_length, at, here)) {
			strbuf_printf(out, "    %c ", sign);
			add_line(here ? line.text : "", out);
			strbuf_putc(out, '\n');
		}
		strbuf_done(&line);
		at = end ? end + 1 : NULL;
	}
}

static void add_edits(const struct change *change, struct strbuf *out)
{
	for (unsigned i = 0; i < change->steps; i++) {
		const struct change_step *step = &change->step[i];

		if (!step->path)
			continue;
		strbuf_puts(out, "  would write  ");
		printable_puts(out, step->path);
		if (step->link_to) {
			strbuf_puts(out, ", a link to ");
			printable_puts(out, step->link_to);
		}
		strbuf_putc(out, '\n');
		add_lines(step->old_content, step->old_length, step->content, step->length, '-',
			  out);
		add_lines(step->content, step->length, step->old_content, step->old_length, '+',
			  out);
	}
}

static void add_notes(const struct change_view *view, const struct screen *screen,
		      struct strbuf *out)
{
	for (unsigned i = 0; i < view->notes; i++) {
		strbuf_puts(out, "  note     ");
		screen_wrap(out, view->note[i], 11, 11, screen->width);
	}
}

void change_view_place(const struct change_place *place, struct strbuf *out)
{
	if (change_place_option(place)) {
		strbuf_puts(out, " -N ");
		paste_word(out, place->netns_name);
	}
	if (*place->host) {
		strbuf_puts(out, " --host ");
		paste_word(out, place->host);
	}
}

static void undo_command(const struct change *change, struct strbuf *out)
{
	strbuf_printf(out, "  undo     ephemports range undo %s", change->id);
	change_view_place(&change->place, out);
	strbuf_putc(out, '\n');
}

/* Pasted elsewhere, a command that is for another network namespace would change the host. */
static void would_run(const struct change_view *view, const char *command, struct strbuf *out)
{
	const char *netns = change_place_option(&view->change->place);

	strbuf_puts(out, "  would run");
	if (netns) {
		strbuf_puts(out, " in ");
		printable_puts(out, netns);
	}
	strbuf_printf(out, "    %s\n", command);
}

void change_view_text(const struct change_view *view, const struct screen *screen,
		      struct strbuf *out)
{
	if (!view->change->steps)
		strbuf_puts(out, "nothing to change\n");
	add_steps(view->change, false, out);
	if (view->ports && view->change->steps)
		strbuf_printf(out, "  then     %s\n", COUNTED(view->ports, "port"));
	if (view->dry_run && view->change->steps) {
		for (unsigned i = 0; i < view->change->steps; i++)
			if (view->command[i])
				would_run(view, view->command[i], out);
		add_edits(view->change, out);
	} else if (view->change->steps) {
		undo_command(view->change, out);
	}
	add_notes(view, screen, out);
	if (view->dry_run && view->change->steps) {
		strbuf_puts(out,
			    "Nothing was changed. Run it without --dry-run; the way back is then\n"
			    "  ephemports range undo");
		change_view_place(&view->change->place, out);
		strbuf_putc(out, '\n');
	}
}

void change_view_undone(const struct change *change, const struct screen *screen,
			struct strbuf *out)
{
	strbuf_puts(out, "change ");
	screen_paint(screen, out, PAINT_BOLD, change->id);
	strbuf_puts(out, " is undone\n");
	add_steps(change, true, out);
}

/* The first file step of the setting that step @index sets; the number of steps when there is none. */
static unsigned file_of(const struct change *change, unsigned index)
{
	unsigned i = 0;

	while (i < change->steps &&
	       !(change->step[i].path &&
		 strcmp(change->step[i].setting, change->step[index].setting) == 0))
		i++;
	return i;
}

/* Is this file step told together with a running value? */
static bool is_told(const struct change *change, unsigned index)
{
	for (unsigned i = 0; i < change->steps; i++)
		if (!change->step[i].path && file_of(change, i) == index)
			return true;
	return false;
}

/* What runs and what a command keeps are steps of one name. */
static void add_when(const struct change_step *step, struct json *json)
{
	if (!step->path && is_kept(step))
		json_bool(json, "at_boot", true);
}

static void add_change(const struct change_view *view, unsigned index, struct json *json)
{
	const struct change *change = view->change;
	const struct change_step *step = &change->step[index];
	unsigned file = step->path ? index : file_of(change, index);

	json_object(json, NULL);
	json_string(json, "setting", name_of(step));
	add_when(step, json);
	json_string(json, "before", step->before);
	json_string(json, "after", step->after);
	json_string(json, "command", view->command[index]);
	json_string(json, "file", file < change->steps ? change->step[file].path : NULL);
	if (file < change->steps)
		json_string(json, "file_before", change->step[file].before);
	json_end(json);
}

void change_view_json(const struct change_view *view, struct strbuf *out)
{
	const struct change *change = view->change;
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_array(&json, "changes");
	for (unsigned i = 0; i < change->steps; i++)
		if (!change->step[i].path || !is_told(change, i))
			add_change(view, i, &json);
	json_end(&json);
	json_bool(&json, "persisted", view->persisted);
	json_string(&json, "undo_id", *change->id ? change->id : NULL);
	json_bool(&json, "dry_run", view->dry_run);
	json_array(&json, "warnings");
	for (unsigned i = 0; i < view->notes; i++)
		json_string(&json, NULL, view->note[i]);
	json_end(&json);
	json_end(&json);
}

static void add_time(const struct change *change, char text[32])
{
	time_t seconds = (time_t)change->time_s;
	struct tm when;

	if (!localtime_r(&seconds, &when) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S", &when))
		snprintf(text, 32, "?");
}

void journal_view_text(struct change *const *change, size_t count, const struct screen *screen,
		       struct strbuf *out)
{
	if (!count)
		strbuf_puts(out, "nothing was changed yet\n");
	for (size_t i = count; i-- > 0;) {
		char when[32];

		if (i + 1 < count)
			strbuf_putc(out, '\n');
		add_time(change[i], when);
		screen_paint(screen, out, PAINT_BOLD, change[i]->id);
		strbuf_printf(out, "  %s  %s", when, change_state_name(change[i]->state));
		if (*change[i]->place.netns_name) {
			strbuf_puts(out, change_place_option(&change[i]->place) ? "  --netns "
										: "  in ");
			printable_puts(out, change[i]->place.netns_name);
		}
		if (*change[i]->place.host) {
			strbuf_puts(out, "  --host ");
			printable_puts(out, change[i]->place.host);
		}
		if (*change[i]->place.root) {
			strbuf_puts(out, "  below ");
			printable_puts(out, change[i]->place.root);
		}
		strbuf_putc(out, '\n');
		add_steps(change[i], false, out);
	}
}

void journal_view_changes(const struct change *change, bool back, struct json *json)
{
	json_array(json, "changes");
	for (unsigned i = 0; i < change->steps; i++) {
		const struct change_step *step = &change->step[i];

		json_object(json, NULL);
		json_string(json, "setting", name_of(step));
		add_when(step, json);
		json_string(json, "before", back ? step->after : step->before);
		json_string(json, "after", back ? step->before : step->after);
		json_string(json, "file", step->path);
		json_end(json);
	}
	json_end(json);
}

static void add_entry(const struct change *change, struct json *json)
{
	json_object(json, NULL);
	json_string(json, "id", change->id);
	json_string(json, "state", change_state_name(change->state));
	json_int(json, "time", change->time_s);
	json_string(json, "host", *change->place.host ? change->place.host : NULL);
	json_string(json, "netns", *change->place.netns_name ? change->place.netns_name : NULL);
	json_string(json, "root", *change->place.root ? change->place.root : NULL);
	journal_view_changes(change, false, json);
	json_end(json);
}

void journal_view_json(struct change *const *change, size_t count, unsigned unreadable,
		       struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_array(&json, "log");
	for (size_t i = count; i-- > 0;)
		add_entry(change[i], &json);
	json_end(&json);
	json_uint(&json, "unreadable", unreadable);
	json_end(&json);
}
