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
