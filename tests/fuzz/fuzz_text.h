/* The input of a fuzz target as a string: up to its first NUL, in no more bytes than it needs. NULL when out of memory. */
#ifndef EPH_TESTS_FUZZ_TEXT_H
#define EPH_TESTS_FUZZ_TEXT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Not strndup(): with strict_string_checks the address sanitizer wants a NUL in what is copied, too. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	size_t length = strnlen((const char *)data, size);
	char *text = malloc(length + 1);

	if (text) {
		memcpy(text, data, length);
		text[length] = '\0';
	}
	return text;
}

#endif
