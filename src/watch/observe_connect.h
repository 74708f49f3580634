/*
 * Why does a connection fail, or would it not: what was seen of the host and of its network, judged.
 */
#ifndef EPH_WATCH_OBSERVE_CONNECT_H
#define EPH_WATCH_OBSERVE_CONNECT_H

#include "connect_verdict.h"
#include "observe.h"

/**
 * observe_connect() - the verdict over @query; a query without `from` gets the source that the kernel chooses
 * @ret_snapshot: what was read, with the processes that hold ports; caller frees
 *
 * What the network refuses is an answer, not a failure. A snapshot that is replayed knows neither addresses nor routes,
 * and the answer says so. Return: 0, or negative errno with @reterr.
 */
int observe_connect(const struct observe_options *options, struct capacity_query *query,
		    struct snapshot **ret_snapshot, struct connect_result *ret,
		    struct eph_error *reterr);

#endif
