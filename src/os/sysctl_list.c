#include "sysctl_list.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "os_text.h"
#include "sysctl_conf.h"

#define CONF_PATH "/etc/sysctl.conf"

/* What one line says of a list. */
struct list_line {
	bool whole;
	struct port_set plus, minus;
};

void sysctl_list_parse(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;

	os_text_parse_pairs(state, output);
	while (text_line_next(&lines, &line)) {
		if (!os_text_pair(line, &name, &value))
			continue;
		for (const struct os_list *list = state->system->list; list->setting; list++)
			if (text_is(name, list->setting))
				os_text_reserve(state, list->setting, list->protocols, value,
						false);
	}
}

/* "+1,+2,-3" of what @plus has and @minus; both signs "" for a whole list. */
static void put_ports(const struct port_set *ports, const char *sign, size_t start,
		      struct strbuf *out)
{
	for (int port = -1; (port = port_set_next(ports, port + 1)) >= 0;)
		strbuf_printf(out, "%s%s%d", out->length > start ? "," : "", sign, port);
}

void sysctl_list_set(const char *sysctl, const struct os_list *list, const struct os_ports *before,
		     const struct os_ports *after, struct strbuf *out)
{
	struct port_set plus = after->set, minus = before->set;
	size_t start;

	port_set_remove_set(&plus, &before->set);
	port_set_remove_set(&minus, &after->set);
	if (!port_set_count(&plus) && !port_set_count(&minus))
		return;
	strbuf_printf(out, "%s %s=", sysctl, list->setting);
	start = out->length;
	put_ports(&plus, "+", start, out);
	put_ports(&minus, "-", start, out);
	strbuf_putc(out, '\n');
}

/* One element: "+5", "-5" or "5". False when it is none, or not of the kind of those before it. */
static bool take_element(struct text_span word, bool first, struct list_line *line)
{
	char sign = word.length ? *word.start : '\0';
	bool is_signed = sign == '+' || sign == '-';
	uint32_t port;

	if (first)
		line->whole = !is_signed;
	word.start += is_signed;
	word.length -= is_signed;
	if (line->whole == is_signed || !word.length || *word.start < '0' || *word.start > '9' ||
	    !os_text_number(word, UINT16_MAX, &port) || !port)
		return false;
	if (sign == '-') {
		port_set_remove(&line->plus, (uint16_t)port);
		port_set_add(&line->minus, (uint16_t)port);
	} else {
		port_set_remove(&line->minus, (uint16_t)port);
		port_set_add(&line->plus, (uint16_t)port);
	}
	return true;
}

static bool read_value(struct text_span value, struct list_line *ret)
{
	const char *at = value.start, *end = value.start + value.length;
	bool first = true;

	*ret = (struct list_line){.whole = true};
	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		struct text_span word = {at, (size_t)((comma ? comma : end) - at)};

		if (!take_element(word, first, ret))
			return false;
		first = false;
		at = comma ? comma + 1 : end;
	}
	return true;
}

static void put_value(const struct list_line *line, struct strbuf *out)
{
	size_t start = out->length;

	put_ports(&line->plus, line->whole ? "" : "+", start, out);
	if (!line->whole)
		put_ports(&line->minus, "-", start, out);
}

/* The next line of @lines that the system applies to @setting. */
static bool next_line(const struct os_state *state, const char *setting, struct edit_lines *lines,
		      unsigned *number, struct sysctl_assignment *ret)
{
	struct edit_line line;

	while (edit_line_next(lines, &line)) {
		++*number;
		if (sysctl_conf_take_apart(state, line, ret) && ret->clean &&
		    text_is(ret->name, setting))
			return true;
	}
	return false;
}

static void boot_list(const struct os_state *state, struct os_reserved *reserved,
		      const struct os_file *file, unsigned before)
{
	struct edit_lines lines = edit_lines(file->text, file->length);
	struct sysctl_assignment assignment;
	struct list_line line;
	unsigned number = 0;

	while (next_line(state, reserved->setting, &lines, &number, &assignment) && number < before)
		if (read_value(assignment.value, &line))
			os_list_boot_line(reserved, line.whole, &line.plus, &line.minus, file->path,
					  number);
}

void sysctl_list_boot(struct os_state *state, const struct os_file *file)
{
	for (size_t i = 0; i < state->reserveds; i++)
		if (state->reserved[i].list)
			boot_list(state, &state->reserved[i], file, UINT32_MAX);
}

/* The line that speaks last; 0: none. */
static unsigned last_line(const struct os_state *state, const struct os_file *file,
			  const char *setting, struct sysctl_assignment *ret)
{
	struct edit_lines lines = edit_lines(file->text, file->length);
	struct sysctl_assignment assignment;
	unsigned number = 0, last = 0;

	while (next_line(state, setting, &lines, &number, &assignment)) {
		last = number;
		*ret = assignment;
	}
	return last;
}

/* The line as it shall be; @earlier: what the lines before it bring. */
static void change_line(const struct os_reserved *reserved, const struct os_reserved *earlier,
			const struct os_list_wish *wish, struct list_line *line)
{
	struct port_set against, brought = earlier->boot_plus;

	port_set_remove_set(&line->plus, &wish->ports);
	port_set_remove_set(&line->minus, &wish->ports);
	if (!wish->remove) {
		port_set_add_set(&line->plus, &wish->ports);
		return;
	}
	if (line->whole)
		return;
	os_list_against(reserved, wish, &against);
	if (earlier->boot_whole)
		port_set_clear(&against);
	port_set_keep_set(&brought, &wish->ports);
	port_set_add_set(&line->minus, &against);
	port_set_add_set(&line->minus, &brought);
}

/* The text of the file with line @number of @value; without that line when there is no value; 0: a line at the end. */
static void put_file(const struct os_state *state, const struct os_file *file, unsigned number,
		     const char *setting, const char *value, struct strbuf *out)
{
	struct edit_lines lines = edit_lines(file->text, file->length);
	const char *line_end = edit_line_end(file->text, file->length);
	struct sysctl_assignment assignment;
	struct edit_line line;

	for (unsigned at = 1; edit_line_next(&lines, &line); at++) {
		if (at != number) {
			strbuf_add(out, line.whole.start, line.whole.length);
			continue;
		}
		sysctl_conf_take_apart(state, line, &assignment);
		if (*value)
			sysctl_conf_put_value(state, line, &assignment, value, out);
		else if (assignment.tail.length)
			strbuf_printf(out, "%.*s\n", (int)text_trim(assignment.tail).length,
				      text_trim(assignment.tail).start);
	}
	if (number || !*value)
		return;
	edit_finish_line(out);
	strbuf_printf(out, "%s=%s%s%s", setting, value, line_end[1] ? " #" : "", line_end);
}

/* What the system passes over because no newline ends the file comes to life when anything is written behind it: a last
 * line that speaks of the list counts. */
static unsigned find_line(const struct os_state *state, struct strbuf *text, const char *setting,
			  struct sysctl_assignment *ret)
{
	struct os_file file = {CONF_PATH, text->text, text->length, false};
	unsigned number = last_line(state, &file, setting, ret), ended;

	if (!text->length || text->text[text->length - 1] == '\n')
		return number;
	strbuf_putc(text, '\n');
	file = (struct os_file){CONF_PATH, text->text, text->length, false};
	ended = last_line(state, &file, setting, ret);
	if (ended == number)
		text->text[--text->length] = '\0';
	return ended;
}

static int edit_line_of(const struct os_state *state, const struct os_reserved *reserved,
			const struct os_list_wish *wish, const struct os_file *file,
			struct list_line *line, unsigned number, struct strbuf *out,
			struct eph_error *reterr)
{
	CLEANUP(freep) struct os_reserved *earlier = malloc(sizeof(*earlier));
	struct strbuf value = STRBUF_INIT;

	if (!earlier)
		return error_set(reterr, -ENOMEM, "reserve", "out of memory");
	*earlier = *reserved;
	earlier->boot_whole = false;
	port_set_clear(&earlier->boot_plus);
	port_set_clear(&earlier->boot_minus);
	boot_list(state, earlier, file, number);
	change_line(reserved, earlier, wish, line);
	put_value(line, &value);
	if (line->whole && !value.length)
		return error_set(reterr, -EINVAL, "reserve",
				 "%.160s line %u would be left without a port: take that line out, "
				 "or write which ports it shall have",
				 file->path, number);
	put_file(state, file, number, reserved->setting, value.text, out);
	strbuf_done(&value);
	return 0;
}

static int edit_list(const struct os_state *state, const struct os_reserved *reserved,
		     const struct os_list_wish *wish, struct strbuf *text, struct strbuf *out,
		     struct eph_error *reterr)
{
	CLEANUP(freep) struct list_line *line = calloc(1, sizeof(*line));
	struct sysctl_assignment assignment;
	unsigned number = find_line(state, text, reserved->setting, &assignment);
	struct os_file file = {CONF_PATH, text->text, text->length, false};

	if (!line)
		return error_set(reterr, -ENOMEM, "reserve", "out of memory");
	if (number && !read_value(assignment.value, line))
		return error_set(reterr, -EINVAL, "reserve",
				 "%s line %u sets no list of ports; correct that line first",
				 CONF_PATH, number);
	return edit_line_of(state, reserved, wish, &file, line, number, out, reterr);
}

int sysctl_list_persist(const struct os_state *state, const struct os_files *files,
			const struct os_list_wish *wish, struct os_edits *ret,
			struct eph_error *reterr)
{
	const struct os_file *old = edit_file(files, CONF_PATH);
	struct strbuf text = STRBUF_INIT;
	int r = 0;

	if (old && !edit_is_text(old->text, old->length))
		return error_set(reterr, -EINVAL, "reserve", "%s: is no text", CONF_PATH);
	if (old)
		strbuf_add(&text, old->text, old->length);
	for (size_t i = 0; i < state->reserveds && r == 0; i++) {
		const struct os_reserved *reserved = &state->reserved[i];
		struct strbuf next = STRBUF_INIT;

		if (!os_list_meant(reserved, wish) || os_list_is_kept(reserved, reserved, wish))
			continue;
		r = edit_list(state, reserved, wish, &text, &next, reterr);
		strbuf_done(&text);
		text = next;
	}
	if (r < 0 || (!old && !text.length)) {
		strbuf_done(&text);
		return r;
	}
	return edit_add(ret, CONF_PATH, old, &text, 0644, NULL, reterr);
}
