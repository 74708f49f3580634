#include <errno.h>

#include "range.h"
#include "range_change.h"
#include "range_guard.h"

static int check(const struct range_change *range, struct eph_error *reterr)
{
	for (unsigned i = 0; i < range->change->steps; i++)
		if (!range->change->step[i].path)
			return error_set(reterr, -ESTALE, "confirm",
					 "the range is %s by now, not %s: set it again",
					 range->change->step[i].before,
					 range->change->step[i].after);
	return 0;
}

/* What runs already is written into the files; then nobody takes it back any more. */
int range_confirm(const struct arguments *arguments, struct outcome *outcome,
		  struct eph_error *reterr)
{
	struct range_change range = {.persist = !arguments_has(arguments, "no-persist")};
	struct range_pending pending;
	struct change_session session;
	int r = change_session_is_image(arguments)
			? error_set(reterr, -EINVAL, "confirm",
				    "the system below EPHEMPORTS_ROOT does not run")
			: change_session_check(arguments, reterr);

	if (r == 0)
		r = range_change_begin(arguments, &range, reterr);

	if (r == 0) {
		r = change_session_open(arguments, true, &session, reterr);
		if (r == 0)
			r = range_pending_read(&session, &pending, reterr);
		if (r == 0) {
			range.wish = pending.range;
			r = range_change_plan(&session, &range, reterr);
		}
		if (r == 0)
			r = check(&range, reterr);
		if (r == 0)
			r = change_apply(&session.run, range.change, reterr);
		if (r == 0 && range_pending_remove(&session) < 0)
			r = error_set(reterr, -EIO, "confirm", "it cannot be marked as confirmed");
		if (r == 0) {
			range_change_note(&range, false,
					  "confirmed: it is not taken back any more");
			range_change_show(arguments, &range, outcome);
			outcome->changed = true;
		}
		change_session_close(&session);
	}
	range_change_done(&range);
	return r;
}
