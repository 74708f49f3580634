#include "sysctl_conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edit_text.h"
#include "error.h"
#include "os_text.h"
#include "plan_order.h"
#include "sysctl_list.h"

#define MAIN_PATH "/etc/sysctl.conf"

/* The line that wins for each end of a range. */
struct winner {
	const struct os_file *file;
	unsigned line;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* From 10.1 on FreeBSD leaves the file to sysctl -f, which takes what sysctl prints, too: NAME: VALUE, also in quotes. */
static bool takes_colon(const struct os_state *state)
{
	return strcmp(state->system->name, "freebsd") == 0 && *state->release &&
	       os_version_compare(state->release, "10.1") >= 0;
}

/* NetBSD's sysctl -f takes the blanks off a value, but those of a name belong to it: then there is no such name. */
static bool takes_blank_values(const struct os_state *state)
{
	return strcmp(state->system->name, "netbsd") == 0 || takes_colon(state);
}

/* A shell's read loop, which passes over a last line that does not end in a newline. macOS has a program of its own. */
static bool needs_newline(const struct os_state *state)
{
	return !takes_blank_values(state) && strcmp(state->system->name, "macos") != 0;
}

/* A read loop that gives the first word of a line to sysctl: "while read var comments". */
static bool takes_first_word(const struct os_state *state)
{
	return needs_newline(state) && strcmp(state->system->name, "openbsd") != 0;
}

/* Where the value ends that begins at @value. */
static const char *end_of_value(const struct os_state *state, const char *value, const char *end)
{
	bool first_word = takes_first_word(state);
	const char *at = value;

	while (at < end && *at != '#' && !(first_word && is_blank(*at)))
		at++;
	while (at > value && is_blank(at[-1]))
		at--;
	return at;
}

/* A carriage return is part of what is read, unless a comment or another word is before it. */
static bool is_spoiled(const struct os_state *state, struct edit_line line, struct text_span tail)
{
	if (!text_ends(line.whole, "\r\n") || (takes_first_word(state) && tail.length))
		return false;
	return !tail.length || !memchr(tail.start, '#', tail.length);
}

static bool has_blank(const char *at, const char *end)
{
	for (; at < end; at++)
		if (is_blank(*at))
			return true;
	return false;
}

/* Does a boot of this system apply the line? */
static bool is_clean(const struct os_state *state, struct edit_line line,
		     const struct sysctl_assignment *assignment)
{
	struct text_span equals = assignment->equals;
	const char *behind = equals.start;
	bool tool = takes_blank_values(state);

	/* Blanks, perhaps a question mark, the sign, blanks. */
	while (*behind != '=' && *behind != ':')
		behind++;
	behind++;
	if (!takes_colon(state) && (has_blank(equals.start, behind) ||
				    (tool && has_blank(line.body.start, assignment->name.start))))
		return false;
	if (tool)
		return true;
	return !has_blank(behind, equals.start + equals.length) &&
	       !is_spoiled(state, line, assignment->tail) &&
	       !(takes_first_word(state) && text_begins(assignment->tail, "#")) &&
	       (!needs_newline(state) || text_ends(line.whole, "\n"));
}

bool sysctl_conf_take_apart(const struct os_state *state, struct edit_line line,
			    struct sysctl_assignment *ret)
{
	const char *at = line.body.start, *end = at + line.body.length;
	const char *name, *name_end, *value;
	bool colon = takes_colon(state);

	while (at < end && is_blank(*at))
		at++;
	name = at;
	while (at < end && *at != '=' && *at != '?' && *at != '#' && !(colon && *at == ':') &&
	       !is_blank(*at))
		at++;
	name_end = at;
	while (at < end && (is_blank(*at) || *at == '?'))
		at++;
	if (at == end || (*at != '=' && !(colon && *at == ':')))
		return false;
	for (value = at + 1; value < end && is_blank(*value); value++)
		continue;
	end = end_of_value(state, value, end);
	if (colon && end - value >= 2 && (*value == '"' || *value == '\'') && end[-1] == *value) {
		value++;
		end--;
	}
	ret->name = (struct text_span){name, (size_t)(name_end - name)};
	ret->equals = (struct text_span){name_end, (size_t)(value - name_end)};
	ret->value = (struct text_span){value, (size_t)(end - value)};
	ret->tail = (struct text_span){end, (size_t)(line.body.start + line.body.length - end)};
	ret->clean = is_clean(state, line, ret);
	return true;
}

static uint32_t clamped(const struct os_state *state, const struct os_range *range, uint32_t value)
{
	if (!(state->system->flags & OS_CLAMPS))
		return value;
	if (value < range->spec->bounds.lo)
		return range->spec->bounds.lo;
	return value > range->spec->bounds.hi ? range->spec->bounds.hi : value;
}

static void boot_file(struct os_state *state, const struct os_file *file)
{
	struct edit_lines lines = edit_lines(file->text, file->length);
	struct sysctl_assignment assignment;
	struct edit_line line;
	struct os_range *range;
	enum os_end end;
	uint32_t value;

	for (unsigned number = 1; edit_line_next(&lines, &line); number++) {
		if (!sysctl_conf_take_apart(state, line, &assignment) || !assignment.clean ||
		    !(range = os_text_range(state, assignment.name, &end)) ||
		    !os_text_number(assignment.value, UINT16_MAX, &value))
			continue;
		range->boot_value[end] = clamped(state, range, value);
		if (range->boot_value[end] != value)
			range->warnings |= OS_WARN_CLAMPED;
		edit_where(range, file->path, number);
	}
}

void sysctl_conf_boot(struct os_state *state, const struct os_files *files)
{
	for (const struct os_boot_file *boot = state->system->boot_file; boot->path; boot++) {
		const struct os_file *file = edit_file(files, boot->path);

		if (file)
			boot_file(state, file);
		if (file)
			sysctl_list_boot(state, file);
	}
}

/* The last line that names each setting of @plan, whether it is clean or not. */
static void find_winners(const struct os_state *state, const struct os_files *files,
			 const struct os_plan *plan, struct winner winner[OS_STEPS_MAX])
{
	for (const struct os_boot_file *boot = state->system->boot_file; boot->path; boot++) {
		const struct os_file *file = edit_file(files, boot->path);
		struct edit_lines lines;
		struct sysctl_assignment assignment;
		struct edit_line line;

		if (!file)
			continue;
		lines = edit_lines(file->text, file->length);
		for (unsigned number = 1; edit_line_next(&lines, &line); number++) {
			if (!sysctl_conf_take_apart(state, line, &assignment))
				continue;
			for (size_t i = 0; i < plan->steps; i++)
				if (text_is(assignment.name, plan->step[i].setting))
					winner[i] = (struct winner){file, number};
		}
	}
}

void sysctl_conf_put_value(const struct os_state *state, struct edit_line line,
			   const struct sysctl_assignment *assignment, const char *value,
			   struct strbuf *out)
{
	const char *behind = line.body.start + line.body.length;
	struct text_span tail = assignment->tail;

	/* What this system takes stays as it is written. */
	if (assignment->clean || !takes_blank_values(state))
		strbuf_add(out, line.body.start,
			   (size_t)(assignment->name.start - line.body.start));
	strbuf_add(out, assignment->name.start, assignment->name.length);
	if (assignment->clean)
		strbuf_add(out, assignment->equals.start, assignment->equals.length);
	else
		strbuf_puts(out, "=");
	strbuf_puts(out, value);
	if (takes_first_word(state) && text_begins(tail, "#"))
		strbuf_puts(out, " ");
	strbuf_add(out, tail.start, tail.length);
	if (is_spoiled(state, line, tail))
		strbuf_puts(out, tail.length ? "#" : " #");
	strbuf_add(out, behind, (size_t)(line.whole.start + line.whole.length - behind));
	if (needs_newline(state))
		edit_finish_line(out);
}

/* One line of @file as it should be: with the value, as a comment when another line wins, gone where nothing shall be set, or as
 * it is. */
static void put_line(const struct os_state *state, const struct os_plan *plan,
		     const struct winner *winner, const struct os_file *file, unsigned number,
		     struct edit_line line, struct strbuf *out)
{
	struct sysctl_assignment assignment;

	for (size_t i = 0; sysctl_conf_take_apart(state, line, &assignment) && i < plan->steps;
	     i++) {
		if (!text_is(assignment.name, plan->step[i].setting))
			continue;
		if (plan->unset)
			return;
		if (winner[i].file == file && winner[i].line == number) {
			sysctl_conf_put_value(state, line, &assignment, plan->step[i].after, out);
			return;
		}
		strbuf_puts(out, "#");
		break;
	}
	strbuf_add(out, line.whole.start, line.whole.length);
}

static void put_file(const struct os_state *state, const struct os_plan *plan,
		     const struct winner *winner, const struct os_file *file, bool append,
		     struct strbuf *out)
{
	struct edit_lines lines = edit_lines(file ? file->text : "", file ? file->length : 0);
	const char *line_end = edit_line_end(file ? file->text : "", file ? file->length : 0);
	struct edit_line line;

	for (unsigned number = 1; edit_line_next(&lines, &line); number++)
		put_line(state, plan, winner, file, number, line, out);
	for (size_t i = 0; append && !plan->unset && i < plan->steps; i++) {
		if (winner[i].file)
			continue;
		edit_finish_line(out);
		strbuf_printf(out, "%s=%s%s%s", plan->step[i].setting, plan->step[i].after,
			      line_end[1] ? " #" : "", line_end);
	}
}

static int put_all(const struct os_state *state, const struct os_files *files,
		   const struct os_plan *plan, const struct winner *winner, const char *append_to,
		   struct os_edits *ret, struct eph_error *reterr)
{
	int r = 0;

	for (const struct os_boot_file *boot = state->system->boot_file; boot->path && r == 0;
	     boot++) {
		const struct os_file *file = edit_file(files, boot->path);
		struct strbuf out = STRBUF_INIT;

		if (file && !edit_is_text(file->text, file->length))
			return error_set(reterr, -EINVAL, "range", "%s: is no text", boot->path);
		put_file(state, plan, winner, file, strcmp(boot->path, append_to) == 0, &out);
		if (!file && !out.length)
			strbuf_done(&out);
		else
			r = edit_add(ret, boot->path, file, &out, 0644, NULL, reterr);
	}
	return r;
}

/* The files as they would be after @edits. */
static size_t edited_files(const struct os_files *files, const struct os_edits *edits,
			   struct os_file *ret, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < files->count && count < max; i++)
		ret[count++] = files->file[i];
	for (size_t e = 0; e < edits->count; e++) {
		const struct os_edit *edit = &edits->edit[e];
		size_t i = 0;

		while (i < count && strcmp(ret[i].path, edit->path) != 0)
			i++;
		if (i < max)
			ret[i] = (struct os_file){edit->path, edit->text, edit->length, false};
		count += i == count && i < max;
	}
	return count;
}

/* Does a boot with these files come through ends that the system refuses, or that break it? */
static bool boots_badly(const struct os_state *state, const struct os_files *files)
{
	struct plan_walk walk;

	plan_walk_begin(&walk, state);
	for (const struct os_boot_file *boot = state->system->boot_file; boot->path; boot++) {
		const struct os_file *file = edit_file(files, boot->path);
		struct edit_lines lines =
			edit_lines(file ? file->text : "", file ? file->length : 0);
		struct sysctl_assignment assignment;
		struct edit_line line;
		uint32_t value;

		while (edit_line_next(&lines, &line))
			if (sysctl_conf_take_apart(state, line, &assignment) && assignment.clean &&
			    os_text_number(assignment.value, UINT16_MAX, &value) &&
			    !plan_walk_step(&walk, assignment.name, value))
				return true;
	}
	return false;
}

int sysctl_conf_persist(const struct os_state *state, const struct os_files *files,
			const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr)
{
	struct winner winner[OS_STEPS_MAX] = {{0}};
	struct os_file after[4];
	struct os_files then = {after, 0};
	const char *append_to = MAIN_PATH;
	int r;

	find_winners(state, files, plan, winner);
	r = put_all(state, files, plan, winner, append_to, ret, reterr);
	if (r < 0)
		return r;
	then.count = edited_files(files, ret, after, 4);
	if (!boots_badly(state, &then))
		return 0;
	/* The lines stand in an order that the kernel refuses: all become comments, and ours follow in the right one. */
	os_edits_done(ret);
	for (size_t i = 0; i < plan->steps; i++) {
		if (winner[i].file)
			append_to = winner[i].file->path;
		winner[i] = (struct winner){NULL, 0};
	}
	return put_all(state, files, plan, winner, append_to, ret, reterr);
}
