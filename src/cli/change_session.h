/*
 * What every command that changes this host needs: the namespace entered, the journal locked, interrupted changes settled.
 */
#ifndef EPH_CLI_CHANGE_SESSION_H
#define EPH_CLI_CHANGE_SESSION_H

#include "arguments.h"
#include "change.h"

struct change_session {
	struct local_runner local;
	struct journal *journal;
	struct change_run run;
	struct strbuf recovered; /* a line for each change that was settled */
	bool foreign; /* in another namespace than the files of this host are about: nothing lasts */
	bool entered;
	int back;
};

/**
 * change_session_open() - for the namespace that the common options name; the thread stays there until it is closed
 * @changes: something will be changed: the journal is opened, and what was interrupted is settled, which is said on standard
 *           error. Otherwise there is no journal: whoever only looks need not be root.
 * Options that look at saved or at several things are refused. Close in any case.
 */
int change_session_open(const struct arguments *arguments, bool changes, struct change_session *ret,
			struct eph_error *reterr);
/* Say what was settled, on standard error. */
void change_session_tell(const struct strbuf *recovered);

void change_session_close(struct change_session *session);

#endif
