#include "digest.h"

#include <stdint.h>
#include <string.h>

#include <sha2.h>

void digest_bytes(const void *bytes, size_t length, char ret[DIGEST_TEXT_BYTES])
{
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, bytes, length);
	SHA256End(&context, ret);
}

bool digest_is_valid(const char *text)
{
	return strlen(text) == DIGEST_TEXT_BYTES - 1 &&
	       strspn(text, "0123456789abcdef") == DIGEST_TEXT_BYTES - 1;
}
