/*
 * Lists of ports in sentences for a screen: a list of thousands is cut where it is no longer read. JSON has it whole.
 */
#ifndef EPH_RENDER_SHORTEN_H
#define EPH_RENDER_SHORTEN_H

struct strbuf;

/* Append @text; of each list of ports in it ("1,3-5,...") that is longer than some lines only the beginning, then
 * "... and 3 120 more", counted in ports. */
void shorten_lists(const char *text, struct strbuf *out);

#endif
