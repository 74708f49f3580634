#include "why_end.h"

#include <string.h>

#include "names.h"
#include "paste.h"
#include "strbuf.h"
#include "why_holder.h"

const struct process_record *why_end_process(const struct why_bind *why,
					     const struct snapshot *snapshot)
{
	const struct bind_result *result = why->result;
	const struct process_record *only = NULL;

	if (!why->holders_whole || (result->more_blockers && !result->count[BIND_HOW_ACCEPTED]))
		return NULL;
	for (unsigned i = 0; i < result->n_blockers; i++) {
		const struct socket_record *record =
			why_holder_socket(snapshot, &result->blocker[i]);
		size_t more;
		const struct process_record *process = name_process(snapshot, record->inode, &more);

		if (!process || more || (only && only != process))
			return NULL;
		only = process;
	}
	return only;
}

void why_end_text(const struct why_bind *why, const struct process_record *process,
		  struct strbuf *out)
{
	const struct bind_result *result = why->result;
	const struct bind_blocker *first = &result->blocker[0];
	bool tcp = why->query->protocol == PROTOCOL_TCP;

	strbuf_printf(out, "end pid %d%s", (int)process->pid,
		      result->more_blockers
			      ? ", which has the listener and every connection looked at"
			      : "");
	if (first->automatic == LAW_YES && first->how == BIND_HOW_LISTENING)
		strbuf_puts(out, ", or restart it once the port is reserved: it is then given "
				 "another");
	if (tcp && result->count[BIND_HOW_ACCEPTED])
		strbuf_puts(out, "; connections that it closes first keep the port for up to 60 s "
				 "more (TIME_WAIT), unless both its listener and the new socket "
				 "set SO_REUSEADDR");
	else if (tcp && first->how == BIND_HOW_OUTGOING)
		strbuf_puts(out, "; if it closes the connection first, the port stays taken for "
				 "up to 60 s more (TIME_WAIT)");
}

static bool is_service(const char *unit)
{
	size_t length = strlen(unit);

	return length > 8 && strcmp(unit + length - 8, ".service") == 0 &&
	       strncmp(unit, "user@", 5) != 0;
}

void why_end_command(const struct snapshot *snapshot, const struct process_record *process,
		     struct strbuf *out)
{
	if (snapshot->replayed || process->pid <= 1)
		return;
	if (is_service(process->unit)) {
		strbuf_puts(out, "systemctl stop ");
		paste_word(out, process->unit);
	} else if (!process->unit[0] || !strchr(process->unit, ':')) {
		strbuf_printf(out, "kill %d", (int)process->pid);
	}
}
