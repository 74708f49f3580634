#include "change_step.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "text_sysctl_conf.h"

void change_point(struct change_run *run)
{
	run->points++;
	if (run->at_point)
		run->at_point(run->userdata, run->points);
}

void change_remember(struct change_run *run, bool on)
{
	const struct setting_ops *ops = run->runner->settings;

	if (ops && ops->remember)
		ops->remember(run->runner, on);
}

const char *change_step_name(const struct change_step *step)
{
	return step->path ? step->path : change_setting_name(step->setting);
}

static bool same_value(const char *a, const char *b)
{
	return text_sysctl_conf_same((struct text_span){a, strlen(a)},
				     (struct text_span){b, strlen(b)});
}

static int stand_of_file(struct change_run *run, const struct change_step *step,
			 enum step_stand *ret, struct eph_error *reterr)
{
	struct runner_file file;
	int r = run->runner->ops->file_read(run->runner, step->path, &file, reterr);

	if (r == 0)
		*ret = strcmp(file.digest, step->digest_after) == 0    ? STEP_AFTER
		       : strcmp(file.digest, step->digest_before) == 0 ? STEP_BEFORE
								       : STEP_OTHER;
	runner_file_done(&file);
	return r;
}

static int stand_of_link(struct change_run *run, const struct change_step *step,
			 enum step_stand *ret, struct eph_error *reterr)
{
	const struct runner_ops *ops = run->runner->ops;
	struct strbuf to = STRBUF_INIT;
	int r = ops->link_read ? ops->link_read(run->runner, step->path, &to, reterr)
			       : error_set(reterr, -EOPNOTSUPP, "link", "%.200s: no links here",
					   step->path);

	*ret = r == 0 && !to.length                            ? STEP_BEFORE
	       : r == 0 && strcmp(to.text, step->link_to) == 0 ? STEP_AFTER
							       : STEP_OTHER;
	strbuf_done(&to);
	return r == -EEXIST ? 0 : r;
}

static enum step_stand stand_between(const struct change_run *run, const struct change_step *step,
				     const char *now)
{
	const struct setting_ops *ops = run->runner->settings;

	return ops->is_between && ops->is_between(run->runner, step->setting, step->before,
						  step->after, now)
		       ? STEP_HALF
		       : STEP_OTHER;
}

static int stand_of_setting(struct change_run *run, const struct change_step *step,
			    enum step_stand *ret, struct eph_error *reterr)
{
	struct strbuf value = STRBUF_INIT;
	int r = run->runner->settings->read(run->runner, step->setting, &value, reterr);

	if (r == 0)
		*ret = same_value(value.text, step->after) ? STEP_AFTER
		       : same_value(value.text, step->before)
			       ? STEP_BEFORE
			       : stand_between(run, step, value.text);
	strbuf_done(&value);
	return r;
}

int change_step_stand(struct change_run *run, const struct change_step *step, enum step_stand *ret,
		      struct eph_error *reterr)
{
	if (step->link_to)
		return stand_of_link(run, step, ret, reterr);
	return step->path ? stand_of_file(run, step, ret, reterr)
			  : stand_of_setting(run, step, ret, reterr);
}

bool change_step_may_be_half(const struct change_run *run, const struct change_step *step)
{
	const struct setting_ops *ops = run->runner->settings;
	size_t longest;

	if (step->path)
		return false;
	longest = strlen(step->before) > strlen(step->after) ? strlen(step->before)
							     : strlen(step->after);
	return ops->clamps || (ops->atomic_bytes && longest > ops->atomic_bytes);
}

/* Write and read back. */
static int set(struct change_run *run, const char *name, const char *value,
	       struct eph_error *reterr)
{
	const struct setting_ops *ops = run->runner->settings;
	struct strbuf taken = STRBUF_INIT;
	int r = ops->write(run->runner, name, value, reterr);

	change_point(run);
	if (r == 0)
		r = ops->read(run->runner, name, &taken, reterr);
	if (r == 0 && !same_value(taken.text, value))
		r = error_set(reterr, -EREMOTEIO, "setting",
			      "%.80s%s: asked for '%.80s', the system took '%.80s'",
			      change_setting_name(name), change_setting_when(name), value,
			      taken.text);
	strbuf_done(&taken);
	return r;
}

static int put_link(struct change_run *run, const struct change_step *step, bool remove,
		    struct eph_error *reterr)
{
	const struct runner_ops *ops = run->runner->ops;
	enum step_stand stand;
	int r = ops->link_replace
			? ops->link_replace(run->runner, step->path, step->link_to, remove, reterr)
			: error_set(reterr, -EOPNOTSUPP, "link", "%.200s: no links here",
				    step->path);

	change_point(run);
	if (r == 0)
		r = stand_of_link(run, step, &stand, reterr);
	if (r == 0 && stand != (remove ? STEP_BEFORE : STEP_AFTER))
		r = error_set(reterr, -EREMOTEIO, "link", "%.200s: reads back as something else",
			      step->path);
	return r;
}

static int put(struct change_run *run, const char *path, const char *from, const char *to,
	       const char *text, size_t length, unsigned mode, struct eph_error *reterr)
{
	const struct runner_ops *ops = run->runner->ops;
	struct runner_file file;
	int r = ops->file_replace(run->runner, path, from, *to ? text : NULL, length, mode, reterr);

	change_point(run);
	if (r < 0)
		return r;
	r = ops->file_read(run->runner, path, &file, reterr);
	if (r == 0 && strcmp(file.digest, to) != 0)
		r = error_set(reterr, -EREMOTEIO, "file", "%.200s: reads back as something else",
			      path);
	runner_file_done(&file);
	return r;
}

int change_step_take(struct change_run *run, const struct change_step *step,
		     struct eph_error *reterr)
{
	change_point(run);
	if (!step->path)
		return set(run, step->setting, step->after, reterr);
	if (step->link_to)
		return put_link(run, step, false, reterr);
	return put(run, step->path, step->digest_before, step->digest_after, step->content,
		   step->length, step->mode, reterr);
}

int change_step_take_back(struct change_run *run, const struct change_step *step,
			  struct eph_error *reterr)
{
	CLEANUP(freep) char *copy = NULL;
	const char *text = step->old_content;
	size_t length = step->old_length;
	int r = 0;

	change_point(run);
	if (!step->path)
		return set(run, step->setting, step->before, reterr);
	if (step->link_to)
		return put_link(run, step, true, reterr);
	if (*step->digest_before && !text) {
		r = journal_backup(run->journal, step, &copy, &length, reterr);
		text = copy;
	}
	return r < 0 ? r
		     : put(run, step->path, step->digest_after, step->digest_before, text, length,
			   0, reterr);
}

/* Does the name still mean the same after a reboot? Not that of a process, nor a bare inode number. */
static bool lasts(const char *netns_name)
{
	return strncmp(netns_name, CHANGE_NETNS_INODE, strlen(CHANGE_NETNS_INODE)) != 0 &&
	       (*netns_name < '0' || *netns_name > '9');
}

bool change_place_same(const struct change_place *a, const struct change_place *b)
{
	if (strcmp(a->host, b->host) != 0 || strcmp(a->root, b->root) != 0)
		return false;
	if (*a->boot && strcmp(a->boot, b->boot) == 0)
		return a->netns == b->netns;
	return lasts(a->netns_name) && strcmp(a->netns_name, b->netns_name) == 0;
}
