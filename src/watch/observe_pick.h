/*
 * Which ports are safe to give to a new service: what was seen of a namespace, judged.
 */
#ifndef EPH_WATCH_OBSERVE_PICK_H
#define EPH_WATCH_OBSERVE_PICK_H

#include "observe.h"
#include "pick.h"

/**
 * observe_pick() - the answer to @query in one namespace
 * @ret_snapshot: which ports have owners, no sockets unless they are to be saved; caller frees
 *
 * Memory does not grow with the number of sockets. Return: 0, or negative errno with @reterr.
 */
int observe_pick(const struct observe_options *options, const struct pick_query *query,
		 struct snapshot **ret_snapshot, struct pick_result *ret, struct eph_error *reterr);

#endif
