/*
 * /etc/sysctl.conf of the BSDs: NAME=VALUE lines, applied from top to bottom, the last one wins. FreeBSD reads
 * /etc/sysctl.conf.local after it. # begins a comment.
 *
 * FreeBSD 4, DragonFly and OpenBSD apply a line only when no blank stands around its =, so what we write has none; NetBSD
 * and newer FreeBSD take both. A carriage return at the end of a value spoils it everywhere; in a file with such line ends
 * what we write ends in " #", so that the value stays clean.
 */
#ifndef EPH_OS_SYSCTL_CONF_H
#define EPH_OS_SYSCTL_CONF_H

#include "systems.h"

/* boot() and persist() of the BSDs; see os_boot() and os_persist(). */
void sysctl_conf_boot(struct os_state *state, const struct os_files *files);
int sysctl_conf_persist(const struct os_state *state, const struct os_files *files,
			const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

#endif
