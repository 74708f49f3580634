#include "nddconf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edit_text.h"
#include "error.h"
#include "ndd.h"
#include "start_script.h"

#define ENTRIES_MAX 256u

enum part {
	PART_TRANSPORT,
	PART_NAME,
	PART_VALUE,
	PARTS,
};

static const char *const part_name[PARTS] = {"TRANSPORT_NAME[", "NDD_NAME[", "NDD_VALUE["};

/* So many entries are applied; what is known of 11.00 is not certain. */
static unsigned limit(const struct os_state *state)
{
	return *state->release && os_version_compare(state->release, "11.1") < 0 ? 10 : ENTRIES_MAX;
}

/* One line of an entry. */
struct part_line {
	enum part part;
	uint32_t index;
	struct text_span value; /* without quotes */
	bool tail;              /* something stands behind it */
	bool open;              /* a quote that this line does not close */
};

/* What the shell has in its variables at the end of the file. */
struct entries {
	struct text_span name[ENTRIES_MAX], value[ENTRIES_MAX];
	unsigned value_line[ENTRIES_MAX]; /* the last one, which counts */
	bool spoiled[ENTRIES_MAX];
	bool open; /* a quoted value goes on in the next line: more than is understood here */
};

static const struct start_script script = {
	.ndd = "/usr/bin/ndd",
	.shell = "/sbin/sh",
	.script = "/sbin/init.d/ephemports",
	.to_script = "/sbin/init.d/ephemports",
	.spare = "/sbin/init.d/ephemports-range",
	.to_spare = "/sbin/init.d/ephemports-range",
	.first = "/sbin/rc2.d/S341ephemports",
};

static struct text_span value_of(struct text_span rest, bool *ret_tail, bool *ret_open)
{
	struct text_span value = rest;
	char quote = rest.length ? *rest.start : ' ';

	if (quote == '"' || quote == '\'') {
		const char *end = memchr(rest.start + 1, quote, rest.length - 1);

		value.start++;
		value.length = end ? (size_t)(end - value.start) : rest.length - 1;
		*ret_tail = end && end + 1 < rest.start + rest.length;
		*ret_open = !end;
		return value;
	}
	*ret_open = false;
	for (value.length = 0; value.length < rest.length; value.length++)
		if (strchr(" \t;#", value.start[value.length]))
			break;
	*ret_tail = value.length < rest.length;
	return value;
}

static bool read_part(struct text_span body, struct part_line *ret)
{
	struct text_span line = text_trim(body);
	struct text_span left, right;

	for (int part = 0; part < PARTS; part++) {
		size_t length = strlen(part_name[part]);

		if (!text_begins(line, part_name[part]))
			continue;
		line = (struct text_span){line.start + length, line.length - length};
		if (!text_split(line, ']', &left, &right) || !right.length || *right.start != '=' ||
		    !os_text_number(left, ENTRIES_MAX - 1, &ret->index))
			return false;
		ret->part = (enum part)part;
		ret->value = value_of((struct text_span){right.start + 1, right.length - 1},
				      &ret->tail, &ret->open);
		return true;
	}
	return false;
}

/* A carriage return would become part of the value. */
static bool is_spoiled(struct edit_line line, const struct part_line *part)
{
	return text_ends(line.whole, "\r\n") && !part->tail;
}

static void read_entries(const struct os_file *file, struct entries *ret)
{
	struct edit_lines lines = edit_lines(file ? file->text : "", file ? file->length : 0);
	struct part_line part;
	struct edit_line line;

	memset(ret, 0, sizeof(*ret));
	for (unsigned number = 1; edit_line_next(&lines, &line); number++) {
		if (!read_part(line.body, &part))
			continue;
		ret->open |= part.open;
		if (part.part == PART_NAME)
			ret->name[part.index] = part.value;
		if (part.part == PART_VALUE) {
			ret->value[part.index] = part.value;
			ret->value_line[part.index] = number;
			ret->spoiled[part.index] = is_spoiled(line, &part);
		}
	}
}

void nddconf_boot(struct os_state *state, const struct os_files *files)
{
	const struct os_file *file = edit_file(files, NDDCONF_PATH);
	struct entries entries;

	read_entries(file, &entries);
	for (unsigned i = 0; file && i < limit(state) && entries.name[i].length; i++) {
		enum os_end end;
		struct os_range *range = os_text_range(state, entries.name[i], &end);
		uint32_t value;

		if (!range || entries.spoiled[i] ||
		    !os_text_number(entries.value[i], UINT16_MAX, &value))
			continue;
		range->boot_value[end] = value;
		edit_where(range, NDDCONF_PATH, entries.value_line[i]);
	}
	start_script_boot(&script, state, files);
}

static void put_value(struct edit_line line, const struct part_line *part, const char *value,
		      struct strbuf *out)
{
	const char *end = part->value.start + part->value.length;
	const char *body_end = line.body.start + line.body.length;

	strbuf_add(out, line.whole.start, (size_t)(part->value.start - line.whole.start));
	strbuf_puts(out, value);
	strbuf_add(out, end, (size_t)(body_end - end));
	strbuf_puts(out, is_spoiled(line, part) ? " #" : "");
	strbuf_add(out, body_end, (size_t)(line.whole.start + line.whole.length - body_end));
}

/* Does an entry that the boot reaches say it already? Gaps up to here are filled by new entries. */
static bool is_reached(const struct entries *entries, unsigned end, const char *setting)
{
	bool found = false;

	for (unsigned i = 0; i < end && entries->name[i].length; i++)
		found |= text_is(entries->name[i], setting) && entries->value[i].start;
	return found;
}

/* The lowest number without a name: the boot stops there. What else has that number is overruled by what comes later.
 * False when there is no number left. */
static bool append(struct entries *entries, unsigned end, const struct os_step *step,
		   const char *line_end, struct strbuf *out)
{
	struct text_span device = ndd_device(step->setting);
	const char *tail = line_end[1] ? " #" : "";
	unsigned n = 0;

	while (n < end && entries->name[n].length)
		n++;
	if (n >= end)
		return false;
	entries->name[n] = (struct text_span){step->setting, strlen(step->setting)};
	edit_finish_line(out);
	if (out->length)
		strbuf_puts(out, line_end);
	strbuf_printf(out, "TRANSPORT_NAME[%u]=%.*s%s%s", n, (int)device.length, device.start, tail,
		      line_end);
	strbuf_printf(out, "NDD_NAME[%u]=%s%s%s", n, step->setting, tail, line_end);
	strbuf_printf(out, "NDD_VALUE[%u]=%s%s%s", n, step->after, tail, line_end);
	return true;
}

static unsigned reached(const struct entries *entries, unsigned end)
{
	unsigned n = 0;

	while (n < end && entries->name[n].length)
		n++;
	return n;
}

/* Entries behind a gap, which the boot never came to, would count once ours fill it. */
static int check_awakened(const struct entries *entries, const struct os_plan *plan, unsigned gap,
			  unsigned end, struct eph_error *reterr)
{
	for (unsigned i = gap; i < reached(entries, end); i++) {
		bool ours = false;

		for (size_t s = 0; s < plan->steps; s++)
			ours |= text_is(entries->name[i], plan->step[s].setting);
		if (!ours)
			return error_set(
				reterr, -EINVAL, "range",
				NDDCONF_PATH
				": number %u is missing, so number %u (%.*s) never "
				"counted, but would from now on: number without gaps first",
				gap, i,
				(int)(entries->name[i].length > 64 ? 64 : entries->name[i].length),
				entries->name[i].start);
	}
	return 0;
}

static void put_lines(const struct os_file *file, const struct entries *entries,
		      const struct os_plan *plan, struct strbuf *out)
{
	struct edit_lines lines = edit_lines(file ? file->text : "", file ? file->length : 0);
	struct part_line part;
	struct edit_line line;

	for (unsigned number = 1; edit_line_next(&lines, &line); number++) {
		const char *value = NULL;

		if (read_part(line.body, &part) && part.part == PART_VALUE &&
		    entries->value_line[part.index] == number)
			for (size_t i = 0; i < plan->steps; i++)
				if (text_is(entries->name[part.index], plan->step[i].setting))
					value = plan->step[i].after;
		if (value)
			put_value(line, &part, value, out);
		else
			strbuf_add(out, line.whole.start, line.whole.length);
	}
}

int nddconf_persist(const struct os_state *state, const struct os_files *files,
		    const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr)
{
	const struct os_file *file = edit_file(files, NDDCONF_PATH);
	const char *line_end = edit_line_end(file ? file->text : "", file ? file->length : 0);
	struct strbuf out = STRBUF_INIT;
	struct entries entries;
	bool by_script = start_script_is_set(&script, state, files);
	unsigned gap;
	int r;

	if (file && !edit_is_text(file->text, file->length))
		return error_set(reterr, -EINVAL, "range", NDDCONF_PATH ": is no text");
	read_entries(file, &entries);
	if (entries.open)
		return error_set(reterr, -EINVAL, "range",
				 NDDCONF_PATH ": has a value of several lines");
	gap = reached(&entries, limit(state));
	put_lines(file, &entries, plan, &out);
	for (size_t i = 0; i < plan->steps; i++)
		if (!is_reached(&entries, limit(state), plan->step[i].setting) &&
		    !append(&entries, limit(state), &plan->step[i], line_end, &out))
			by_script = true;
	r = check_awakened(&entries, plan, gap, limit(state), reterr);
	if (r < 0) {
		strbuf_done(&out);
		return r;
	}
	r = edit_add(ret, NDDCONF_PATH, file, &out, 0644, NULL, reterr);
	if (r == 0 && by_script)
		r = start_script_persist(&script, state, files, plan, ret, reterr);
	return r;
}
