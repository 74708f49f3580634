/*
 * Sockets on one port in other network namespaces than the one that was asked about: none of them is in the way.
 */
#ifndef EPH_CORE_ELSEWHERE_H
#define EPH_CORE_ELSEWHERE_H

#include <stdbool.h>

#include "process_table.h"
#include "snapshot.h"

#define ELSEWHERE_MAX 8u

struct elsewhere_socket {
	struct socket_record record;   /* listening, or bound and not connected */
	char netns[NETNS_NAME_BYTES];  /* as in struct netns_snapshot; "" for the caller's own */
	struct process_record process; /* one that holds it; pid 0: not known */
};

struct elsewhere {
	struct elsewhere_socket socket[ELSEWHERE_MAX];
	unsigned count;
	unsigned more;    /* found, and not in the list */
	bool looked;      /* false: nothing of this was asked, as of a replayed snapshot */
	bool timed_out;   /* there were more namespaces than there was time for */
	unsigned skipped; /* namespaces that may not be entered */
};

#endif
