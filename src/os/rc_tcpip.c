#include "rc_tcpip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edit_text.h"
#include "error.h"
#include "os_text.h"

#define BEGIN "# ephemports begin: the ephemeral port ranges"
#define END   "# ephemports end"

bool rc_tcpip_has_nextboot(const struct os_state *state)
{
	return !state->release[strcspn(state->release, "0123456789")] ||
	       os_version_compare(state->release, "5.2") >= 0;
}

/* The next "NAME=VALUE" behind a "-o" of a line that calls no. */
static bool next_option(struct text_span *line, struct text_span *ret_name,
			struct text_span *ret_value)
{
	struct text_span word;
	bool option = false;

	while (text_word_next(line, &word)) {
		if (text_begins(word, "#"))
			return false;
		if (option && text_split(word, '=', ret_name, ret_value)) {
			while (ret_value->length &&
			       strchr(";\"'", ret_value->start[ret_value->length - 1]))
				ret_value->length--;
			return true;
		}
		option = text_is(word, "-o");
	}
	return false;
}

/* How much deeper a line leads into ifs, loops, cases and functions. */
static int deeper(struct text_span line)
{
	static const char *const in[] = {"if", "case", "do", "{"};
	static const char *const out[] = {"fi", "esac", "done", "}"};
	struct text_span word;
	int depth = 0;

	while (text_word_next(&line, &word) && !text_begins(word, "#")) {
		while (text_ends(word, ";"))
			word.length--;
		for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
			depth += text_is(word, in[i]) - text_is(word, out[i]);
	}
	return depth;
}

static bool is_exit(struct text_span line)
{
	struct text_span word;

	if (!text_word_next(&line, &word))
		return false;
	while (text_ends(word, ";"))
		word.length--;
	return text_is(word, "exit");
}

/* Where the script ends: its first exit outside of ifs, loops and functions, or the end of the text. Of a text whose ifs do
 * not come out even only an exit with nothing but comments behind it counts. */
static size_t script_end(const char *text, size_t length)
{
	struct edit_lines lines = edit_lines(text, length);
	size_t first = length, last = length;
	struct edit_line line;
	int depth = 0;

	while (edit_line_next(&lines, &line)) {
		struct text_span code = text_trim(line.body);
		size_t at = (size_t)(line.whole.start - text);

		if (!code.length || *code.start == '#')
			continue;
		last = is_exit(code) ? at : length;
		if (first == length && depth == 0)
			first = last;
		depth += deeper(code);
	}
	return depth == 0 ? first : last;
}

static unsigned boot_file(struct os_state *state, const struct os_file *file)
{
	struct text_lines lines =
		text_lines(file->text, script_end(file->text, file->length), true);
	struct text_span line, name, value;
	unsigned found = 0;

	while (text_line_next(&lines, &line))
		while (next_option(&line, &name, &value)) {
			enum os_end end;
			struct os_range *range = os_text_range(state, name, &end);
			uint32_t number;

			if (!range)
				continue;
			found++;
			if (rc_tcpip_has_nextboot(state))
				range->outdated = "rc.tcpip is the way of AIX 5.1 and older: "
						  "no -p keeps a range";
			range->boot_value[end] = os_text_number(value, UINT16_MAX, &number)
							 ? number
							 : UINT16_MAX + 1;
			edit_where(range, file->path, lines.number);
		}
	return found;
}

void rc_tcpip_boot(struct os_state *state, const struct os_files *files)
{
	const struct os_file *net = edit_file(files, "/etc/rc.net");
	const struct os_file *tcpip = edit_file(files, RC_TCPIP_PATH);

	if (net && !rc_tcpip_has_nextboot(state))
		boot_file(state, net);
	if (tcpip)
		boot_file(state, tcpip);
}

/* A block whose last line somebody took away would reach to the end of the file, and take other lines along. */
static bool has_open_block(const struct os_file *file)
{
	struct edit_lines lines = edit_lines(file->text, file->length);
	struct edit_line line;
	bool ours = false;

	while (edit_line_next(&lines, &line)) {
		if (ours && text_begins(line.body, BEGIN))
			return true;
		ours |= text_begins(line.body, BEGIN);
		ours &= !text_begins(line.body, END);
	}
	return ours;
}

/* The file without our block. */
static void put_rest(const struct os_file *file, struct strbuf *out)
{
	struct edit_lines lines = edit_lines(file->text, file->length);
	struct edit_line line;
	bool ours = false;

	while (edit_line_next(&lines, &line)) {
		ours |= text_begins(line.body, BEGIN);
		if (!ours)
			strbuf_add(out, line.whole.start, line.whole.length);
		ours &= !text_begins(line.body, END);
	}
}

/* What our block set before and the plan does not speak of stays. */
static uint32_t wanted(const struct os_plan *plan, const struct os_file *file, const char *setting)
{
	const char *text = edit_wanted(plan, setting);
	struct edit_lines lines = edit_lines(file->text, file->length);
	struct text_span name, value = {text ? text : "", text ? strlen(text) : 0};
	uint32_t number = OS_UNREAD;
	struct edit_line line;
	bool ours = false;

	if (text)
		return os_text_number(value, UINT16_MAX, &number) ? number : OS_UNREAD;
	while (edit_line_next(&lines, &line)) {
		ours |= text_begins(line.body, BEGIN);
		while (ours && next_option(&line.body, &name, &value))
			if (text_is(name, setting))
				os_text_number(value, UINT16_MAX, &number);
		ours &= !text_begins(line.body, END);
	}
	return number;
}

/* high to the top first: then no order of the values before matters. */
static void put_block(const struct os_state *state, const struct os_plan *plan,
		      const struct os_file *file, const char *line_end, struct strbuf *out)
{
	const char *tail = line_end[1] ? " #" : "";

	strbuf_printf(out, BEGIN "%s", line_end);
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range_spec *spec = state->range[i].spec;
		uint32_t low = wanted(plan, file, spec->low), high = wanted(plan, file, spec->high);

		if (low == OS_UNREAD || high == OS_UNREAD)
			continue;
		strbuf_printf(out, "/usr/sbin/no -o %s=65535%s%s", spec->high, tail, line_end);
		strbuf_printf(out, "/usr/sbin/no -o %s=%u%s%s", spec->low, low, tail, line_end);
		if (high != UINT16_MAX)
			strbuf_printf(out, "/usr/sbin/no -o %s=%u%s%s", spec->high, high, tail,
				      line_end);
	}
	strbuf_printf(out, END "%s", line_end);
}

static bool is_needed(const struct os_state *state, const struct os_file *file)
{
	struct os_state copy = *state;

	return !rc_tcpip_has_nextboot(state) || (file && boot_file(&copy, file));
}

int rc_tcpip_persist(const struct os_state *state, const struct os_files *files,
		     const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr)
{
	const struct os_file *file = edit_file(files, RC_TCPIP_PATH);
	struct strbuf rest = STRBUF_INIT, out = STRBUF_INIT;
	const char *line_end;
	size_t at;

	if (!is_needed(state, file))
		return 0;
	if (!file)
		return error_set(reterr, -ENOENT, "range",
				 RC_TCPIP_PATH
				 ": is missing, and this AIX keeps ranges nowhere else");
	if (!edit_is_text(file->text, file->length))
		return error_set(reterr, -EINVAL, "range", RC_TCPIP_PATH ": is no text");
	if (has_open_block(file))
		return error_set(reterr, -EINVAL, "range",
				 RC_TCPIP_PATH ": has \"" BEGIN "\" without \"" END
					       "\": which lines are ours is not known");
	line_end = edit_line_end(file->text, file->length);
	put_rest(file, &rest);
	at = script_end(rest.text, rest.length);
	strbuf_add(&out, rest.text, at);
	edit_finish_line(&out);
	put_block(state, plan, file, line_end, &out);
	strbuf_add(&out, rest.text + at, rest.length - at);
	out.failed |= rest.failed;
	strbuf_done(&rest);
	return edit_add(ret, RC_TCPIP_PATH, file, &out, 0774, NULL, reterr);
}
