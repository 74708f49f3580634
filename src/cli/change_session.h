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
	bool foreign;            /* in another namespace than the files are about: nothing lasts */
	bool image; /* the files are those of a system that does not run: nothing but them changes */
	bool entered,
		elsewhere; /* elsewhere: in another namespace than the program was started in */
	int back;
};

/* Options that look at saved or at several things are refused. Whoever looks around first, before a session is open, asks
 * this. Return: 0 or -EINVAL with @reterr. */
int change_session_check(const struct arguments *arguments, struct eph_error *reterr);

/**
 * change_session_open() - for the namespace that the common options name; the thread stays there until it is closed
 * @changes: something will be changed: the journal is opened, and what was interrupted is settled, which is said on standard
 *           error. Otherwise there is no journal: whoever only looks need not be root.
 * Close in any case.
 */
int change_session_open(const struct arguments *arguments, bool changes, struct change_session *ret,
			struct eph_error *reterr);
/* Are the files below EPHEMPORTS_ROOT those of a system that does not run? They are, unless --netns names the namespace in
 * which it does. */
bool change_session_is_image(const struct arguments *arguments);

/* What is to be said of a @planned change of an image. */
const char *change_session_image_note(const struct change *planned);

void change_session_close(struct change_session *session);

#endif
