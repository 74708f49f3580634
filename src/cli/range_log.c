#include <string.h>

#include "change.h"
#include "change_view.h"
#include "journal.h"
#include "look.h"
#include "printable.h"
#include "range.h"
#include "range_waiting.h"
#include "ssh_words.h"

/* Only those of one host. */
static void keep_host(struct change_list *list, const char *host)
{
	size_t left = 0;

	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->change[i]->place.host, host) == 0)
			list->change[left++] = list->change[i];
		else
			change_free(list->change[i]);
	list->count = left;
}

static void add_line(struct strbuf *text, struct strbuf *out)
{
	if (text->length) {
		strbuf_putc(out, '\n');
		printable_puts(out, text->text);
		strbuf_putc(out, '\n');
	}
	strbuf_done(text);
}

static bool is_last_of_host(const struct change_list *list, size_t index)
{
	for (size_t i = index + 1; i < list->count; i++)
		if (strcmp(list->change[i]->place.host, list->change[index]->place.host) == 0)
			return false;
	return true;
}

/* What waits for confirmation: here, and on each host that something was changed on. */
static void add_waiting(const struct arguments *arguments, const struct change_list *list,
			struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;
	struct change_session session;

	if (!arguments_has(arguments, "host")) {
		if (change_session_open(arguments, false, &session, NULL) == 0)
			range_waiting_here(&session, &text);
		change_session_close(&session);
		add_line(&text, out);
	}
	for (size_t i = 0; i < list->count; i++) {
		text = (struct strbuf)STRBUF_INIT;
		if (*list->change[i]->place.host && is_last_of_host(list, i))
			range_waiting_there(list->change[i]->place.host, &text);
		add_line(&text, out);
	}
}

int range_log(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	struct journal *journal = NULL;
	struct change_list list = {.count = 0};
	struct screen screen = look_screen();
	struct ssh_target target;
	int r = arguments_has(arguments, "host")
			? ssh_target_parse(arguments_get(arguments, "host"), &target, reterr)
			: 0;

	if (r == 0)
		r = journal_open(JOURNAL_READ, &journal, reterr);

	if (r == 0)
		r = journal_list(journal, &list, reterr);
	if (r == 0 && arguments_has(arguments, "host"))
		keep_host(&list, arguments_get(arguments, "host"));
	if (r == 0 && arguments_has(arguments, "json"))
		journal_view_json(list.change, list.count, list.unreadable, &outcome->text);
	else if (r == 0 && (list.count || !list.unreadable))
		journal_view_text(list.change, list.count, &screen, &outcome->text);
	if (r == 0 && !arguments_has(arguments, "json"))
		add_waiting(arguments, &list, &outcome->text);
	if (r == 0 && list.unreadable) {
		outcome->status = STATUS_WARNING;
		if (!arguments_has(arguments, "json"))
			strbuf_printf(&outcome->text, "%u not readable, %s among them, in %s\n",
				      list.unreadable, list.first_unreadable,
				      journal_path(journal));
	}
	change_list_done(&list);
	journal_close(journal);
	return r;
}
