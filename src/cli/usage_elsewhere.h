/*
 * `usage` of another machine: from what its netstat printed, saved in a file or fetched by ssh, and the rule by which its
 * system counts.
 */
#ifndef EPH_CLI_USAGE_ELSEWHERE_H
#define EPH_CLI_USAGE_ELSEWHERE_H

#include "arguments.h"
#include "grouping.h"
#include "usage_view.h"

/* Do the arguments ask for it? */
bool usage_elsewhere_asked(const struct arguments *arguments);

/**
 * usage_elsewhere() - read and judge
 * @name:         the host to ask, as the user gave it; NULL: --netstat FILE says it
 * @ret_view:     system and rule of the answer, which ->snapshot and ->usage then go with
 * @ret_snapshot: caller frees; @ret: usage_result_done()
 * Return: 0 or negative errno with @reterr.
 */
int usage_elsewhere(const struct arguments *arguments, const char *name,
		    const struct grouping *what, struct usage_elsewhere *ret_view,
		    struct snapshot **ret_snapshot, struct usage_result *ret,
		    struct eph_error *reterr);

#endif
