#include "text_line.h"

#include <stdlib.h>
#include <string.h>

#include "parse.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

struct text_span text_trim(struct text_span span)
{
	while (span.length && is_blank(*span.start)) {
		span.start++;
		span.length--;
	}
	while (span.length && is_blank(span.start[span.length - 1]))
		span.length--;
	return span;
}

/* Where the line ends that begins at @start; counts the lines that it joins. */
static const char *end_of_line(struct text_lines *lines, const char *start)
{
	const char *p = start;

	while (p < lines->end) {
		p = memchr(p, '\n', (size_t)(lines->end - p));
		if (!p)
			return lines->end;
		lines->next++;
		if (!lines->joined || p == start || p[-1] != '\\')
			return p;
		p++;
	}
	return lines->end;
}

bool text_line_next(struct text_lines *lines, struct text_span *ret)
{
	const char *start = lines->cursor, *end;

	if (start >= lines->end)
		return false;
	lines->number = lines->next;
	end = end_of_line(lines, start);
	lines->cursor = end < lines->end ? end + 1 : lines->end;
	*ret = text_trim((struct text_span){start, (size_t)(end - start)});
	return true;
}

/* A backslash that joins two lines separates words as a blank does. */
static bool separates(struct text_span rest, size_t at)
{
	return is_blank(rest.start[at]) ||
	       (rest.start[at] == '\\' && at + 1 < rest.length && rest.start[at + 1] == '\n');
}

bool text_word_next(struct text_span *rest, struct text_span *ret)
{
	size_t from = 0, to;
	char quote;

	while (from < rest->length && separates(*rest, from))
		from++;
	if (from == rest->length)
		return false;
	quote = rest->start[from];
	to = from;
	if (quote == '"' || quote == '\'') {
		const char *close = memchr(rest->start + from + 1, quote, rest->length - from - 1);

		if (close) {
			*ret = (struct text_span){rest->start + from + 1,
						  (size_t)(close - rest->start) - from - 1};
			to = (size_t)(close - rest->start) + 1;
			*rest = (struct text_span){rest->start + to, rest->length - to};
			return true;
		}
	}
	while (to < rest->length && !separates(*rest, to))
		to++;
	*ret = (struct text_span){rest->start + from, to - from};
	*rest = (struct text_span){rest->start + to, rest->length - to};
	return true;
}

/* Not strndup(), for which the address sanitizer wants a NUL in what is copied (strict_string_checks). */
char *text_copy(struct text_span span)
{
	char *copy = calloc(1, span.length + 1);

	if (copy && span.length)
		memcpy(copy, span.start, span.length);
	return copy;
}

bool text_is(struct text_span span, const char *word)
{
	return parse_is(span.start, span.length, word);
}

bool text_begins(struct text_span span, const char *prefix)
{
	size_t length = strlen(prefix);

	return span.length >= length && memcmp(span.start, prefix, length) == 0;
}

bool text_ends(struct text_span span, const char *suffix)
{
	size_t length = strlen(suffix);

	return span.length >= length &&
	       memcmp(span.start + span.length - length, suffix, length) == 0;
}

bool text_split(struct text_span span, char separator, struct text_span *ret_left,
		struct text_span *ret_right)
{
	const char *at = span.length ? memchr(span.start, separator, span.length) : NULL;
	size_t left;

	if (!at)
		return false;
	left = (size_t)(at - span.start);
	*ret_left = text_trim((struct text_span){span.start, left});
	*ret_right = text_trim((struct text_span){at + 1, span.length - left - 1});
	return true;
}

bool text_port(struct text_span span, uint16_t *ret)
{
	uint64_t port;

	if (parse_uint(span.start, span.length, UINT16_MAX, &port) < 0 || port == 0)
		return false;
	*ret = (uint16_t)port;
	return true;
}

static const char *find(struct text_span span, char wanted)
{
	return span.length ? memchr(span.start, wanted, span.length) : NULL;
}

/* What follows "://" up to the next slash. */
static struct text_span without_scheme(struct text_span span)
{
	const char *mark = span.length ? memmem(span.start, span.length, "://", 3) : NULL;
	const char *slash;

	if (!mark)
		return span;
	span.length -= (size_t)(mark + 3 - span.start);
	span.start = mark + 3;
	slash = find(span, '/');
	if (slash)
		span.length = (size_t)(slash - span.start);
	return span;
}

bool text_endpoint_port(struct text_span span, uint16_t *ret)
{
	const char *colon;
	struct text_span host;

	span = without_scheme(span);
	if (text_port(span, ret))
		return true;
	colon = span.length ? memrchr(span.start, ':', span.length) : NULL;
	if (!colon || find(span, '/'))
		return false;
	host = (struct text_span){span.start, (size_t)(colon - span.start)};
	if (find(host, ':') && !(text_begins(host, "[") && text_ends(host, "]")))
		return false;
	return text_port(
		(struct text_span){colon + 1, span.length - (size_t)(colon + 1 - span.start)}, ret);
}
