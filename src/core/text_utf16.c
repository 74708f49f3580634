#include "text_utf16.h"

#include <stdbool.h>
#include <stdlib.h>

char *text_utf16_narrow(const char *text, size_t length, size_t *ret_length)
{
	const unsigned char *from = (const unsigned char *)text;
	bool big = length >= 2 && from[0] == 0xfe && from[1] == 0xff;
	char *bytes;

	if (length < 2 || (!big && !(from[0] == 0xff && from[1] == 0xfe)))
		return NULL;
	bytes = malloc(length / 2 + 1);
	*ret_length = 0;
	for (size_t i = 2; bytes && i + 1 < length; i += 2) {
		unsigned char low = from[i + big], high = from[i + !big];

		bytes[(*ret_length)++] = (char)(high || low > 0x7e ? '?' : low);
	}
	return bytes;
}
