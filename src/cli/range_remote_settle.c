/*
 * What waits for confirmation on another machine, found by a later run: still waiting, taken back by its guard, or left alone
 * by a guard that was killed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "range_remote_guard.h"

static void tell(const struct range_remote *remote, const struct range_waiting *waiting,
		 const char *what)
{
	char text[400];

	snprintf(text, sizeof(text), "%u-%u, set for a while, %s", waiting->range.lo,
		 waiting->range.hi, what);
	range_remote_tell(remote, text);
}

/* The guard has decided: the journal shall know. What does not stand as before was confirmed, or somebody else set it. */
static int note(struct range_remote *remote, const struct range_waiting *waiting,
		struct eph_error *reterr)
{
	struct change_list list = {.count = 0};
	struct change *change;
	int r = journal_list(remote->journal, &list, reterr);

	change = range_waiting_change(waiting, remote->host.runner.place.host, &list);
	if (r == 0 && change) {
		r = change_note_undone(&remote->run, change, reterr);
		if (r == 0)
			tell(remote, waiting, "was not confirmed in time: it was taken back");
		else if (r == -ESTALE || r == -EXDEV)
			tell(remote, waiting, "is not taken back any more");
		r = r == -ESTALE || r == -EXDEV ? 0 : r;
	}
	if (r == 0)
		range_waiting_remove(remote);
	change_list_done(&list);
	return r;
}

/* Return: 1 when the change that it guards does; 0, or negative errno with @reterr. */
static int stands(struct range_remote *remote, const struct range_waiting *waiting,
		  struct eph_error *reterr)
{
	struct change_list list = {.count = 0};
	int r = journal_list(remote->journal, &list, reterr);

	if (r == 0)
		r = range_waiting_change(waiting, remote->host.runner.place.host, &list) != NULL;
	change_list_done(&list);
	return r;
}

int range_waiting_settle(struct range_remote *remote, struct range_waiting *ret,
			 enum range_guard_state *ret_state, struct eph_error *reterr)
{
	int r;

	if (range_waiting_read(journal_path(remote->journal), remote->host.runner.place.host, ret,
			       NULL) < 0)
		return 0;
	r = range_waiting_look(remote, ret, ret_state, reterr);
	if (r == 0 && *ret_state != RANGE_GUARD_GONE) {
		r = stands(remote, ret, reterr);
		if (r != 0)
			return r;
		r = range_waiting_end(remote, ret, reterr);
		if (r != -ESRCH)
			return r;
		r = 0;
	}
	return r < 0 ? r : note(remote, ret, reterr);
}

int range_waiting_take_back(struct range_remote *remote, const struct range_waiting *waiting,
			    struct eph_error *reterr)
{
	struct change_list list = {.count = 0};
	struct change *change;
	int r = range_waiting_end(remote, waiting, reterr);

	if (r == 0)
		r = journal_list(remote->journal, &list, reterr);
	change = r == 0 ? range_waiting_change(waiting, remote->host.runner.place.host, &list)
			: NULL;
	if (change) {
		r = change_undo(&remote->run, &list, change, reterr);
		if (r == 0)
			tell(remote, waiting,
			     "was not taken back by its guard, which is gone: it is as before "
			     "now");
		else if (r == -ESTALE || r == -EBUSY)
			tell(remote, waiting, "was changed since: its guard was killed");
		r = r == -ESTALE || r == -EBUSY ? 0 : r;
	}
	change_list_done(&list);
	return r;
}

/* The change of this id, back to what was before; what the guard took back already is left as it is. */
static int take_back_late(struct range_remote *remote, const char *id, struct eph_error *reterr)
{
	struct change_list list = {.count = 0};
	int r = journal_list(remote->journal, &list, reterr);

	for (size_t i = 0; r == 0 && i < list.count; i++)
		if (strcmp(list.change[i]->id, id) == 0)
			r = change_undo(&remote->run, &list, list.change[i], reterr);
	change_list_done(&list);
	return r;
}

int range_waiting_in_time(struct range_remote *remote, const struct range_waiting *waiting,
			  struct eph_error *reterr)
{
	enum range_guard_state state;
	int r;

	/* Who cannot be asked any more still has its guard. */
	if (range_waiting_look(remote, waiting, &state, NULL) < 0 || state == RANGE_GUARD_WAITS)
		return 0;
	r = take_back_late(remote, waiting->id, reterr);
	if (r < 0)
		return r;
	range_waiting_remove(remote);
	return error_set(
		reterr, -ETIMEDOUT, "range",
		"%.80s: setting it took longer than the %u s after which it is taken back; "
		"everything is as before: give more seconds",
		remote->host.runner.place.host, (unsigned)(waiting->until_s - waiting->armed_s));
}
