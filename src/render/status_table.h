/*
 * The fullest destinations on the first screen: a row each with its bar, and what the bars mean.
 */
#ifndef EPH_RENDER_STATUS_TABLE_H
#define EPH_RENDER_STATUS_TABLE_H

#include "status_view.h"

/* At least one group. @above: lines of the screen that are taken already. */
void status_table_text(const struct status_view *view, const struct screen *screen, unsigned above,
		       struct strbuf *out);

/* Is it not certain of one of them how much is left? */
bool status_table_doubtful(const struct status_view *view);

#endif
