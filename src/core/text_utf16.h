/*
 * Text as PowerShell redirects it: UTF-16 with a byte order mark.
 */
#ifndef EPH_CORE_TEXT_UTF16_H
#define EPH_CORE_TEXT_UTF16_H

#include <stddef.h>

/**
 * text_utf16_narrow() - UTF-16 as bytes, one for each character; those beyond ASCII are question marks
 * Return: NULL when @text is no UTF-16 (or out of memory, and then it is no text that anybody understands); else to be
 * freed, with its length in @ret_length.
 */
char *text_utf16_narrow(const char *text, size_t length, size_t *ret_length);

#endif
