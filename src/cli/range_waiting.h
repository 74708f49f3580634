/*
 * What was set with --confirm-within and is not decided, in words: for who looks at the range or at the log, or changes it for
 * good meanwhile.
 */
#ifndef EPH_CLI_RANGE_WAITING_H
#define EPH_CLI_RANGE_WAITING_H

#include "change_session.h"

/* One sentence about this host, in the place of @session; nothing is appended where nothing waits. */
void range_waiting_here(const struct change_session *session, struct strbuf *out);

/* The same about another machine, which is not asked. */
void range_waiting_there(const char *host, struct strbuf *out);

#endif
