/*
 * The plain answer to a port that is in use: end the process that has it. For why_view.
 */
#ifndef EPH_RENDER_WHY_END_H
#define EPH_RENDER_WHY_END_H

#include "why_view.h"

/* The one process that holds everything in the way, or of a busy server all that was looked at; NULL when there are
 * several, some are not known, or it would not help. */
const struct process_record *why_end_process(const struct why_bind *why,
					     const struct snapshot *snapshot);

/* "end pid 4012", and what closing its sockets means for the port. */
void why_end_text(const struct why_bind *why, const struct process_record *process,
		  struct strbuf *out);

/* How: nothing for a replayed snapshot, whose processes are those of then. A service is stopped, or it would come back. */
void why_end_command(const struct snapshot *snapshot, const struct process_record *process,
		     struct strbuf *out);

#endif
