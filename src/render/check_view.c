#include "check_view.h"

#include <string.h>

#include "json.h"
#include "names.h"
#include "number.h"
#include "paste.h"
#include "printable.h"
#include "risk_json.h"
#include "shorten.h"
#include "strbuf.h"

#define COMMAND_SHOWN 1000u /* bytes: a longer one is no help on a screen */

struct counts {
	size_t of[3]; /* by severity */
	size_t open, accepted;
};

static struct counts count(const struct check_view *view)
{
	struct counts counts = {0};

	for (size_t i = 0; i < view->risks->count; i++) {
		const struct risk *risk = &view->risks->risk[i];

		if (risk->accepted_because) {
			counts.accepted++;
			continue;
		}
		counts.of[risk->severity]++;
		counts.open++;
	}
	return counts;
}

enum verdict_level check_view_level(const struct check_view *view)
{
	struct counts counts = count(view);

	return counts.of[RISK_CRITICAL]  ? VERDICT_CRITICAL
	       : counts.of[RISK_WARNING] ? VERDICT_WARNING
					 : VERDICT_OK;
}

static void add_summary(const struct check_view *view, struct strbuf *out)
{
	struct counts counts = count(view);

	if (!counts.open)
		strbuf_puts(out, "no risk found");
	else
		strbuf_printf(out, "%zu risk%s: %zu critical, %zu warning%s, %zu for information",
			      counts.open, counts.open == 1 ? "" : "s", counts.of[RISK_CRITICAL],
			      counts.of[RISK_WARNING], counts.of[RISK_WARNING] == 1 ? "" : "s",
			      counts.of[RISK_INFO]);
	if (counts.accepted)
		strbuf_printf(out, "; %zu accepted", counts.accepted);
}

static void add_host(const struct check_view *view, const struct screen *screen, struct strbuf *out)
{
	const struct snapshot *snapshot = view->snapshot;
	struct strbuf line = STRBUF_INIT;

	strbuf_printf(&line, "%s  %s %.*s  (%s, %s)",
		      *snapshot->host ? snapshot->host : "this host", snapshot->os,
		      (int)strcspn(snapshot->release, "-"), snapshot->release,
		      name_collector(snapshot), COUNTED(view->files, "configuration file"));
	screen_heading(screen, out, line.text);
	strbuf_done(&line);
}

/* A sentence of a risk, its lists cut to what is read. */
static void add_sentence(const char *sentence, unsigned indent, const struct screen *screen,
			 struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	shorten_lists(sentence, &text);
	screen_wrap_outside(out, text.text, indent, indent, screen->width);
	strbuf_done(&text);
}

/* Instead of a command that nobody pastes. */
static const char *short_command(const struct risk *risk)
{
	if (strcmp(risk->id, "configured-service-in-range") == 0)
		return "ephemports reserve add --services";
	if (strcmp(risk->id, "listener-in-range") == 0)
		return "ephemports reserve add --listeners";
	return NULL;
}

static void add_advice(const struct risk *risk, const struct risk_advice *advice,
		       const struct netns_snapshot *netns, const struct screen *screen,
		       struct strbuf *out)
{
	bool own = !*netns->name, list = advice->reserve != NULL;
	const char *line = advice->command;
	struct strbuf command = STRBUF_INIT;

	strbuf_puts(out, "     > ");
	add_sentence(advice->text, 7, screen, out);
	if (line ? strlen(line) > COMMAND_SHOWN : list)
		line = own && list ? short_command(risk) : NULL;
	if (line) {
		strbuf_puts(out, "         ");
		/* Never wrapped: it is to be pasted. */
		paste_command(&command, netns, line);
		printable_puts(out, command.text);
		strbuf_putc(out, '\n');
	} else if (advice->command) {
		strbuf_puts(out, "         (a long list: the whole command is in --json)\n");
	}
	strbuf_done(&command);
}

/* Did a risk of the same kind above it say just this? */
static bool is_said(const struct check_view *view, const struct risk *risk,
		    const struct risk_advice *advice)
{
	for (const struct risk *above = view->risks->risk; above < risk; above++) {
		if (above->accepted_because || above->netns != risk->netns ||
		    strcmp(above->id, risk->id) != 0)
			continue;
		for (unsigned i = 0; i < above->n_advice; i++)
			if (strcmp(above->advice[i].text, advice->text) == 0 &&
			    !above->advice[i].command && !advice->command)
				return true;
	}
	return false;
}

static void add_risk(const struct check_view *view, const struct risk *risk,
		     const struct screen *screen, struct strbuf *out)
{
	static const char *const mark[] = {"i", "!", "!!"};
	static const enum paint paint[] = {PAINT_PLAIN, PAINT_YELLOW, PAINT_RED};
	strbuf_puts(out, "\n  ");
	screen_paint(screen, out, paint[risk->severity], mark[risk->severity]);
	strbuf_puts(out, risk->severity == RISK_CRITICAL ? " " : "  ");
	screen_paint(screen, out, PAINT_BOLD, risk->id);
	if (view->several_netns && risk->netns < view->snapshot->n_netns) {
		strbuf_puts(out, "  in ");
		printable_puts(out, name_netns(&view->snapshot->netns[risk->netns]));
	}
	strbuf_puts(out, "\n     ");
	add_sentence(risk->title, 5, screen, out);
	for (unsigned i = 0; i < risk->n_evidence; i++) {
		strbuf_puts(out, "     - ");
		add_sentence(risk->evidence[i], 7, screen, out);
	}
	for (unsigned i = 0; i < risk->n_advice; i++)
		if (!is_said(view, risk, &risk->advice[i]))
			add_advice(risk, &risk->advice[i], &view->snapshot->netns[risk->netns],
				   screen, out);
}

static void add_accepted(const struct risk *risk, const struct screen *screen, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_printf(&text, "%s: %s%s%s", risk->id, risk->title,
		      *risk->accepted_because ? "; because: " : "", risk->accepted_because);
	strbuf_puts(out, "  accepted  ");
	screen_wrap_outside(out, text.text, 12, 12, screen->width);
	strbuf_done(&text);
}

void check_view_text(const struct check_view *view, const struct screen *screen, struct strbuf *out)
{
	static const enum paint paint[] = {PAINT_GREEN, PAINT_YELLOW, PAINT_RED, PAINT_YELLOW};
	enum verdict_level level = check_view_level(view);
	struct strbuf summary = STRBUF_INIT;
	size_t accepted = count(view).accepted;

	add_host(view, screen, out);
	screen_paint(screen, out, paint[level], verdict_word(level));
	strbuf_puts(out, "  ");
	add_summary(view, &summary);
	screen_wrap_outside(out, summary.text, (unsigned)strlen(verdict_word(level)) + 2,
			    (unsigned)strlen(verdict_word(level)) + 2, screen->width);
	for (size_t i = 0; i < view->risks->count; i++)
		if (!view->risks->risk[i].accepted_because)
			add_risk(view, &view->risks->risk[i], screen, out);
	if (accepted || view->notes)
		strbuf_putc(out, '\n');
	for (size_t i = 0; i < view->risks->count; i++)
		if (view->risks->risk[i].accepted_because)
			add_accepted(&view->risks->risk[i], screen, out);
	for (unsigned i = 0; i < view->notes; i++) {
		strbuf_puts(out, "  not looked at  ");
		screen_wrap_outside(out, view->note[i], 17, 17, screen->width);
	}
	strbuf_done(&summary);
}

static void add_risks(const struct check_view *view, const char *key, bool accepted,
		      struct json *json)
{
	json_array(json, key);
	for (size_t i = 0; i < view->risks->count; i++)
		if ((view->risks->risk[i].accepted_because != NULL) == accepted)
			risk_json(&view->risks->risk[i], view->snapshot, view->several_netns, json);
	json_end(json);
}

void check_view_json(const struct check_view *view, struct strbuf *out)
{
	const struct snapshot *snapshot = view->snapshot;
	struct strbuf summary = STRBUF_INIT;
	struct json json = {.out = out};

	add_summary(view, &summary);
	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "verdict", verdict_id(check_view_level(view)));
	json_string(&json, "summary", summary.text);
	json_string(&json, "host", snapshot->host);
	json_string(&json, "os", snapshot->os);
	json_string(&json, "release", snapshot->release);
	json_int(&json, "taken_at_ms", snapshot->taken_at_ms);
	add_risks(view, "risks", false, &json);
	add_risks(view, "accepted", true, &json);
	json_array(&json, "not_looked_at");
	for (unsigned i = 0; i < view->notes; i++)
		json_string(&json, NULL, view->note[i]);
	json_end(&json);
	json_uint(&json, "files", view->files);
	json_string(&json, "collector", snapshot->collector);
	json_end(&json);
	strbuf_done(&summary);
}

void check_view_plugin(const struct check_view *view, struct strbuf *out)
{
	struct counts counts = count(view);
	unsigned named = 0;

	strbuf_printf(out, "EPHEMPORTS %s - ", verdict_word(check_view_level(view)));
	add_summary(view, out);
	for (size_t i = 0; i < view->risks->count; i++) {
		const struct risk *risk = &view->risks->risk[i];

		if (risk->accepted_because || risk->severity == RISK_INFO)
			continue;
		strbuf_printf(out, "%s%s", named++ ? ", " : " - ", risk->id);
	}
	strbuf_printf(out, " | critical=%zu;;0;0 warning=%zu;0;;0 info=%zu;;;0 accepted=%zu;;;0\n",
		      counts.of[RISK_CRITICAL], counts.of[RISK_WARNING], counts.of[RISK_INFO],
		      counts.accepted);
}
