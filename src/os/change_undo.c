#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "change_step.h"
#include "error.h"

static bool same_target(const struct change *a, const struct change_step *left,
			const struct change *b, const struct change_step *right)
{
	if (!left->path != !right->path)
		return false;
	if (left->path)
		return strcmp(left->path, right->path) == 0 &&
		       strcmp(a->place.host, b->place.host) == 0 &&
		       strcmp(a->place.root, b->place.root) == 0;
	return strcmp(left->setting, right->setting) == 0 &&
	       change_place_same(&a->place, &b->place);
}

static bool overlaps(const struct change *a, const struct change *b)
{
	for (unsigned i = 0; i < a->steps; i++)
		for (unsigned j = 0; j < b->steps; j++)
			if (same_target(a, &a->step[i], b, &b->step[j]))
				return true;
	return false;
}

static int check_later(const struct change_list *list, const struct change *change,
		       struct eph_error *reterr)
{
	const struct change *later = NULL;

	for (size_t i = list->count; !later && i-- > 0 && list->change[i] != change;)
		if (list->change[i]->state != CHANGE_UNDONE && overlaps(list->change[i], change))
			later = list->change[i];
	if (!later)
		return 0;
	return error_set(reterr, -EBUSY, "undo",
			 "change %s, later, changed the same; undo that one first: ephemports "
			 "range undo %s",
			 later->id, later->id);
}

/* Where, and the option with which it is undone there. */
static int made_elsewhere(const struct change *change, const struct change_place *here,
			  struct eph_error *reterr)
{
	const struct change_place *there = &change->place;
	const char *netns = there->netns_name;

	if (strcmp(there->host, here->host) != 0)
		return error_set(
			reterr, -EXDEV, "undo", "change %s was made on %s%.100s", change->id,
			*there->host ? "another host: --host " : "this machine", there->host);
	if (strcmp(there->root, here->root) != 0)
		return error_set(
			reterr, -EXDEV, "undo",
			"change %s was made in another file tree: %s EPHEMPORTS_ROOT%s%.180s",
			change->id, *there->root ? "set" : "unset", *there->root ? "=" : "",
			there->root);
	return error_set(reterr, -EXDEV, "undo",
			 "change %s was made in another network namespace%s%.100s", change->id,
			 !*netns                      ? ""
			 : change_place_option(there) ? ": -N "
						      : ": ",
			 netns);
}

static int check_state(const struct change_run *run, const struct change *change,
		       struct eph_error *reterr)
{
	if (change->state == CHANGE_UNDONE)
		return error_set(reterr, -EALREADY, "undo", "change %s is undone already",
				 change->id);
	if (!change_place_same(&change->place, &run->runner->place))
		return made_elsewhere(change, &run->runner->place, reterr);
	return 0;
}

/* Every step must be ours still. @ret_stand has CHANGE_STEPS_MAX. */
static int check_stand(struct change_run *run, const struct change *change,
		       enum step_stand *ret_stand, struct eph_error *reterr)
{
	for (unsigned i = 0; i < change->steps; i++) {
		int r = change_step_stand(run, &change->step[i], &ret_stand[i], reterr);

		if (r < 0)
			return r;
		if (ret_stand[i] == STEP_OTHER || ret_stand[i] == STEP_HALF)
			return error_set(reterr, -ESTALE, "undo",
					 "%.180s was changed by somebody else since change %s; "
					 "nothing was undone",
					 change_step_name(&change->step[i]), change->id);
	}
	return 0;
}

/* Keep what the file holds now, in case that the undoing fails half way. */
static int keep_content(struct change_run *run, struct change_step *step, struct eph_error *reterr)
{
	struct runner_file file;
	int r;

	if (!step->path || step->link_to)
		return 0;
	r = run->runner->ops->file_read(run->runner, step->path, &file, reterr);
	if (r == 0 && strcmp(file.digest, step->digest_after) != 0)
		r = error_set(reterr, -ESTALE, "undo", "%.200s was changed meanwhile", step->path);
	if (r == 0) {
		free(step->content);
		step->content = file.text;
		step->length = file.length;
		file.text = NULL;
	}
	runner_file_done(&file);
	return r;
}

static int back(struct change_run *run, struct change *change, const enum step_stand *stand,
		struct eph_error *error)
{
	struct eph_error second;
	unsigned i = change->steps;
	int r = 0;

	while (r == 0 && i-- > 0) {
		if (stand[i] == STEP_BEFORE)
			continue;
		r = keep_content(run, &change->step[i], error);
		if (r == 0)
			r = change_step_take_back(run, &change->step[i], error);
	}
	if (r == 0)
		return 0;
	/* As the change had left it: what was taken back is taken again. */
	change_remember(run, true);
	for (; i < change->steps; i++) {
		enum step_stand now;

		if (stand[i] == STEP_AFTER &&
		    change_step_stand(run, &change->step[i], &now, &second) == 0 &&
		    now != STEP_AFTER && (now == STEP_BEFORE || !change->step[i].path))
			change_step_take(run, &change->step[i], &second);
	}
	journal_mark(run->journal, change, CHANGE_DONE, &second);
	return r;
}

static int undo(struct change_run *run, struct change *change, struct eph_error *reterr)
{
	enum step_stand stand[CHANGE_STEPS_MAX];
	struct eph_error error = {.step = "undo"};
	int r = check_stand(run, change, stand, reterr);

	if (r == 0)
		r = journal_mark(run->journal, change, CHANGE_BEGUN, reterr);
	if (r < 0)
		return r;
	change_point(run);
	r = back(run, change, stand, &error);
	change_point(run);
	if (r == 0)
		r = journal_mark(run->journal, change, CHANGE_UNDONE, &error);
	if (r < 0 && reterr)
		*reterr = error;
	return r;
}

int change_undo(struct change_run *run, const struct change_list *list, struct change *change,
		struct eph_error *reterr)
{
	int r = check_state(run, change, reterr);

	if (r == 0)
		r = check_later(list, change, reterr);
	if (r < 0)
		return r;
	change_remember(run, true);
	r = undo(run, change, reterr);
	change_remember(run, false);
	return r;
}

int change_note_undone(struct change_run *run, struct change *change, struct eph_error *reterr)
{
	int r = check_state(run, change, reterr);

	change_remember(run, true);
	for (unsigned i = 0; r == 0 && i < change->steps; i++) {
		enum step_stand stand;

		r = change_step_stand(run, &change->step[i], &stand, reterr);
		if (r == 0 && stand != STEP_BEFORE)
			r = error_set(reterr, -ESTALE, "undo", "change %s: %.180s is not as before",
				      change->id, change_step_name(&change->step[i]));
	}
	change_remember(run, false);
	return r < 0 ? r : journal_mark(run->journal, change, CHANGE_UNDONE, reterr);
}
