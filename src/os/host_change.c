#include "host_change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "edit_text.h"
#include "error.h"
#include "plan_order.h"

struct host_change *host_change_free(struct host_change *change)
{
	if (!change)
		return NULL;
	change_free(change->change);
	for (unsigned i = 0; i < CHANGE_STEPS_MAX; i++)
		free(change->command[i]);
	os_edits_done(&change->edits);
	os_host_files_done(&change->files);
	free(change);
	return NULL;
}

int host_change_read(struct os_host *host, struct host_change **ret, struct eph_error *reterr)
{
	struct host_change *change = calloc(1, sizeof(*change));
	struct os_files files;
	int r = change ? os_host_read(host, &change->state, reterr)
		       : error_set(reterr, -ENOMEM, "host", "out of memory");

	if (r == 0)
		r = os_host_files(host, &change->files, reterr);
	if (r < 0) {
		host_change_free(change);
		return r;
	}
	files = (struct os_files){change->files.file, change->files.count};
	os_boot(&change->state, &files);
	*ret = change;
	return 0;
}

int host_change_default(const struct host_change *change, enum os_range_name name,
			struct port_range *ret, struct eph_error *reterr)
{
	const struct os_state *state = &change->state;
	const struct os_default *found = NULL;

	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];

		if (range->spec->name != name || !range->known)
			continue;
		if (!range->built_in || (found && (found->range.lo != range->built_in->range.lo ||
						   found->range.hi != range->built_in->range.hi)))
			return error_set(reterr, -ENODATA, "range",
					 "the default of %s %s is not known", state->system->title,
					 state->release);
		found = range->built_in;
	}
	if (!found)
		return error_set(reterr, -ENODATA, "range", "%s has no such range",
				 state->system->title);
	*ret = found->range;
	return 0;
}

static int add_failed(int r, struct eph_error *reterr)
{
	return r < 0 ? error_set(reterr, r, "range", "%s", strerror(-r)) : 0;
}

/* Before the boot: setting is what the store holds; the plan has what wins at boot, perhaps a file's. */
static int add_step(struct os_host *host, struct host_change *change, const struct os_step *step,
		    bool boot, struct eph_error *reterr)
{
	char name[OS_SETTING_BYTES + sizeof(OS_HOST_BOOT)];
	struct strbuf before = STRBUF_INIT, command = STRBUF_INIT;
	unsigned index = change->change->steps;
	int r = 0;

	snprintf(name, sizeof(name), "%s%s", boot ? OS_HOST_BOOT : "", step->setting);
	if (boot)
		r = host->runner.settings->read(&host->runner, name, &before, reterr);
	if (r == 0 && (!boot || strcmp(before.text, step->after) != 0)) {
		r = add_failed(change_add_setting(change->change, name,
						  boot ? before.text : step->before, step->after),
			       reterr);
		if (r == 0 && os_set_command(&change->state, step, &command))
			change->command[index] = strbuf_take(&command);
	}
	strbuf_done(&before);
	strbuf_done(&command);
	return r;
}

static int add_steps(struct os_host *host, struct host_change *change, const struct os_plan *plan,
		     bool boot, struct eph_error *reterr)
{
	int r = 0;

	host->runner.settings->remember(&host->runner, true);
	for (size_t i = 0; r == 0 && i < plan->steps; i++)
		r = add_step(host, change, &plan->step[i], boot, reterr);
	host->runner.settings->remember(&host->runner, false);
	return r;
}

static void words_of(const struct host_change *change, const struct os_wish *wish, char name[40],
		     char before[16], char after[16])
{
	static const char *const words[] = {"regular", "high", "low"};

	snprintf(name, 40, "%s range", words[wish->name]);
	snprintf(after, 16, "%u-%u", wish->range.lo, wish->range.hi);
	*before = '\0';
	for (size_t i = 0; i < change->state.ranges && !*before; i++) {
		const struct os_range *range = &change->state.range[i];

		if (plan_meant(range, wish) && range->boot_known && range->boot_set)
			snprintf(before, 16, "%u-%u", range->boot.lo, range->boot.hi);
	}
}

int host_change_add_edit(struct os_host *host, struct host_change *change, const char *name,
			 const char *before, const char *after, const struct os_edit *edit,
			 struct eph_error *reterr)
{
	struct runner_file old;
	int r;

	if (edit->link_to)
		return add_failed(change_add_link(change->change, name, edit->path, edit->link_to),
				  reterr);
	r = host->runner.ops->file_read(&host->runner, edit->path, &old, reterr);
	if (r == 0 && old.exists == edit->created)
		r = error_set(reterr, -ESTALE, "range", "%.80s: %.150s changed meanwhile",
			      host->runner.place.host, edit->path);
	if (r == 0)
		r = add_failed(change_add_file(change->change, name, before, after, edit->path,
					       &old, edit->text, edit->length),
			       reterr);
	if (r == 0 && edit->created)
		change->change->step[change->change->steps - 1].mode = edit->mode;
	runner_file_done(&old);
	return r;
}

static int add_edit(struct os_host *host, struct host_change *change, const struct os_wish *wish,
		    const struct os_edit *edit, struct eph_error *reterr)
{
	char name[40], before[16], after[16];

	words_of(change, wish, name, before, after);
	return host_change_add_edit(host, change, name, *before ? before : NULL, after, edit,
				    reterr);
}

static bool ends_with(const char *path, const char *end)
{
	size_t length = strlen(path), tail = strlen(end);

	return length >= tail && strcmp(path + length - tail, end) == 0;
}

/* What the file will hold; of a link what it leads to, written by the same change or there already. */
static const char *text_of(const struct host_change *change, const struct os_edit *edit,
			   size_t *ret_length)
{
	const char *end = edit->link_to;

	*ret_length = edit->length;
	if (!end)
		return edit->text;
	while (strncmp(end, "../", 3) == 0)
		end += 3;
	for (size_t i = 0; i < change->edits.count; i++)
		if (change->edits.edit[i].text && ends_with(change->edits.edit[i].path, end)) {
			*ret_length = change->edits.edit[i].length;
			return change->edits.edit[i].text;
		}
	for (size_t i = 0; i < change->files.count; i++)
		if (ends_with(change->files.file[i].path, end)) {
			*ret_length = change->files.file[i].length;
			return change->files.file[i].text;
		}
	return NULL;
}

/* Links that were fetched lead to what is edited when they held the same. */
static void follow_links(const struct host_change *change, const struct os_edit *edit,
			 struct os_file *ret)
{
	const struct os_files files = {change->files.file, change->files.count};
	const struct os_file *old = edit_file(&files, edit->path);

	for (size_t i = 0; old && edit->text && i < files.count; i++)
		if (files.file[i].link && files.file[i].length == old->length &&
		    (!old->length || memcmp(files.file[i].text, old->text, old->length) == 0)) {
			ret[i].text = edit->text;
			ret[i].length = edit->length;
		}
}

/* The files as they will be: borrowed. */
size_t host_change_files_after(const struct host_change *change, struct os_file *ret)
{
	size_t count = change->files.count;

	memcpy(ret, change->files.file, count * sizeof(*ret));
	for (size_t i = 0; i < change->edits.count; i++) {
		const struct os_edit *edit = &change->edits.edit[i];
		struct os_file file = {.path = edit->path, .link = edit->link_to != NULL};
		size_t at = 0;

		file.text = text_of(change, edit, &file.length);
		while (at < count && strcmp(ret[at].path, edit->path) != 0)
			at++;
		if (file.text)
			ret[at] = file;
		count += file.text && at == count;
		follow_links(change, edit, ret);
	}
	return count;
}

/* Once more through the system's own boot order: does another value still win? */
static int check_boot(struct host_change *change, const struct os_wish *wish,
		      struct eph_error *reterr)
{
	CLEANUP(freep) struct os_state *state = malloc(sizeof(*state));
	CLEANUP(freep)
	struct os_file *file = calloc(change->files.count + OS_EDITS_MAX + 1, sizeof(*file));
	struct os_files files = {file, 0};

	if (!state || !file)
		return error_set(reterr, -ENOMEM, "range", "out of memory");
	*state = change->state;
	files.count = host_change_files_after(change, file);
	os_boot(state, &files);
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];

		change->boot_set |= plan_meant(range, wish) && range->boot_set;
		if (!plan_meant(range, wish) || !range->known)
			continue;
		if (range->boot_set && !range->boot_known)
			return error_set(reterr, -EBUSY, "range",
					 "what %.120s sets at boot, after ours, only running it "
					 "would tell; nothing was changed",
					 range->where);
		if (range->boot_known &&
		    (range->boot.lo != wish->range.lo || range->boot.hi != wish->range.hi))
			return error_set(
				reterr, -EBUSY, "range",
				"after the next boot %u-%u would still win, set by %.120s; "
				"nothing was changed",
				range->boot.lo, range->boot.hi,
				*range->where ? range->where : "the system itself");
	}
	return 0;
}

static int plan_files(struct os_host *host, struct host_change *change, const struct os_wish *wish,
		      struct eph_error *reterr)
{
	struct os_files files = {change->files.file, change->files.count};
	int r = os_persist(&change->state, &files, wish, &change->edits, reterr);

	if (r == 0 && change->state.system->boot &&
	    (!change->state.system->kept_by ||
	     change->state.system->kept_by(&change->state) == OS_RUNNING))
		r = check_boot(change, wish, reterr);
	for (size_t i = 0; r == 0 && i < change->edits.count; i++)
		r = add_edit(host, change, wish, &change->edits.edit[i], reterr);
	return r;
}

/* SCTP and IPv6 came later, and are left out where they are missing. TCP and UDP over IPv4 have a range everywhere: not to see it
 * is a failure, and the others alone are half a change. */
static int check_known(const struct os_host *host, const struct os_state *state,
		       const struct os_wish *wish, struct eph_error *reterr)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];

		if (plan_meant(range, wish) && !range->known &&
		    (range->spec->protocols & wish->protocols & (OS_TCP | OS_UDP)) &&
		    (range->spec->families & OS_IPV4))
			return error_set(reterr, -ENODATA, "range",
					 "%.80s: %.80s could not be read; nothing was changed",
					 host->runner.place.host, range->spec->high);
	}
	return 0;
}

int host_change_plan(struct os_host *host, struct host_change *change, const struct os_wish *wish,
		     bool persist, struct eph_error *reterr)
{
	struct os_plan boot = {.steps = 0};
	int r = check_known(host, &change->state, wish, reterr);

	if (r == 0)
		r = os_plan(&change->state, wish, &change->plan, reterr);
	change->change = change_new(&host->runner.place);
	if (r == 0 && !change->change)
		r = error_set(reterr, -ENOMEM, "range", "out of memory");
	if (r == 0 && persist)
		r = os_plan_boot(&change->state, wish, &boot, reterr);
	if (r == 0 && persist)
		r = plan_files(host, change, wish, reterr);
	if (r == 0)
		r = add_steps(host, change, &change->plan, false, reterr);
	if (r == 0)
		r = add_steps(host, change, &boot, true, reterr);
	return r;
}
