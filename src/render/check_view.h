/*
 * The answer of `check`: every risk with its evidence and advice, those that are accepted on one line each, and what was
 * not looked at. As text, as JSON, and as the one line a monitoring system reads.
 */
#ifndef EPH_RENDER_CHECK_VIEW_H
#define EPH_RENDER_CHECK_VIEW_H

#include "risks_result.h"
#include "screen.h"
#include "snapshot.h"
#include "verdict.h"

struct strbuf;

#define CHECK_NOTES_MAX 8u

struct check_view {
	const struct snapshot *snapshot;
	const struct risks_result *risks; /* worst first, accepted ones among them */
	bool several_netns;
	size_t files;                      /* configuration files looked at */
	const char *note[CHECK_NOTES_MAX]; /* what was not looked at, and why: "...: ..." */
	unsigned notes;
};

/* The worst severity that is not accepted; info is fine. Also the exit status. */
enum verdict_level check_view_level(const struct check_view *view);

void check_view_text(const struct check_view *view, const struct screen *screen,
		     struct strbuf *out);
void check_view_json(const struct check_view *view, struct strbuf *out);
void check_view_plugin(const struct check_view *view, struct strbuf *out);

#endif
