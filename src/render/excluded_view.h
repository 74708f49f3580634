/*
 * Why a bind on Windows fails, by its excluded ranges: on a screen and as JSON.
 */
#ifndef EPH_RENDER_EXCLUDED_VIEW_H
#define EPH_RENDER_EXCLUDED_VIEW_H

#include "excluded_bind_result.h"
#include "screen.h"
#include "verdict.h"

struct strbuf;

struct excluded_view {
	const struct excluded_bind *result;
	const char *address; /* as it is asked for, "0.0.0.0" for any */
};

/* OK when free, CRITICAL otherwise. */
enum verdict_level excluded_view_level(const struct excluded_bind *result);

void excluded_view_json(const struct excluded_view *view, struct strbuf *out);
void excluded_view_text(const struct excluded_view *view, const struct screen *screen,
			struct strbuf *out);

#endif
