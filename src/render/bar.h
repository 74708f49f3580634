/*
 * How full a destination is, as a bar: live connections, TIME_WAIT, what could not be seen, and the knee.
 *
 *	|#########|+++++++++++?? |
 */
#ifndef EPH_RENDER_BAR_H
#define EPH_RENDER_BAR_H

#include <stddef.h>

#include "usage_result.h"

struct strbuf;

#define BAR_FRAME 5u /* cells besides the bar's own: both ends, the knee, and the gap before */

/* Append the bar of @group, @cells wide and 3 more for ends and knee. @knee: in ports. */
void bar_add(struct strbuf *out, const struct usage_group *group, unsigned knee, unsigned cells);

/* The head of the column: |0      knee      full| */
void bar_title(unsigned cells, char *title, size_t title_bytes);

#endif
