/* Excluded ports as netsh prints them; the first byte says which protocol was asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "text_excluded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct excluded_list list;
	char *text;

	if (!size)
		return 0;
	text = malloc(size > 1 ? size - 1 : 1);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	if (text_excluded_read(text, size - 1, data[0] & 1, &list, NULL) == 0) {
		if (list.count > EXCLUDED_MAX || list.dynamic.lo > list.dynamic.hi ||
		    list.mirrored.lo > list.mirrored.hi)
			abort();
		for (unsigned i = 0; i < list.count; i++)
			if (list.range[i].range.lo > list.range[i].range.hi ||
			    !excluded_list_find(&list, list.range[i].range.lo))
				abort();
	}
	free(text);
	return 0;
}
