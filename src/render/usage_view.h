/*
 * The answer of `ephemports usage` as a table and as JSON.
 */
#ifndef EPH_RENDER_USAGE_VIEW_H
#define EPH_RENDER_USAGE_VIEW_H

#include "json.h"
#include "os_capacity_result.h"
#include "screen.h"
#include "snapshot.h"
#include "usage_result.h"

enum usage_by {
	USAGE_BY_DESTINATION,
	USAGE_BY_SOURCE,
	USAGE_BY_PROCESS,
	USAGE_BY_CONTAINER,
	USAGE_BY_PEER, /* --inbound */
};

/* Where the range of another machine is from. */
enum usage_range_from {
	USAGE_RANGE_DEFAULT, /* of its release */
	USAGE_RANGE_TOLD,    /* by the user */
	USAGE_RANGE_READ,    /* there */
};

/* An answer about another machine, by what it printed. */
struct usage_elsewhere {
	const char *title; /* of its system */
	const struct os_rule *rule;
	enum usage_range_from range_from;
	uint64_t cut; /* sockets with an address that is cut */
};

struct usage_view {
	const struct snapshot *snapshot;
	const struct usage_result *usage;
	enum usage_by by;
	size_t top;         /* groups shown; SIZE_MAX: all */
	bool fit;           /* the table: no more rows than the screen has room for */
	bool several_netns; /* show the namespace of each group */
	const struct usage_elsewhere *elsewhere; /* NULL: this host, by its kernel */
};

void usage_view_json(const struct usage_view *view, struct strbuf *out);
void usage_view_table(const struct usage_view *view, const struct screen *screen,
		      struct strbuf *out);

/* One group as a JSON object in an array, for other documents too. */
void usage_view_group(const struct usage_view *view, const struct usage_group *group,
		      struct json *json);

#endif
