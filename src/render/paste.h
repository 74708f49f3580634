/*
 * Commands that a reader pastes into a root shell. What is advised for another network namespace than the shell's own
 * must be said there: pasted as it is, it would change the host.
 */
#ifndef EPH_RENDER_PASTE_H
#define EPH_RENDER_PASTE_H

#include "snapshot.h"

struct strbuf;

/* @word as a shell reads it back: quoted where it has to be, and harmless to a terminal. */
void paste_word(struct strbuf *out, const char *word);

/**
 * paste_command() - @command such that it acts in @netns
 *
 * As it is for the caller's own namespace, else behind "ip netns exec nc1" or "nsenter -t 4012 -n". Of a container only
 * its name is known: the reader has to fill in a PID of it, and nothing happens until then.
 */
void paste_command(struct strbuf *out, const struct netns_snapshot *netns, const char *command);

/* The options, each behind a space, with which ephemports looks at what was looked at: "", " -N nc1". */
void paste_netns(struct strbuf *out, const char *netns, bool several_netns);

#endif
