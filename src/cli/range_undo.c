#include <errno.h>
#include <string.h>

#include "change_session.h"
#include "change_view.h"
#include "json.h"
#include "look.h"
#include "number.h"
#include "range.h"
#include "range_undo.h"

int range_undo_find(const struct change_list *list, const char *id, const char *host,
		    struct change **ret, struct eph_error *reterr)
{
	*ret = id ? change_list_find(list, id) : NULL;
	for (size_t i = list->count; !id && !*ret && i-- > 0;)
		if (list->change[i]->state == CHANGE_DONE &&
		    strcmp(list->change[i]->place.host, host) == 0)
			*ret = list->change[i];
	/* One of them may be the last, or the one that is named. */
	if (list->unreadable && (!id || !*ret))
		return error_set(reterr, -EBADMSG, "undo",
				 "%s of the journal cannot be read, %.40s among them%s",
				 COUNTED(list->unreadable, "change"), list->first_unreadable,
				 id ? ""
				    : ": name the one to undo, ephemports range log lists them");
	if (*ret)
		return 0;
	if (id)
		return error_set(reterr, -ENOENT, "undo",
				 "no change '%.40s'; ephemports range log lists them", id);
	return error_set(reterr, -ENOENT, "undo", "there is no change to undo%s%.80s",
			 *host ? " on " : "", host);
}

void range_undo_show(const struct arguments *arguments, const struct change *change,
		     struct outcome *outcome)
{
	struct json json = {.out = &outcome->text};
	struct screen screen = look_screen();

	if (!arguments_has(arguments, "json")) {
		change_view_undone(change, &screen, &outcome->text);
		return;
	}
	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "undone", change->id);
	journal_view_changes(change, true, &json);
	json_end(&json);
}

int range_undo(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	const char *id = arguments->n_operands > 1 ? arguments->operand[1] : NULL;
	struct change_session session;
	struct change_list list = {.count = 0};
	struct change *change;
	int r = change_session_open(arguments, true, &session, reterr);

	if (r == 0)
		r = journal_list(session.journal, &list, reterr);
	if (r == 0)
		r = range_undo_find(&list, id, "", &change, reterr);
	if (r == 0)
		r = change_undo(&session.run, &list, change, reterr);
	outcome->changed = r == 0;
	if (r == 0)
		range_undo_show(arguments, change, outcome);
	change_list_done(&list);
	change_session_close(&session);
	return r;
}
