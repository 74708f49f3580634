#include "screen.h"

#include <ctype.h>
#include <string.h>

#include "printable.h"
#include "strbuf.h"

#define DIGITS "0123456789"

void screen_paint(const struct screen *screen, struct strbuf *out, enum paint paint,
		  const char *text)
{
	static const char *const code[] = {
		[PAINT_PLAIN] = "",   [PAINT_BOLD] = "1",    [PAINT_DIM] = "2",
		[PAINT_GREEN] = "32", [PAINT_YELLOW] = "33", [PAINT_RED] = "1;31",
	};

	if (!screen->colour || paint == PAINT_PLAIN) {
		strbuf_puts(out, text);
		return;
	}
	strbuf_printf(out, "\033[%sm", code[paint]);
	strbuf_puts(out, text);
	strbuf_puts(out, "\033[0m");
}

void screen_heading(const struct screen *screen, struct strbuf *out, const char *text)
{
	if (screen->width)
		printable_cut(out, text, screen->width);
	else
		printable_puts(out, text);
	strbuf_puts(out, "\n\n");
}

/* Bytes up to a blank where a line may end: a number is torn neither from its next three digits nor from its unit. */
static size_t word_length(const char *text)
{
	size_t length = 0, digits;
	const char *next;

	for (;;) {
		length += strcspn(text + length, " ");
		if (!text[length] || !length || !strchr(DIGITS, text[length - 1]))
			return length;
		next = text + length + 1;
		digits = strspn(next, DIGITS);
		if (digits != 3 &&
		    !((*next == 's' || *next == '%') && !isalnum((unsigned char)next[1])))
			return length;
		length++;
	}
}

unsigned screen_wrap(struct strbuf *out, const char *text, unsigned column, unsigned indent,
		     unsigned width)
{
	struct strbuf word = STRBUF_INIT;
	unsigned lines = 1;
	bool first = true;

	while (*text) {
		size_t length = word_length(text);
		unsigned cells;

		strbuf_clear(&word);
		strbuf_add(&word, text, length);
		cells = printable_width(word.text);
		if (!first && width && column + 1 + cells > width) {
			strbuf_printf(out, "\n%*s", (int)indent, "");
			column = indent;
			lines++;
		} else if (!first) {
			strbuf_putc(out, ' ');
			column++;
		}
		strbuf_add(out, word.text, word.length);
		column += cells;
		first = false;
		text += length;
		text += *text == ' ';
	}
	strbuf_putc(out, '\n');
	strbuf_done(&word);
	return lines;
}

unsigned screen_wrap_outside(struct strbuf *out, const char *text, unsigned column, unsigned indent,
			     unsigned width)
{
	struct strbuf clean = STRBUF_INIT;
	unsigned lines;

	printable_puts(&clean, text);
	lines = screen_wrap(out, clean.text, column, indent, width);
	strbuf_done(&clean);
	return lines;
}
