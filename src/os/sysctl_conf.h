/*
 * /etc/sysctl.conf of the BSDs: NAME=VALUE lines, applied from top to bottom, the last one wins. FreeBSD reads
 * /etc/sysctl.conf.local after it. # begins a comment.
 *
 * Where the shell reads the file (FreeBSD until 10.0, DragonFly, OpenBSD) a line is applied only when no blank stands around
 * its = and a newline ends it; what we write is such a line. NetBSD and newer FreeBSD have sysctl -f, which takes both, and
 * FreeBSD's "NAME: VALUE" and quotes. A carriage return at the end of a value spoils it everywhere but there;
 * in a file with such line ends what we write ends in " #", so that the value stays clean.
 */
#ifndef EPH_OS_SYSCTL_CONF_H
#define EPH_OS_SYSCTL_CONF_H

#include "systems.h"

/* boot() and persist() of the BSDs; see os_boot() and os_persist(). */
void sysctl_conf_boot(struct os_state *state, const struct os_files *files);
int sysctl_conf_persist(const struct os_state *state, const struct os_files *files,
			const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

#endif
