#include "rc_local.h"

#include <string.h>

#include "text_line.h"

#define NAME "ip_local_port_range"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Is it part of a word, as the 4 in ipv4? */
static bool joins(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* The next number of @line from *@at on, at most 65535; false when there is none. */
static bool next_number(struct text_span line, size_t *at, uint32_t *ret)
{
	size_t i = *at;

	while (i < line.length &&
	       !(is_digit(line.start[i]) &&
		 (i == 0 || (!joins(line.start[i - 1]) && !is_digit(line.start[i - 1])))))
		i++;
	if (i == line.length)
		return false;
	for (*ret = 0; i < line.length && is_digit(line.start[i]) && *ret <= UINT16_MAX; i++)
		*ret = *ret * 10 + (uint32_t)(line.start[i] - '0');
	*at = i;
	return *ret <= UINT16_MAX;
}

unsigned rc_local_find(const char *text, size_t length, struct port_range *ret)
{
	struct text_lines lines = text_lines(text, length, true);
	struct text_span line;
	unsigned found = 0;

	while (text_line_next(&lines, &line)) {
		uint32_t low, high;
		size_t at = 0;

		if (text_begins(line, "#") ||
		    !memmem(line.start, line.length, NAME, sizeof(NAME) - 1))
			continue;
		found = lines.number;
		*ret = (struct port_range){1, 0};
		if (next_number(line, &at, &low) && next_number(line, &at, &high) && low <= high)
			*ret = (struct port_range){(uint16_t)low, (uint16_t)high};
	}
	return found;
}
