#include <string.h>

#include "change.h"
#include "change_view.h"
#include "journal.h"
#include "look.h"
#include "range.h"

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

int range_log(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	struct journal *journal = NULL;
	struct change_list list = {.count = 0};
	struct screen screen = look_screen();
	int r = journal_open(JOURNAL_READ, &journal, reterr);

	if (r == 0)
		r = journal_list(journal, &list, reterr);
	if (r == 0 && arguments_has(arguments, "host"))
		keep_host(&list, arguments_get(arguments, "host"));
	if (r == 0 && arguments_has(arguments, "json"))
		journal_view_json(list.change, list.count, &outcome->text);
	else if (r == 0)
		journal_view_text(list.change, list.count, &screen, &outcome->text);
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
