#include "text_sysctl.h"

#include <errno.h>

#include "parse.h"

static int numbers(const char *text, size_t length, uint64_t max, unsigned count, uint64_t *ret)
{
	const char *cursor = text, *end = text + length, *word;
	size_t word_length;
	int r;

	if (length > 0 && end[-1] == '\n')
		end--;
	for (unsigned i = 0; i < count; i++) {
		word = parse_word(&cursor, end, &word_length);
		if (!word)
			return -EINVAL;
		r = parse_uint(word, word_length, max, &ret[i]);
		if (r < 0)
			return r;
	}
	return parse_word(&cursor, end, &word_length) ? -EINVAL : 0;
}

int text_sysctl_number(const char *text, size_t length, uint32_t max, uint32_t *ret)
{
	uint64_t value;
	int r = numbers(text, length, max, 1, &value);

	if (r == 0)
		*ret = (uint32_t)value;
	return r;
}

int text_sysctl_range(const char *text, size_t length, struct port_range *ret)
{
	uint64_t value[2];
	int r = numbers(text, length, UINT16_MAX, 2, value);

	if (r < 0)
		return r;
	if (value[0] > value[1])
		return -EINVAL;
	*ret = (struct port_range){(uint16_t)value[0], (uint16_t)value[1]};
	return 0;
}

int text_sysctl_range_written(const char *text, size_t length, struct port_range *ret)
{
	const char *cursor = text, *end = text + length, *word;
	size_t word_length;

	for (int i = 0; i < 2; i++) {
		word = parse_word(&cursor, end, &word_length);
		if (!word || (*word == '0' && word_length > 1))
			return -EINVAL;
	}
	return text_sysctl_range(text, (size_t)(cursor - text), ret);
}
