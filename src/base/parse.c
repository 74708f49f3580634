#include "parse.h"

#include <errno.h>
#include <string.h>

int parse_uint(const char *text, size_t length, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!length)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return -ERANGE;
		value = value * 10 + digit;
	}
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int parse_port(const char *text, uint16_t *ret_port)
{
	uint64_t value;
	int r = parse_uint(text, strlen(text), UINT16_MAX, &value);

	if (r < 0)
		return r;
	if (value == 0)
		return -ERANGE;
	*ret_port = (uint16_t)value;
	return 0;
}

const char *parse_word(const char **cursor, const char *end, size_t *ret_length)
{
	const char *p = *cursor, *start;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	start = p;
	while (p < end && *p != ' ' && *p != '\t')
		p++;
	*cursor = p;
	*ret_length = (size_t)(p - start);
	return p > start ? start : NULL;
}

bool parse_is(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(text, word, length) == 0;
}
