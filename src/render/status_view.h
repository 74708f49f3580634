/*
 * The first screen: verdict in words, range, the fullest destinations as bars, risks with advice, what to type next. As a
 * screen of 24 lines and 80 columns or more, as JSON, and as the one line a monitoring system reads.
 */
#ifndef EPH_RENDER_STATUS_VIEW_H
#define EPH_RENDER_STATUS_VIEW_H

#include "risks_result.h"
#include "screen.h"
#include "snapshot.h"
#include "usage_result.h"
#include "verdict.h"

struct strbuf;

#define STATUS_GROUPS 5u

struct status_view {
	const struct snapshot *snapshot;
	const struct usage_result *usage; /* by destination */
	const struct risks_result *risks;
	struct verdict verdict;
	bool several_netns;
	const char
		*netns; /* --netns as a shell would read it, or NULL: for the commands to paste */
};

void status_view_text(const struct status_view *view, const struct screen *screen,
		      struct strbuf *out);
void status_view_json(const struct status_view *view, struct strbuf *out);

/* "EPHEMPORTS WARNING - ... | dst_used=57%;50;85": for Nagios, Icinga and their kin. */
void status_view_plugin(const struct status_view *view, struct strbuf *out);

#endif
