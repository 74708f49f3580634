/*
 * The lists of ports that another system never chooses, as its own commands told.
 */
#ifndef EPH_RENDER_RESERVED_VIEW_H
#define EPH_RENDER_RESERVED_VIEW_H

#include "screen.h"
#include "system_result.h"

struct strbuf;

struct reserved_view {
	const struct os_state *state;
	const char *name, *title; /* of its system */
	const char *host;         /* as the user named it */
	const char *instead;      /* what to do where no list can be changed; NULL where one can */
	const char
		*command[OS_RESERVED_MAX]; /* what adds PORT to each list there; NULL: not known */
};

void reserved_view_text(const struct reserved_view *view, const struct screen *screen,
			struct strbuf *out);
void reserved_view_json(const struct reserved_view *view, struct strbuf *out);

#endif
