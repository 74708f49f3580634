/*
 * Reading UTF-8 that outsiders wrote.
 */
#ifndef EPH_RENDER_UTF8_H
#define EPH_RENDER_UTF8_H

#include <stddef.h>
#include <stdint.h>

/**
 * utf8_next() - the code point at @text
 * @length:     bytes readable there, at least 1
 * @ret_point:  the code point; untouched when the bytes are no UTF-8 (overlong forms and surrogates are none)
 *
 * Return: how many bytes it takes, 1..4; 0 when the first byte begins no valid sequence.
 */
unsigned utf8_next(const char *text, size_t length, uint32_t *ret_point);

#endif
