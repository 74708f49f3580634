/*
 * The sentence that stands first, and the exit status that goes with it.
 */
#ifndef EPH_RENDER_VERDICT_H
#define EPH_RENDER_VERDICT_H

#include "snapshot.h"
#include "usage_result.h"

struct strbuf;

/* Also the exit status of status, usage and capacity. */
enum verdict_level {
	VERDICT_OK = 0,
	VERDICT_WARNING = 1,
	VERDICT_CRITICAL = 2,
	VERDICT_UNKNOWN = 3,
};

#define VERDICT_CRITICAL_PERCENT 85.0

struct verdict {
	enum verdict_level level;
	const struct usage_group *worst; /* NULL: no group at all */
};

/* "OK", "WARNING", "CRITICAL", "UNKNOWN", as monitoring systems write them; the same in lower case for JSON. */
const char *verdict_word(enum verdict_level level);
const char *verdict_id(enum verdict_level level);

/* Ports of @group's capacity that are certainly taken, in percent. What the verdict goes by: where a collector cannot
 * see, the worst case would cry wolf on every busy host. */
double verdict_percent(const struct usage_group *group);

/* One group: WARNING from the knee, CRITICAL from 85 % or when none is left. */
enum verdict_level verdict_group(const struct usage_group *group);

/* The worst of all groups. UNKNOWN when not even the range of the first namespace is known. */
struct verdict verdict_of(const struct snapshot *snapshot, const struct usage_result *usage);

/* One sentence without a full stop, not yet printable. */
void verdict_sentence(const struct verdict *verdict, const struct snapshot *snapshot,
		      const struct usage_result *usage, struct strbuf *out);

#endif
