#include "change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "change_step.h"
#include "error.h"

struct change *change_new(const struct change_place *place)
{
	struct change *change = calloc(1, sizeof(*change));

	if (change)
		change->place = *place;
	return change;
}

struct change *change_free(struct change *change)
{
	for (unsigned i = 0; change && i < CHANGE_STEPS_MAX; i++) {
		struct change_step *step = &change->step[i];

		free(step->setting);
		free(step->before);
		free(step->after);
		free(step->path);
		free(step->content);
		free(step->old_content);
		free(step->link_to);
	}
	free(change);
	return NULL;
}

static bool too_long(const char *value)
{
	return value && strlen(value) > CHANGE_VALUE_MAX;
}

/* Copies that may be NULL; false when out of memory. */
static bool copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return *ret || !text;
}

static bool copy_bytes(const char *text, size_t length, char **ret, size_t *ret_length)
{
	*ret = text ? malloc(length + 1) : NULL;
	if (*ret) {
		memcpy(*ret, text, length);
		(*ret)[length] = '\0';
		*ret_length = length;
	}
	return *ret || !text;
}

static int add(struct change *change, const char *setting, const char *before, const char *after,
	       struct change_step **ret)
{
	struct change_step *step = &change->step[change->steps];

	if (change->steps == CHANGE_STEPS_MAX || strlen(setting) > CHANGE_SETTING_MAX ||
	    too_long(before) || too_long(after))
		return -E2BIG;
	change->steps++;
	*ret = step;
	return copy_text(setting, &step->setting) && copy_text(before, &step->before) &&
			       copy_text(after, &step->after)
		       ? 0
		       : -ENOMEM;
}

int change_add_setting(struct change *change, const char *setting, const char *before,
		       const char *after)
{
	struct change_step *step;

	return add(change, setting, before, after, &step);
}

int change_add_file(struct change *change, const char *setting, const char *before,
		    const char *after, const char *path, const struct runner_file *file,
		    const char *text, size_t length)
{
	struct change_step *step;
	int r;

	if (strlen(path) >= CHANGE_PATH_BYTES || (text && length > CHANGE_CONTENT_MAX))
		return -E2BIG;
	r = add(change, setting, before, after, &step);
	if (r < 0)
		return r;
	memcpy(step->digest_before, file->digest, sizeof(step->digest_before));
	if (text)
		digest_bytes(text, length, step->digest_after);
	return copy_text(path, &step->path) &&
			       copy_bytes(text, length, &step->content, &step->length) &&
			       copy_bytes(file->text, file->length, &step->old_content,
					  &step->old_length)
		       ? 0
		       : -ENOMEM;
}

int change_add_link(struct change *change, const char *setting, const char *path, const char *to)
{
	struct change_step *step;
	int r;

	if (strlen(path) >= CHANGE_PATH_BYTES || strlen(to) >= CHANGE_PATH_BYTES)
		return -E2BIG;
	r = add(change, setting, NULL, NULL, &step);
	if (r < 0)
		return r;
	digest_bytes(to, strlen(to), step->digest_after);
	return copy_text(path, &step->path) && copy_text(to, &step->link_to) ? 0 : -ENOMEM;
}

/* What the plan was made for must still be so: a value that somebody set meanwhile would be lost. */
static int check_before(struct change_run *run, const struct change *change,
			struct eph_error *reterr)
{
	for (unsigned i = 0; i < change->steps; i++) {
		enum step_stand stand;
		int r = change_step_stand(run, &change->step[i], &stand, reterr);

		if (r < 0)
			return r;
		if (stand == STEP_OTHER || stand == STEP_HALF)
			return error_set(reterr, -ESTALE, "change",
					 "%.200s was changed by somebody else meanwhile; nothing "
					 "was done",
					 change_step_name(&change->step[i]));
	}
	return 0;
}

/* Steps up to and with @last, backwards. The last one may be half done; else only what is still ours is touched. */
static int take_back(struct change_run *run, struct change *change, unsigned last,
		     struct eph_error *reterr)
{
	int first_error = 0;

	change_remember(run, true);
	for (unsigned i = last + 1; i-- > 0;) {
		const struct change_step *step = &change->step[i];
		enum step_stand stand;
		int r = change_step_stand(run, step, &stand, reterr);

		if (r == 0 &&
		    (stand == STEP_AFTER || stand == STEP_HALF ||
		     (stand == STEP_OTHER && i == last && change_step_may_be_half(run, step))))
			r = change_step_take_back(run, step, reterr);
		if (r < 0 && first_error == 0)
			first_error = r;
	}
	return first_error;
}

/* @error says why; what could not be taken back is added to it. */
static int give_up(struct change_run *run, struct change *change, unsigned last,
		   struct eph_error *error)
{
	struct eph_error second;
	int r = take_back(run, change, last, &second);

	if (r == 0)
		r = journal_mark(run->journal, change, CHANGE_UNDONE, &second);
	if (r < 0) {
		struct eph_error first = *error;

		error_set(error, first.code, first.step,
			  "%.130s; and not all could be taken back: %.100s; the next run tries "
			  "again",
			  first.message, second.message);
	}
	return error->code;
}

static int apply(struct change_run *run, struct change *change, struct eph_error *reterr)
{
	struct eph_error error = {.step = "change"};
	unsigned i = 0;
	int r;

	r = check_before(run, change, reterr);
	if (r < 0)
		return r;
	change_point(run);
	r = journal_begin(run->journal, change, reterr);
	if (r < 0)
		return r;
	while (r == 0 && i < change->steps)
		r = change_step_take(run, &change->step[i++], &error);
	change_point(run);
	if (r == 0)
		r = journal_mark(run->journal, change, CHANGE_DONE, &error);
	if (r == 0) {
		change_point(run);
		return 0;
	}
	r = give_up(run, change, i - 1, &error);
	if (reterr)
		*reterr = error;
	return r;
}

int change_apply(struct change_run *run, struct change *change, struct eph_error *reterr)
{
	int r;

	if (!change->steps)
		return 0;
	change_remember(run, true);
	r = apply(run, change, reterr);
	change_remember(run, false);
	return r;
}
