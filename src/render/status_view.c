#include "status_view.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "alloc.h"
#include "names.h"
#include "number.h"
#include "paste.h"
#include "printable.h"
#include "status_table.h"
#include "strbuf.h"

static void add_host_line(const struct status_view *view, size_t release_bytes, struct strbuf *line)
{
	const struct snapshot *snapshot = view->snapshot;

	strbuf_printf(line, "%s  %s %.*s", *snapshot->host ? snapshot->host : "this host",
		      snapshot->os, (int)release_bytes, snapshot->release);
	if (snapshot->n_netns > 1)
		strbuf_printf(line, "  %zu network namespaces", snapshot->n_netns);
	else if (snapshot->n_netns && *snapshot->netns[0].name)
		strbuf_printf(line, "  namespace %s", snapshot->netns[0].name);
	if (snapshot->replayed) {
		time_t taken = (time_t)(snapshot->taken_at_ms / 1000);
		struct tm utc;
		char when[40] = "an unknown time";

		if (gmtime_r(&taken, &utc))
			strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &utc);
		strbuf_printf(line, "  (through %s, %s)", name_collector(snapshot), when);
	} else {
		strbuf_printf(line, "  (read through %s in %s)", name_collector(snapshot),
			      number_duration_us(snapshot->elapsed_us).text);
	}
}

/* On a narrow screen the kernel's release loses its suffix first. */
static void add_host(const struct status_view *view, const struct screen *screen,
		     struct strbuf *out)
{
	struct strbuf line = STRBUF_INIT;

	add_host_line(view, sizeof(view->snapshot->release), &line);
	if (screen->width && line.length > screen->width) {
		strbuf_clear(&line);
		add_host_line(view, strcspn(view->snapshot->release, "-"), &line);
	}
	screen_heading(screen, out, line.text);
	strbuf_done(&line);
}

static void add_verdict(const struct status_view *view, const struct screen *screen,
			struct strbuf *out)
{
	static const enum paint paint[] = {PAINT_GREEN, PAINT_YELLOW, PAINT_RED, PAINT_YELLOW};
	const char *word = verdict_word(view->verdict.level);
	unsigned indent = (unsigned)strlen(word) + 2;
	struct strbuf sentence = STRBUF_INIT;

	screen_paint(screen, out, paint[view->verdict.level], word);
	strbuf_puts(out, "  ");
	verdict_sentence(&view->verdict, view->snapshot, view->usage, &sentence);
	screen_wrap_outside(out, sentence.text, indent, indent, screen->width);
	strbuf_putc(out, '\n');
	strbuf_done(&sentence);
}

static void add_range(const struct status_view *view, size_t netns, struct strbuf *out)
{
	const struct usage_netns *seen = &view->usage->netns[netns];

	strbuf_printf(out, "  range      %u-%u  %s, %s reserved, %s blocked", seen->range.lo,
		      seen->range.hi, COUNTED(seen->ports, "port"), GROUPED(seen->reserved),
		      GROUPED(seen->blocked));
	if (view->snapshot->n_netns > 1) {
		strbuf_puts(out, "  ");
		printable_cut(out, name_netns(&view->snapshot->netns[netns]), 17);
	} else {
		strbuf_puts(out, " by sockets");
	}
	strbuf_putc(out, '\n');
}

/* The range of the first namespace, and of two more where it is another one. */
static void add_ranges(const struct status_view *view, struct strbuf *out)
{
	const struct usage_result *usage = view->usage;
	unsigned others = 0;

	if (!usage->n_netns)
		return;
	if (view->snapshot->netns[0].settings.known & SETTING_RANGE)
		add_range(view, 0, out);
	else
		strbuf_puts(out, "  range      could not be read\n");
	for (size_t i = 1; i < usage->n_netns; i++) {
		bool same = usage->netns[i].range.lo == usage->netns[0].range.lo &&
			    usage->netns[i].range.hi == usage->netns[0].range.hi;

		if (!same && (view->snapshot->netns[i].settings.known & SETTING_RANGE) &&
		    others++ < 2)
			add_range(view, i, out);
	}
	if (others > 2)
		strbuf_printf(out, "             and %s with ranges of their own\n",
			      COUNTED(others - 2, "namespace"));
}

static void add_time_wait(const struct status_view *view, struct strbuf *out)
{
	static const char *const reuse[] = {"0 (never reused early)", "1 (reused early)",
					    "2 (reused early on loopback)"};
	const struct settings *settings = &view->snapshot->netns[0].settings;
	uint64_t sockets = 0;

	for (size_t i = 0; i < view->usage->n_netns; i++)
		sockets += view->usage->netns[i].time_wait;
	strbuf_printf(out, "  TIME_WAIT  %s socket%s, 60 s each", GROUPED(sockets),
		      sockets == 1 ? "" : "s");
	if (view->usage->n_netns == 1 && (settings->known & SETTING_TW_REUSE) &&
	    settings->tw_reuse < ARRAY_SIZE(reuse))
		strbuf_printf(out, ", tcp_tw_reuse %s", reuse[settings->tw_reuse]);
	strbuf_putc(out, '\n');
}

static unsigned lines_in(const struct strbuf *text, size_t from)
{
	unsigned lines = 0;

	for (size_t i = from; i < text->length; i++)
		lines += text->text[i] == '\n';
	return lines;
}

/* What the reader should type to learn who it is. */
static void add_next(const struct status_view *view, struct strbuf *out)
{
	const struct usage_group *worst = view->verdict.worst;
	char text[ENDPOINT_TEXT_BYTES];
	bool v6;

	if (!worst || view->verdict.level == VERDICT_OK || view->snapshot->replayed)
		return;
	v6 = worst->key.remote.family == IP_V6;
	strbuf_puts(out, "\n  who it is    ephemports usage --by process");
	paste_netns(out, view->netns, worst->netns != 0);
	if (worst->key.protocol == PROTOCOL_UDP)
		strbuf_puts(out, " --udp\n");
	else
		strbuf_printf(out, " dst %s%s%s\n", v6 ? "'" : "",
			      name_endpoint(&worst->key.remote, worst->key.remote_port, text),
			      v6 ? "'" : "");
}

/* Is it the state of the very destination that the first sentence names? */
static bool verdict_says(const struct status_view *view, const struct risk *risk)
{
	return risk->group < view->usage->groups &&
	       &view->usage->group[risk->group] == view->verdict.worst &&
	       strncmp(risk->id, "destination-", strlen("destination-")) == 0;
}

/* Never wrapped: it is to be pasted. */
static void add_command(const struct status_view *view, const struct risk *risk,
			const char *command, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	paste_command(&text, &view->snapshot->netns[risk->netns], command);
	strbuf_puts(out, "       ");
	printable_puts(out, text.text);
	strbuf_putc(out, '\n');
	strbuf_done(&text);
}

static void add_risk(const struct status_view *view, const struct risk *risk,
		     const struct screen *screen, struct strbuf *out)
{
	static const char *const mark[] = {"i", "!", "!!"};
	static const enum paint paint[] = {PAINT_PLAIN, PAINT_YELLOW, PAINT_RED};
	struct strbuf text = STRBUF_INIT;

	strbuf_puts(out, "  ");
	screen_paint(screen, out, paint[risk->severity], mark[risk->severity]);
	strbuf_puts(out, risk->severity == RISK_CRITICAL ? " " : "  ");
	if (view->several_netns && risk->netns < view->snapshot->n_netns)
		strbuf_printf(&text, "%s: ", name_netns(&view->snapshot->netns[risk->netns]));
	/* What the verdict said already is not said again: its risk goes on with what to do. */
	if (verdict_says(view, risk) && risk->n_advice) {
		strbuf_puts(out, "what helps: ");
	} else {
		strbuf_puts(&text, risk->title);
		screen_wrap_outside(out, text.text, 5, 5, screen->width);
	}
	for (unsigned i = 0; i < risk->n_advice && i < 1; i++) {
		if (!verdict_says(view, risk))
			strbuf_puts(out, "     ");
		screen_wrap_outside(out, risk->advice[i].text, verdict_says(view, risk) ? 17 : 5, 5,
				    screen->width);
		if (risk->advice[i].command)
			add_command(view, risk, risk->advice[i].command, out);
	}
	strbuf_done(&text);
}

/* As many risks, worst first, as leave room for the prompt; all of them where nothing scrolls. */
static void add_risks(const struct status_view *view, const struct screen *screen,
		      struct strbuf *out)
{
	unsigned room = screen->height > 1 ? screen->height - 1 : 1000000, lines = lines_in(out, 0);
	struct strbuf one = STRBUF_INIT;
	size_t i;

	if (!view->risks || !view->risks->count)
		return;
	strbuf_putc(out, '\n');
	lines++;
	for (i = 0; i < view->risks->count; i++) {
		bool last = i + 1 == view->risks->count;

		strbuf_clear(&one);
		add_risk(view, &view->risks->risk[i], screen, &one);
		lines += lines_in(&one, 0);
		if (lines + !last > room)
			break;
		strbuf_add(out, one.text, one.length);
	}
	if (i < view->risks->count) {
		strbuf_printf(out, "  ... %zu more risk%s     ephemports check",
			      view->risks->count - i, view->risks->count - i > 1 ? "s" : "");
		paste_netns(out, view->netns, view->several_netns);
		strbuf_putc(out, '\n');
	}
	strbuf_done(&one);
}

/* One line for all that BPF would show, and why it did not; one each for the rest. */
static void add_gaps(const struct snapshot *snapshot, uint32_t gaps, const struct screen *screen,
		     struct strbuf *out)
{
	struct strbuf hidden = STRBUF_INIT;

	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1) {
		const char *for_bpf = gaps & bit ? name_gap_for_bpf(bit) : NULL;

		if (for_bpf) {
			strbuf_printf(&hidden, "%s%s", hidden.length ? ", " : "", for_bpf);
		} else if (gaps & bit) {
			strbuf_puts(out, "  not exact: ");
			screen_wrap(out, name_gap(bit), 13, 13, screen->width);
		}
	}
	if (hidden.length) {
		strbuf_puts(out, "  not visible through netlink: ");
		screen_wrap(out, hidden.text, 31, 31, screen->width);
	}
	if (hidden.length && *snapshot->bpf_absent_because) {
		strbuf_puts(out, "  BPF would show it: ");
		screen_wrap_outside(out, snapshot->bpf_absent_because, 21, 21, screen->width);
	}
	strbuf_done(&hidden);
}

/* What the answer is silent about, said once: gaps that leave `left` a span, namespaces not read. */
static void add_doubts(const struct status_view *view, const struct screen *screen,
		       struct strbuf *out)
{
	uint32_t gaps = 0;

	for (size_t i = 0; i < view->usage->n_netns; i++)
		gaps |= view->usage->netns[i].gaps;
	if (!status_table_doubtful(view))
		gaps &= GAP_INTERRUPTED | GAP_CHANGED | GAP_PRIVATE_TABLE | GAP_VANISHED |
			GAP_SETTINGS;
	add_gaps(view->snapshot, gaps, screen, out);
	if (view->snapshot->netns_skipped)
		strbuf_printf(out, "  not read: %s that could not be entered\n",
			      COUNTED(view->snapshot->netns_skipped, "network namespace"));
	if (view->snapshot->netns_hidden)
		strbuf_printf(out, "  not read: namespaces of %s not told to this user\n",
			      COUNTED(view->snapshot->netns_hidden, "process"));
}

void status_view_text(const struct status_view *view, const struct screen *screen,
		      struct strbuf *out)
{
	add_host(view, screen, out);
	add_verdict(view, screen, out);
	add_ranges(view, out);
	if (view->usage->n_netns)
		add_time_wait(view, out);
	if (view->usage->groups) {
		strbuf_putc(out, '\n');
		status_table_text(view, screen, lines_in(out, 0), out);
	}
	add_doubts(view, screen, out);
	add_next(view, out);
	add_risks(view, screen, out);
}
