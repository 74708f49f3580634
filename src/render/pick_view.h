/*
 * Ports for a new service: for scripts as bare numbers, as JSON, and what is said about them.
 */
#ifndef EPH_RENDER_PICK_VIEW_H
#define EPH_RENDER_PICK_VIEW_H

#include "pick_result.h"

struct snapshot;
struct strbuf;

struct pick_view {
	const struct pick_result *result;
	const struct snapshot *snapshot;
	const uint16_t *port; /* those picked */
	uint32_t ports;
	uint32_t last_resort; /* of them: NodePorts, for want of safe ones */
};

void pick_view_text(const struct pick_view *view, struct strbuf *out); /* one port per line */
void pick_view_json(const struct pick_view *view, struct strbuf *out);

/* One sentence each, without a newline: how many are safe and what the others are left out for; what to beware of. */
void pick_view_count(const struct pick_result *result, struct strbuf *out);
void pick_view_warning(const struct pick_view *view, struct strbuf *out);

#endif
