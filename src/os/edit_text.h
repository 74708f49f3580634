/*
 * Changing lines of a text such that every other byte stays: what an edit is made of. Pure.
 *
 * A line is known by its span including its newline. A text without a final newline gets one only when a line is added
 * behind it. New lines end as most lines of the text do.
 */
#ifndef EPH_OS_EDIT_TEXT_H
#define EPH_OS_EDIT_TEXT_H

#include "systems.h"

/* All lines of a text with their newlines; what follows the last newline counts as one. */
struct edit_line {
	struct text_span whole; /* with its line end */
	struct text_span body;  /* without it */
};

struct edit_lines {
	const char *cursor, *end;
};

struct edit_lines edit_lines(const char *text, size_t length);
bool edit_line_next(struct edit_lines *lines, struct edit_line *ret);

/* "\n", or "\r\n" when most lines end so. */
const char *edit_line_end(const char *text, size_t length);

/* A newline, when @out holds text that does not end in one; never a carriage return, which would become part of a value. */
void edit_finish_line(struct strbuf *out);

/* Is this the text of a file that may be edited by lines: no NUL byte in it? */
bool edit_is_text(const char *text, size_t length);

/* The file @path of @files; NULL when it is not among them. */
const struct os_file *edit_file(const struct os_files *files, const char *path);

/* The last value that @plan gives @setting; NULL when it does not set it. */
const char *edit_wanted(const struct os_plan *plan, const char *setting);

/**
 * edit_add() - append an edit; takes over @text
 * @old: the file as it was, NULL when there was none. No edit when the text is the same.
 * Return: 0, -ENOMEM (also when @text failed), -E2BIG with @reterr.
 */
int edit_add(struct os_edits *edits, const char *path, const struct os_file *old,
	     struct strbuf *text, unsigned mode, const char *note, struct eph_error *reterr);

/* The same for a symbolic link. */
int edit_add_link(struct os_edits *edits, const char *path, const char *to, const char *note,
		  struct eph_error *reterr);

/* Write "PATH line N" into a range's where. */
void edit_where(struct os_range *range, const char *path, unsigned line);

#endif
