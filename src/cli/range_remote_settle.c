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
