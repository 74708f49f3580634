/*
 * Reading numbers from text that outsiders wrote: a cursor that never runs past its end, and integers that are
 * refused instead of wrapped, signed or cut short.
 */
#ifndef EPH_BASE_PARSE_H
#define EPH_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * parse_uint() - the whole of @text as an unsigned decimal number
 * @text:    bytes, not necessarily NUL-terminated
 * @length:  how many
 * @max:     largest value accepted
 * @ret:     the value; untouched on failure
 *
 * Only digits: no sign, blank, base prefix or trailing text. Return: 0, -EINVAL, or -ERANGE above @max.
 */
int parse_uint(const char *text, size_t length, uint64_t max, uint64_t *ret);

/* A port in host order, 1..65535; the same for NUL-terminated text. Return: 0, -EINVAL or -ERANGE. */
int parse_port(const char *text, uint16_t *ret_port);

/* A word between blanks (space, tab): its start, and its length in @ret_length; NULL when none is left.
 * Moves *@cursor behind it. @end is one past the last readable byte. */
const char *parse_word(const char **cursor, const char *end, size_t *ret_length);

/* Does the text equal the NUL-terminated @word? */
bool parse_is(const char *text, size_t length, const char *word);

#endif
