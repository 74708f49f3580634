/*
 * What is known of operating systems, with its sources: for a terminal, as JSON, and as a page of the documentation.
 */
#ifndef EPH_RENDER_FACTS_VIEW_H
#define EPH_RENDER_FACTS_VIEW_H

#include "screen.h"
#include "system_result.h"

struct strbuf;

/* The facts of one system. */
struct facts_view {
	const char *name, *title, *because; /* because: NULL where the range can be changed */
	const struct os_range_spec *spec;
	size_t specs;
	const struct os_default *fallback;
	const struct os_facts *facts;
};

/* One line for each system: its range today, and what can be set. */
void facts_view_table(const struct facts_view *view, size_t count, const struct screen *screen,
		      struct strbuf *out);

void facts_view_text(const struct facts_view *view, const struct screen *screen,
		     struct strbuf *out);
void facts_view_json(const struct facts_view *view, size_t count, struct strbuf *out);

/* docs/os/NAME.md */
void facts_view_markdown(const struct facts_view *view, struct strbuf *out);

#endif
