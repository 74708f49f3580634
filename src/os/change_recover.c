#include <string.h>

#include "change.h"
#include "change_step.h"
#include "error.h"

/* A value that is neither old nor new is ours only where the change stood when it was interrupted: behind steps that were
 * taken, before steps that were not. */
static bool is_half_set(const struct change_run *run, const struct change *change,
			const enum step_stand *stand, unsigned at)
{
	for (unsigned i = 0; i < change->steps; i++)
		if (i != at && stand[i] != (i < at ? STEP_AFTER : STEP_BEFORE))
			return false;
	return *change->place.boot && strcmp(change->place.boot, run->runner->place.boot) == 0 &&
	       change_step_may_be_half(run, &change->step[at]);
}

static int tidy(struct change_run *run, const struct change *change, struct eph_error *reterr)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < change->steps; i++)
		if (change->step[i].path && !change->step[i].link_to)
			r = run->runner->ops->file_tidy(run->runner, change->step[i].path, reterr);
	return r;
}

/* @ret_stand has CHANGE_STEPS_MAX. */
static int look(struct change_run *run, const struct change *change, enum step_stand *ret_stand,
		unsigned *ret_after, unsigned *ret_before, struct eph_error *reterr)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < change->steps; i++) {
		r = change_step_stand(run, &change->step[i], &ret_stand[i], reterr);
		*ret_after += r == 0 && ret_stand[i] == STEP_AFTER;
		*ret_before += r == 0 && ret_stand[i] == STEP_BEFORE;
	}
	return r;
}

static void say(struct strbuf *said, const struct change *change, const char *what)
{
	if (said->length)
		strbuf_putc(said, '\n');
	strbuf_printf(said, "change %s was interrupted: %s", change->id, what);
}

static int take_back(struct change_run *run, struct change *change, const enum step_stand *stand,
		     struct strbuf *said, struct eph_error *reterr)
{
	struct strbuf left = STRBUF_INIT;
	int r = 0;

	strbuf_puts(&left, "it was taken back, everything is as before");
	for (unsigned i = change->steps; r == 0 && i-- > 0;) {
		const struct change_step *step = &change->step[i];

		if (stand[i] == STEP_AFTER || stand[i] == STEP_HALF ||
		    (stand[i] == STEP_OTHER && is_half_set(run, change, stand, i)))
			r = change_step_take_back(run, step, reterr);
		else if (stand[i] == STEP_OTHER)
			strbuf_printf(&left, "; only %s is left as somebody else set it since",
				      change_step_name(step));
	}
	if (r == 0)
		say(said, change, left.text);
	strbuf_done(&left);
	return r;
}

static int settle(struct change_run *run, struct change *change, struct strbuf *said,
		  struct eph_error *reterr)
{
	enum step_stand stand[CHANGE_STEPS_MAX];
	enum change_state state = CHANGE_UNDONE;
	unsigned after = 0, before = 0;
	int r = tidy(run, change, reterr);

	if (r == 0)
		r = look(run, change, stand, &after, &before, reterr);
	if (r < 0)
		return r;
	if (after == change->steps) {
		state = CHANGE_DONE;
		say(said, change, "all of it is in place, so it is done");
	} else if (before == change->steps) {
		say(said, change, "nothing of it is in place, everything is as before");
	} else {
		r = take_back(run, change, stand, said, reterr);
	}
	change_point(run);
	return r == 0 ? journal_mark(run->journal, change, state, reterr) : r;
}

int change_recover(struct change_run *run, struct strbuf *said, struct eph_error *reterr)
{
	struct change_list list;
	struct eph_error error = {.step = "journal"};
	int r = journal_list(run->journal, &list, reterr);

	/* The latest first: an earlier one may have been interrupted in the same place. */
	for (size_t i = list.count; r == 0 && i-- > 0;) {
		struct change *change = list.change[i];

		if (change->state != CHANGE_BEGUN ||
		    !change_place_same(&change->place, &run->runner->place))
			continue;
		change_remember(run, true);
		r = settle(run, change, said, &error);
		change_remember(run, false);
		if (r < 0)
			error_set(reterr, r, "journal",
				  "change %s was interrupted and cannot be settled: %.200s",
				  change->id, error.message);
	}
	change_list_done(&list);
	return r;
}
