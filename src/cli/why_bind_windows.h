/*
 * `why bind PORT --os windows --excluded FILE`: from what netsh printed there.
 */
#ifndef EPH_CLI_WHY_BIND_WINDOWS_H
#define EPH_CLI_WHY_BIND_WINDOWS_H

#include "arguments.h"
#include "bind_verdict_result.h"

/* Do the arguments ask for it? */
bool why_bind_windows_asked(const struct arguments *arguments);

int why_bind_windows(const struct arguments *arguments, const struct bind_query *query,
		     struct outcome *outcome, struct eph_error *reterr);

#endif
