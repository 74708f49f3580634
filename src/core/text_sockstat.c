#include "text_sockstat.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "parse.h"

static bool is_heading(const char *word, size_t length, const char *protocol)
{
	return length > 1 && word[length - 1] == ':' && parse_is(word, length - 1, protocol);
}

static int value_in_line(const char *cursor, const char *end, const char *name, uint64_t *ret)
{
	size_t length;
	const char *word;

	while ((word = parse_word(&cursor, end, &length))) {
		bool found = parse_is(word, length, name);

		word = parse_word(&cursor, end, &length);
		if (!word)
			return found ? -EINVAL : -ENOENT;
		if (found)
			return parse_uint(word, length, INT64_MAX, ret);
	}
	return -ENOENT;
}

int text_sockstat_value(const char *text, size_t length, const char *protocol, const char *name,
			uint64_t *ret)
{
	const char *line = text, *end = text + length;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *line_end = newline ? newline : end, *cursor = line, *word;
		size_t word_length;

		word = parse_word(&cursor, line_end, &word_length);
		if (word && is_heading(word, word_length, protocol))
			return value_in_line(cursor, line_end, name, ret);
		line = line_end + 1;
	}
	return -ENOENT;
}

/* The next line that begins with @protocol and a colon, as what follows them. */
static bool next_line_of(const char **text, const char *end, const char *protocol,
			 const char **ret_line, const char **ret_end)
{
	while (*text < end) {
		const char *newline = memchr(*text, '\n', (size_t)(end - *text));
		const char *word;
		size_t length;

		*ret_line = *text;
		*ret_end = newline ? newline : end;
		*text = newline ? newline + 1 : end;
		word = parse_word(ret_line, *ret_end, &length);
		if (word && is_heading(word, length, protocol))
			return true;
	}
	return false;
}

int text_netstat_value(const char *text, size_t length, const char *protocol, const char *name,
		       uint64_t *ret)
{
	const char *end = text + length, *names, *names_end, *values, *values_end, *word, *value;
	size_t word_length, value_length;

	if (!next_line_of(&text, end, protocol, &names, &names_end) ||
	    !next_line_of(&text, end, protocol, &values, &values_end))
		return -ENOENT;
	while ((word = parse_word(&names, names_end, &word_length))) {
		value = parse_word(&values, values_end, &value_length);
		if (!value)
			break;
		if (parse_is(word, word_length, name))
			return parse_uint(value, value_length, INT64_MAX, ret);
	}
	return -ENOENT;
}
