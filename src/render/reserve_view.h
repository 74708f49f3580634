/*
 * The reserved ports of a namespace: what runs, what a file sets at boot, and how the two differ.
 */
#ifndef EPH_RENDER_RESERVE_VIEW_H
#define EPH_RENDER_RESERVE_VIEW_H

#include <stdint.h>

#include "port_range.h"
#include "port_set.h"
#include "screen.h"

struct strbuf;

struct reserve_view {
	const struct port_set *running;
	struct port_range range; /* the ephemeral range, empty when unknown */
	bool foreign;            /* no file is about this namespace */
	bool image;              /* a system that does not run: what is running is nothing */
	/* What holds at boot; path NULL: no file sets it. */
	const struct port_set *persisted;
	const char *path;
	uint32_t line;
};

void reserve_view_text(const struct reserve_view *view, const struct screen *screen,
		       struct strbuf *out);

/* {"schema":1,"reserved":{"running":[{"low","high"}],"persisted":null|{"ports","file","line"},"only_running",...}} */
void reserve_view_json(const struct reserve_view *view, struct strbuf *out);

#endif
