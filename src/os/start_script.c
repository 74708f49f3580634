#include "start_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "edit_text.h"
#include "error.h"
#include "ndd.h"
#include "rc_order.h"
#include "reserved.h"
#include "script_sets.h"

#define MARK "# Written by ephemports"

void start_script_boot(const struct start_script *script, struct os_state *state,
		       const struct os_files *files)
{
	const struct os_file *file = NULL;

	(void)script;
	while ((file = rc_next(state->system, files, file)))
		script_sets_boot(state, file);
}

static bool is_ours(const struct os_file *file)
{
	return file && memmem(file->text, file->length, MARK, sizeof(MARK) - 1);
}

bool start_script_is_set(const struct start_script *script, const struct os_state *state,
			 const struct os_files *files)
{
	const struct os_file *file = NULL;

	(void)script;
	while ((file = rc_next(state->system, files, file)))
		if (script_sets_range(state, file))
			return true;
	return false;
}

/* A line as we write them, and nothing else in it, that sets a range or a list. */
static bool is_our_set(const struct os_state *state, struct text_span body, struct script_set *ret)
{
	uint32_t number;
	bool known;

	if (!text_begins(body, "\t${NDD} -set /dev/") || !script_sets_next(&body, ret) ||
	    body.length || !os_text_number(ret->value, UINT16_MAX, &number))
		return false;
	known = script_sets_list(state, ret->name);
	for (size_t i = 0; i < state->ranges; i++)
		known |= text_is(ret->name, state->range[i].spec->low) ||
			 text_is(ret->name, state->range[i].spec->high);
	return known;
}

/* What our script shall set: the plan, and what it set before and the plan does not speak of. */
static uint32_t wanted(const struct os_state *state, const struct os_plan *plan,
		       const struct os_file *old, const char *setting)
{
	const char *value = edit_wanted(plan, setting);
	struct text_span span = {value ? value : "", value ? strlen(value) : 0};
	struct edit_lines lines = edit_lines(old ? old->text : "", old ? old->length : 0);
	struct edit_line line;
	struct script_set set;
	uint32_t number = OS_UNREAD;

	if (value)
		return os_text_number(span, UINT16_MAX, &number) ? number : OS_UNREAD;
	while (edit_line_next(&lines, &line))
		if (is_our_set(state, line.body, &set) && text_is(set.name, setting))
			os_text_number(set.value, UINT16_MAX, &number);
	return number;
}

/* From whatever range to this one, so that smallest never passes largest. */
static void put_set(const struct os_range_spec *spec, uint32_t low, uint32_t high,
		    struct strbuf *out)
{
	struct text_span device = ndd_device(spec->high);
	int length = (int)device.length;

	strbuf_printf(out, "\t${NDD} -set /dev/%.*s %s 65535\n", length, device.start, spec->high);
	strbuf_printf(out, "\t${NDD} -set /dev/%.*s %s %u\n", length, device.start, spec->low, low);
	if (high != UINT16_MAX)
		strbuf_printf(out, "\t${NDD} -set /dev/%.*s %s %u\n", length, device.start,
			      spec->high, high);
}

static void put_status(const struct os_range_spec *spec, struct strbuf *out)
{
	struct text_span device = ndd_device(spec->high);
	char title[8] = "";

	for (size_t i = 0; i < device.length && i + 1 < sizeof(title); i++)
		title[i] = (char)(device.start[i] - ('a' - 'A'));
	strbuf_printf(out, "\tlow=`${NDD} /dev/%.*s %s`\n", (int)device.length, device.start,
		      spec->low);
	strbuf_printf(out, "\thigh=`${NDD} /dev/%.*s %s`\n", (int)device.length, device.start,
		      spec->high);
	strbuf_printf(out, "\techo \"%s ephemeral port range is ${low}..${high}.\"\n", title);
}

/* Lines of the script: ndd itself is a variable there. */
static void put_list(const struct os_list *list, const struct os_ports *minus,
		     const struct os_ports *plus, struct strbuf *out)
{
	struct strbuf commands = STRBUF_INIT;

	ndd_list_set("\t${NDD}", list, minus, plus, &commands);
	strbuf_add(out, commands.text, commands.length);
	strbuf_done(&commands);
}

/* What @file says of @list by itself, and then what @wish, if any, makes of that. */
static void list_wanted(const struct os_state *state, const struct os_reserved *reserved,
			const struct os_file *file, const struct os_list_wish *wish,
			struct port_set *ret_plus, struct port_set *ret_minus)
{
	CLEANUP(freep) struct os_state *own = calloc(1, sizeof(*own));
	size_t index = (size_t)(reserved - state->reserved);
	struct port_set against;

	if (!own)
		return;
	own->system = state->system;
	own->reserveds = state->reserveds;
	for (size_t i = 0; i < state->reserveds; i++)
		own->reserved[i] = (struct os_reserved){.setting = state->reserved[i].setting,
							.list = state->reserved[i].list};
	if (file)
		script_sets_boot(own, file);
	*ret_plus = own->reserved[index].boot_plus;
	*ret_minus = own->reserved[index].boot_minus;
	if (!wish || !os_list_meant(reserved, wish) || os_list_is_kept(reserved, reserved, wish))
		return;
	os_list_against(reserved, wish, &against);
	port_set_remove_set(ret_plus, &wish->ports);
	port_set_remove_set(ret_minus, &wish->ports);
	port_set_add_set(wish->remove ? ret_minus : ret_plus,
			 wish->remove ? &against : &wish->ports);
}

static void put_lists(const struct os_state *state, const struct os_file *old,
		      const struct os_list_wish *wish, struct strbuf *out)
{
	for (size_t i = 0; i < state->reserveds; i++) {
		struct os_ports plus = {.set = {{0}}}, minus = {.set = {{0}}};

		if (!state->reserved[i].list)
			continue;
		list_wanted(state, &state->reserved[i], old, wish, &plus.set, &minus.set);
		put_list(state->reserved[i].list, &minus, &plus, out);
	}
}

static void put_sets(const struct os_state *state, const struct os_plan *plan,
		     const struct os_list_wish *wish, const struct os_file *old, struct strbuf *out)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range_spec *spec = state->range[i].spec;
		uint32_t low = wanted(state, plan, old, spec->low);
		uint32_t high = wanted(state, plan, old, spec->high);

		if (low != OS_UNREAD && high != OS_UNREAD)
			put_set(spec, low, high, out);
	}
	put_lists(state, old, wish, out);
}

static void put_new(const struct start_script *script, const struct os_state *state,
		    const struct os_plan *plan, const struct os_list_wish *wish, struct strbuf *out)
{
	strbuf_printf(out, "#!%s\n" MARK ": the ephemeral port ranges, set at each boot.\n",
		      script->shell);
	strbuf_printf(out, "NDD=%s\n\ncase \"${1:-start}\" in\nstart)\n", script->ndd);
	put_sets(state, plan, wish, NULL, out);
	strbuf_puts(out, "\t;;\nstop)\n\t;;\nstart_msg)\n\techo \"Set the ephemeral port "
			 "ranges\"\n\t;;\nstop_msg)\n\t;;\nstatus)\n");
	/* UDP before TCP, as the script has it that started all this. */
	for (size_t i = state->ranges; i-- > 0;)
		if (state->range[i].known)
			put_status(state->range[i].spec, out);
	strbuf_puts(out, "\t;;\n*)\n\techo \"Usage: $0 { start | stop | status }\"\n\texit "
			 "1\n\t;;\nesac\nexit 0\n");
}

/* Where the lines that set something go: behind this offset. SIZE_MAX when there is no such place any more. */
static size_t place_of_sets(const struct os_state *state, const struct os_file *old)
{
	struct edit_lines lines = edit_lines(old->text, old->length);
	size_t behind_start = SIZE_MAX;
	struct edit_line line;
	struct script_set set;

	while (edit_line_next(&lines, &line)) {
		if (is_our_set(state, line.body, &set))
			return (size_t)(line.whole.start - old->text);
		if (behind_start == SIZE_MAX && text_is(line.body, "start)"))
			behind_start = (size_t)(lines.cursor - old->text);
	}
	return behind_start;
}

/* Ours, as it may have been edited since: only the lines that set something as we write them are replaced. */
static int put_edited(const struct os_state *state, const struct os_plan *plan,
		      const struct os_list_wish *wish, const struct os_file *old,
		      struct strbuf *out, struct eph_error *reterr)
{
	struct edit_lines lines = edit_lines(old->text, old->length);
	size_t place = place_of_sets(state, old);
	struct edit_line line;
	struct script_set set;

	if (memmem(old->text, old->length, "\r\n", 2) || !edit_is_text(old->text, old->length))
		return error_set(reterr, -EINVAL, "range",
				 "%s: has carriage returns or NUL bytes: no shell runs it",
				 old->path);
	if (place == SIZE_MAX)
		return error_set(reterr, -EEXIST, "range",
				 "%s: was edited, and its lines that set the range are gone; move "
				 "it away to have it written anew",
				 old->path);
	while (edit_line_next(&lines, &line)) {
		if ((size_t)(line.whole.start - old->text) == place)
			put_sets(state, plan, wish, old, out);
		if (!is_our_set(state, line.body, &set))
			strbuf_add(out, line.whole.start, line.whole.length);
	}
	return 0;
}

static int put_script(const struct start_script *script, const struct os_state *state,
		      const struct os_plan *plan, const struct os_list_wish *wish,
		      const struct os_file *old, const char *note, struct os_edits *ret,
		      struct eph_error *reterr)
{
	struct strbuf out = STRBUF_INIT;
	int r = 0;

	if (old)
		r = put_edited(state, plan, wish, old, &out, reterr);
	else
		put_new(script, state, plan, wish, &out);
	if (r < 0) {
		strbuf_done(&out);
		return r;
	}
	return edit_add(ret, old ? old->path : script->script, old, &out, 0744, note, reterr);
}

static const struct os_file *last_other(const struct os_state *state, const struct os_files *files)
{
	const struct os_file *file = NULL, *last = NULL;

	while ((file = rc_next(state->system, files, file)))
		if (!is_ours(file) && script_sets_range(state, file))
			last = file;
	return last;
}

static bool linked_after(const struct os_state *state, const struct os_files *files,
			 const struct os_file *other)
{
	const struct os_file *file = NULL;

	while ((file = rc_next(state->system, files, file)))
		if (is_ours(file) &&
		    (!other || rc_compare(state->system, file->path, other->path) > 0))
			return true;
	return false;
}

/* One more link runs all of our script again, later: what it sets of ranges that are not planned, another script may set
 * otherwise now. */
static int check_rerun(const struct os_state *state, const struct os_files *files,
		       const struct os_plan *plan, const struct os_file *old,
		       struct eph_error *reterr)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range_spec *spec = state->range[i].spec;
		const struct os_file *file = NULL;

		if (edit_wanted(plan, spec->low) || !script_sets_one(old, spec))
			continue;
		while ((file = rc_next(state->system, files, file)))
			if (!is_ours(file) && script_sets_one(file, spec))
				return error_set(reterr, -EBUSY, "range",
						 "%s and %.100s both set %s, which would change "
						 "too: take it out of one of them",
						 old->path, file->path, spec->low);
	}
	return 0;
}

/* Our script in rc directories where it is a copy, not a link: the same there. */
static int edit_copies(const struct start_script *script, const struct os_state *state,
		       const struct os_files *files, const struct os_plan *plan,
		       const struct os_list_wish *wish, struct os_edits *ret,
		       struct eph_error *reterr)
{
	const struct os_file *file = NULL;
	int r = 0;

	while (r == 0 && (file = rc_next(state->system, files, file)))
		if (is_ours(file) && !file->link)
			r = put_script(script, state, plan, wish, file, NULL, ret, reterr);
	return r;
}

/* Who followed the old advice has a script of this very name; ours then gets another. */
static struct start_script place_of(const struct start_script *script, const struct os_files *files)
{
	const struct os_file *there = edit_file(files, script->script);
	struct start_script place = *script;

	if (there && !is_ours(there)) {
		place.script = script->spare;
		place.to_script = script->to_spare;
	}
	return place;
}

static int write_script(const struct start_script *usual, const struct os_state *state,
			const struct os_files *files, const struct os_plan *plan,
			const struct os_list_wish *wish, struct os_edits *ret,
			struct eph_error *reterr)
{
	const struct start_script place = place_of(usual, files), *script = &place;
	const struct os_file *old = edit_file(files, script->script);
	const struct os_file *other = last_other(state, files);
	char link[512], note[160] = "";
	int r;

	if (old && !is_ours(old))
		return error_set(reterr, -EEXIST, "range",
				 "%s: is there and not ours; move it away, it would be overwritten",
				 script->script);
	if (other)
		snprintf(note, sizeof(note), "%.100s sets it too, and earlier", other->path);
	r = edit_copies(script, state, files, plan, wish, ret, reterr);
	if (r == 0)
		r = put_script(script, state, plan, wish, old, note, ret, reterr);
	if (r < 0 || linked_after(state, files, other))
		return r;
	r = old ? check_rerun(state, files, plan, old, reterr) : 0;
	if (r < 0)
		return r;
	rc_name_after(state->system, script->first, other, link, sizeof(link));
	return edit_add_link(ret, link, script->to_script, note, reterr);
}

int start_script_persist(const struct start_script *script, const struct os_state *state,
			 const struct os_files *files, const struct os_plan *plan,
			 struct os_edits *ret, struct eph_error *reterr)
{
	return write_script(script, state, files, plan, NULL, ret, reterr);
}

int start_script_list_persist(const struct start_script *script, const struct os_state *state,
			      const struct os_files *files, const struct os_list_wish *wish,
			      struct os_edits *ret, struct eph_error *reterr)
{
	const struct os_plan no_range = {.steps = 0};
	bool kept = true;

	for (size_t i = 0; i < state->reserveds; i++)
		kept &= !os_list_meant(&state->reserved[i], wish) ||
			os_list_is_kept(&state->reserved[i], &state->reserved[i], wish);
	return kept ? 0 : write_script(script, state, files, &no_range, wish, ret, reterr);
}
