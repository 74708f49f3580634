/*
 * Who has the same port in other network namespaces. None of them is in the way; people look for them all the same.
 */
#ifndef EPH_WATCH_OBSERVE_ELSEWHERE_H
#define EPH_WATCH_OBSERVE_ELSEWHERE_H

#include "elsewhere.h"

/* of work, for all namespaces; those that are left are not looked at */
#define ELSEWHERE_MAX_MS 20

/**
 * observe_elsewhere() - sockets that hold @port outside of the first namespace of @snapshot
 * Of the caller's own namespace, the named ones and those of processes that the caller sees and may enter. Nothing that
 * fails here is an error: it is not what was asked. Replaces @ret.
 */
void observe_elsewhere(const struct snapshot *snapshot, uint8_t protocol, uint16_t port,
		       struct elsewhere *ret);

#endif
