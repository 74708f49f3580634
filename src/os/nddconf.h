/*
 * HP-UX's /etc/rc.config.d/nddconf: three shell variables for each parameter, TRANSPORT_NAME[n], NDD_NAME[n] and
 * NDD_VALUE[n]. The boot goes through n = 0, 1, 2, ... and stops at the first that is missing; of two entries for one
 * parameter the later one wins. A start script after S340net wins over all of them.
 */
#ifndef EPH_OS_NDDCONF_H
#define EPH_OS_NDDCONF_H

#include "systems.h"

#define NDDCONF_PATH "/etc/rc.config.d/nddconf"

void nddconf_boot(struct os_state *state, const struct os_files *files);

/* Every entry of a parameter gets its value; new ones take the lowest numbers that are free. Where a script sets it later,
 * a start script of ours is added behind that. */
int nddconf_persist(const struct os_state *state, const struct os_files *files,
		    const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

#endif
