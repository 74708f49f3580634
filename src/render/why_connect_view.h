/*
 * The answer of `ephemports why connect` in sentences and as JSON.
 */
#ifndef EPH_RENDER_WHY_CONNECT_VIEW_H
#define EPH_RENDER_WHY_CONNECT_VIEW_H

#include "connect_verdict_result.h"
#include "screen.h"
#include "snapshot.h"

struct strbuf;

/* 0 ok, 1 not exhaustion, 2 exhausted, 3 not settled: also the exit status. */
int why_connect_view_status(const struct connect_result *result);

void why_connect_view_json(const struct connect_result *result, const struct snapshot *snapshot,
			   struct strbuf *out);
void why_connect_view_text(const struct connect_result *result, const struct snapshot *snapshot,
			   const struct screen *screen, struct strbuf *out);

#endif
