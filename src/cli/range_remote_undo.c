#include <stdio.h>
#include <string.h>

#include "range.h"
#include "range_remote_guard.h"
#include "range_undo.h"

int range_remote_undo(const struct arguments *arguments, const char *host, struct host_row *row,
		      struct outcome *outcome, struct eph_error *reterr)
{
	const char *id = arguments->n_operands > 1 ? arguments->operand[1] : NULL;
	struct change_list list = {.count = 0};
	struct range_remote remote;
	struct change *change = NULL;
	struct range_waiting waiting;
	enum range_guard_state state;
	int r = range_remote_open(arguments, host, true, &remote, reterr), waits;

	waits = r == 0 ? range_waiting_settle(&remote, &waiting, &state, reterr) : 0;
	if (waits < 0)
		r = waits;
	if (r == 0)
		r = journal_list(remote.journal, &list, reterr);
	if (r == 0)
		r = range_undo_find(&list, id, host, &change, reterr);
	/* Nobody else shall take it back at the same time. */
	if (r == 0 && waits > 0 && range_waiting_change(&waiting, host, &list) == change)
		r = range_waiting_end(&remote, &waiting, reterr);
	if (r == 0)
		r = change_undo(&remote.run, &list, change, reterr);
	outcome->changed = r == 0;
	if (r == 0) {
		snprintf(row->text, sizeof(row->text), "%s change %s is undone",
			 remote.host.system->title, change->id);
		range_undo_show(arguments, change, outcome);
	}
	change_list_done(&list);
	range_remote_close(&remote);
	return r;
}
