/*
 * SHA-256 of some bytes, in hexadecimal: by it a file is recognised as the one that was read. Thread safe.
 */
#ifndef EPH_OS_DIGEST_H
#define EPH_OS_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_TEXT_BYTES 65u /* 64 digits and a NUL; "" stands for a file that is not there */

void digest_bytes(const void *bytes, size_t length, char ret[DIGEST_TEXT_BYTES]);

/* Is it 64 lower-case hexadecimal digits? */
bool digest_is_valid(const char *text);

#endif
