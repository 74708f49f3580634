/*
 * What would bind() and listen() say to a new socket, and who is in the way: what was seen of one port, judged.
 */
#ifndef EPH_WATCH_OBSERVE_BIND_H
#define EPH_WATCH_OBSERVE_BIND_H

#include "bind_verdict.h"
#include "elsewhere.h"
#include "observe.h"

struct observed_bind {
	struct bind_result result;
	struct bind_advice advice[BIND_ADVICE_MAX]; /* checked by the same law */
	unsigned n_advice;
	struct elsewhere elsewhere;
	bool holders_whole; /* nobody who shares a socket that is in the way was left out */
};

/**
 * observe_bind() - the verdict over @query in one namespace
 * @device:       name of the interface the socket is bound to, or NULL; looked up in the namespace
 * @query:        address_is_local, device and device_is_absent are filled in
 * @ret_snapshot: the sockets on that port, and the processes that hold those in the way; caller frees
 *
 * Reads one port only, unless everything is to be saved. A replayed snapshot does not know the addresses of its host:
 * every address is taken for local. Return: 0, or negative errno with @reterr.
 */
int observe_bind(const struct observe_options *options, const char *device,
		 struct bind_query *query, struct snapshot **ret_snapshot,
		 struct observed_bind *ret, struct eph_error *reterr);

#endif
