/*
 * Stanzas of Tru64's /etc/sysconfigtab: a subsystem and a colon, then "<TAB>attribute = value" lines, then an empty line.
 */
#ifndef EPH_OS_STANZA_H
#define EPH_OS_STANZA_H

#include "os_text.h"

/* What the stanza inet says will hold after the next boot; of `sysconfigdb -l inet` or of the file itself. */
void stanza_read(struct os_state *state, const struct os_output *output);

/**
 * stanza_command() - one line that merges @step into /etc/sysconfigtab, or takes it out again
 * The stanza goes into a file in /etc, where only root writes, and that is removed again. A value that goes back to
 * nothing is removed with what it was before: sysconfigdb -r takes out what is the same.
 */
void stanza_command(const struct os_step *step, struct strbuf *out);

#endif
