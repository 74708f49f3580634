#include "text_accepted.h"

#include <string.h>

bool text_accepted_next(struct text_lines *lines, struct text_span *ret_id,
			struct text_span *ret_reason)
{
	struct text_span line;

	while (text_line_next(lines, &line)) {
		const char *mark = line.length ? memchr(line.start, '#', line.length) : NULL;

		if (mark)
			line.length = (size_t)(mark - line.start);
		if (!text_word_next(&line, ret_id) || !ret_id->length)
			continue;
		*ret_reason = text_trim(line);
		return true;
	}
	return false;
}
