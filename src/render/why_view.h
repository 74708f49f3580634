/*
 * Why a bind fails, or that it does not: on a screen and as JSON.
 */
#ifndef EPH_RENDER_WHY_VIEW_H
#define EPH_RENDER_WHY_VIEW_H

#include "bind_verdict_result.h"
#include "elsewhere.h"
#include "firewall_claims_result.h"
#include "screen.h"
#include "snapshot.h"
#include "verdict.h"

struct strbuf;

struct why_bind {
	const struct bind_query *query;
	const struct bind_result *result;
	const struct bind_advice *advice;
	unsigned n_advice;
	bool holders_whole;                   /* who shares a socket that is in the way is known */
	const struct elsewhere *elsewhere;    /* NULL: other namespaces were not looked at */
	const struct firewall_claims *claims; /* NULL: the packet filter was not looked at */
};

/* OK when free, CRITICAL otherwise. */
enum verdict_level why_bind_level(const struct bind_result *result);

void why_bind_json(const struct why_bind *why, const struct snapshot *snapshot, struct strbuf *out);
void why_bind_text(const struct why_bind *why, const struct snapshot *snapshot,
		   const struct screen *screen, struct strbuf *out);

#endif
