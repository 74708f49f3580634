/*
 * What the reader's screen is like. Colour adds, it never carries: every coloured word says the same without it.
 */
#ifndef EPH_RENDER_SCREEN_H
#define EPH_RENDER_SCREEN_H

#include <stdbool.h>

struct strbuf;

struct screen {
	unsigned width;  /* cells a line; 0: no terminal, lines are never cut */
	unsigned height; /* lines */
	bool colour;
};

enum paint {
	PAINT_PLAIN,
	PAINT_BOLD,
	PAINT_DIM,
	PAINT_GREEN,
	PAINT_YELLOW,
	PAINT_RED,
};

/* Append printable @text in @paint, plain when the screen has no colour. */
void screen_paint(const struct screen *screen, struct strbuf *out, enum paint paint,
		  const char *text);

/* Append @text from outside as the first line of an answer, cut to the screen, and an empty line below it. */
void screen_heading(const struct screen *screen, struct strbuf *out, const char *text);

/* Append @text, words wrapped at @width cells (0: never); lines after the first begin with @indent blanks. The text
 * before it on the first line is @column cells wide. Ends with a newline. Returns how many lines were written. */
unsigned screen_wrap(struct strbuf *out, const char *text, unsigned column, unsigned indent,
		     unsigned width);

/* The same for text from outside: what is not printable in it is written as printable_puts() does. */
unsigned screen_wrap_outside(struct strbuf *out, const char *text, unsigned column, unsigned indent,
			     unsigned width);

#endif
