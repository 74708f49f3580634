#include "edit_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

struct edit_lines edit_lines(const char *text, size_t length)
{
	return (struct edit_lines){text, text + length};
}

bool edit_line_next(struct edit_lines *lines, struct edit_line *ret)
{
	const char *start = lines->cursor, *newline;

	if (start >= lines->end)
		return false;
	newline = memchr(start, '\n', (size_t)(lines->end - start));
	lines->cursor = newline ? newline + 1 : lines->end;
	ret->whole = (struct text_span){start, (size_t)(lines->cursor - start)};
	ret->body = ret->whole;
	if (newline) {
		ret->body.length--;
		if (ret->body.length && start[ret->body.length - 1] == '\r')
			ret->body.length--;
	}
	return true;
}

const char *edit_line_end(const char *text, size_t length)
{
	size_t lines = 0, returns = 0;

	for (size_t i = 0; i < length; i++) {
		lines += text[i] == '\n';
		returns += text[i] == '\n' && i && text[i - 1] == '\r';
	}
	return returns * 2 > lines ? "\r\n" : "\n";
}

void edit_finish_line(struct strbuf *out)
{
	if (out->length && out->text[out->length - 1] != '\n')
		strbuf_putc(out, '\n');
}

bool edit_is_text(const char *text, size_t length)
{
	return length == 0 || !memchr(text, '\0', length);
}

const struct os_file *edit_file(const struct os_files *files, const char *path)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->file[i].path, path) == 0)
			return &files->file[i];
	return NULL;
}

const char *edit_wanted(const struct os_plan *plan, const char *setting)
{
	const char *value = NULL;

	for (size_t i = 0; i < plan->steps; i++)
		if (strcmp(plan->step[i].setting, setting) == 0)
			value = plan->step[i].after;
	return value;
}

static struct os_edit *begin(struct os_edits *edits, const char *path, const char *note)
{
	struct os_edit *edit;
	char *copy;

	if (edits->count == OS_EDITS_MAX)
		return NULL;
	copy = strdup(path);
	if (!copy)
		return NULL;
	edit = &edits->edit[edits->count++];
	*edit = (struct os_edit){.path = copy};
	snprintf(edit->note, sizeof(edit->note), "%s", note ? note : "");
	return edit;
}

int edit_add(struct os_edits *edits, const char *path, const struct os_file *old,
	     struct strbuf *text, unsigned mode, const char *note, struct eph_error *reterr)
{
	size_t length = text->length;
	bool same = old && old->length == length &&
		    (!length || memcmp(old->text, text->text, length) == 0);
	struct os_edit *edit;

	if (text->failed || same) {
		bool failed = text->failed;

		strbuf_done(text);
		return failed ? error_set(reterr, -ENOMEM, "range", "out of memory") : 0;
	}
	edit = begin(edits, path, note);
	if (!edit) {
		strbuf_done(text);
		return error_set(reterr, -ENOMEM, "range", "%s: too many edits", path);
	}
	edit->mode = mode;
	edit->created = !old;
	edit->length = length;
	edit->text = strbuf_take(text);
	return edit->text ? 0 : error_set(reterr, -ENOMEM, "range", "out of memory");
}

int edit_add_link(struct os_edits *edits, const char *path, const char *to, const char *note,
		  struct eph_error *reterr)
{
	struct os_edit *edit = begin(edits, path, note);

	if (edit)
		edit->link_to = strdup(to);
	if (!edit || !edit->link_to)
		return error_set(reterr, -ENOMEM, "range", "out of memory");
	edit->created = true;
	return 0;
}

void edit_where(struct os_range *range, const char *path, unsigned line)
{
	snprintf(range->where, sizeof(range->where), "%s line %u", path, line);
}
