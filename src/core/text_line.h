/*
 * Configuration text, line by line. Nothing is copied: a span points into the file. Pure; never reads past the end.
 */
#ifndef EPH_CORE_TEXT_LINE_H
#define EPH_CORE_TEXT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_span {
	const char *start;
	size_t length;
};

struct text_lines {
	const char *cursor, *end;
	uint32_t number; /* of the line last read, from 1 */
	uint32_t next;
	bool joined; /* a backslash before the newline joins lines */
};

static inline struct text_lines text_lines(const char *text, size_t length, bool joined)
{
	return (struct text_lines){text, text + length, 0, 1, joined};
}

/* The next line without its newline and without blanks around it. False at the end. */
bool text_line_next(struct text_lines *lines, struct text_span *ret);

struct text_span text_trim(struct text_span span);

/* The next word: what blanks (and joining backslashes) separate; one pair of quotes around it is taken off. False at the
 * end. @rest moves behind it. */
bool text_word_next(struct text_span *rest, struct text_span *ret);

/* A copy that ends in a NUL, to be freed; NULL when out of memory. */
char *text_copy(struct text_span span);

bool text_is(struct text_span span, const char *word);
bool text_begins(struct text_span span, const char *prefix);
bool text_ends(struct text_span span, const char *suffix);

/* Split at the first @separator: true, and both sides trimmed; false when there is none. */
bool text_split(struct text_span span, char separator, struct text_span *ret_left,
		struct text_span *ret_right);

/* All of @span is a port, 1..65535. */
bool text_port(struct text_span span, uint16_t *ret);

/**
 * text_endpoint_port() - the port of an address to listen on
 * "8080", ":8080", "*:8080", "127.0.0.1:8080", "[::1]:8080", "localhost:8080", "http://127.0.0.1:2379",
 * "http://0.0.0.0:2379/path". Not: a path, an address without a port, a bare IPv6 address.
 */
bool text_endpoint_port(struct text_span span, uint16_t *ret);

#endif
