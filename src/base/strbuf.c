#include "strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char strbuf_empty[1];

void strbuf_done(struct strbuf *buf)
{
	if (buf->capacity)
		free(buf->text);
	*buf = (struct strbuf)STRBUF_INIT;
}

void strbuf_clear(struct strbuf *buf)
{
	buf->length = 0;
	buf->text[0] = '\0';
}

/* Room for @more bytes and the NUL; false (and failed set) when memory is out. */
static bool reserve(struct strbuf *buf, size_t more)
{
	size_t need = buf->length + more + 1, capacity = buf->capacity ? buf->capacity : 64;
	char *text;

	if (buf->failed)
		return false;
	if (need <= buf->capacity)
		return true;
	while (capacity < need && capacity <= SIZE_MAX / 2)
		capacity *= 2;
	text = need > buf->length && capacity >= need
		       ? realloc(buf->capacity ? buf->text : NULL, capacity)
		       : NULL;
	if (!text) {
		buf->failed = true;
		return false;
	}
	if (!buf->capacity)
		text[0] = '\0';
	buf->text = text;
	buf->capacity = capacity;
	return true;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t length)
{
	if (!length || !reserve(buf, length))
		return;
	memcpy(buf->text + buf->length, bytes, length);
	buf->length += length;
	buf->text[buf->length] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
	strbuf_add(buf, &c, 1);
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list arguments)
{
	va_list again;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	if (length < 0)
		buf->failed = true;
	else if (reserve(buf, (size_t)length)) {
		vsnprintf(buf->text + buf->length, (size_t)length + 1, format, again);
		buf->length += (size_t)length;
	}
	va_end(again);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	strbuf_vprintf(buf, format, arguments);
	va_end(arguments);
}

char *strbuf_take(struct strbuf *buf)
{
	char *text = NULL;

	if (!buf->failed && reserve(buf, 0)) {
		text = buf->text;
		buf->capacity = 0;
	}
	strbuf_done(buf);
	return text;
}
