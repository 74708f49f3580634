/*
 * A string that grows. `text` is always a valid NUL-terminated string, even before the first byte and after a failed
 * allocation; `failed` then stays set and later calls do nothing, so a writer checks once, at its end.
 *
 *	struct strbuf out = STRBUF_INIT;
 *	strbuf_printf(&out, "%u ports\n", ports);
 *	if (out.failed) ...
 *	strbuf_done(&out);
 */
#ifndef EPH_BASE_STRBUF_H
#define EPH_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *text;
	size_t length;   /* bytes before the NUL */
	size_t capacity; /* bytes allocated, 0 while text is the shared empty string */
	bool failed;
};

extern char strbuf_empty[1];
#define STRBUF_INIT                                                                                \
	{                                                                                          \
		.text = strbuf_empty                                                               \
	}

void strbuf_done(struct strbuf *buf);
void strbuf_clear(struct strbuf *buf); /* empty again, memory kept */
void strbuf_add(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

/* The text as a malloc'd string that the caller frees; @buf is empty afterwards. NULL if an allocation failed. */
char *strbuf_take(struct strbuf *buf);

#endif
