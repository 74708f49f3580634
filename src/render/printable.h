/*
 * Text from outside (names of processes, containers, namespaces, files, words of the command line) on its way to a
 * terminal. The one place where it is made harmless: control characters, line breaks, invalid UTF-8 and characters that
 * are invisible or turn the reading direction come out as \x1b or \u202e; everything else stays. The result is always
 * valid UTF-8 on one line.
 */
#ifndef EPH_RENDER_PRINTABLE_H
#define EPH_RENDER_PRINTABLE_H

struct strbuf;

void printable_puts(struct strbuf *out, const char *text);

/* As printable_puts(), but at most @cells wide; what is cut is marked by ".." at the end. */
void printable_cut(struct strbuf *out, const char *text, unsigned cells);

/* Cells that printable @text takes on a terminal: East Asian wide characters 2, combining ones 0. */
unsigned printable_width(const char *text);

#endif
