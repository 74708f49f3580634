/*
 * /etc/rc.tcpip of AIX: a shell script that may call no(1). Until AIX 5.1 it is the way to keep a range; later
 * /etc/tunables/nextboot is, but what rc.tcpip sets afterwards wins.
 */
#ifndef EPH_OS_RC_TCPIP_H
#define EPH_OS_RC_TCPIP_H

#include "systems.h"

#define RC_TCPIP_PATH "/etc/rc.tcpip"

/* AIX 5.2 and later, or a release that is not known. */
bool rc_tcpip_has_nextboot(const struct os_state *state);

void rc_tcpip_boot(struct os_state *state, const struct os_files *files);

/* A block of ours before the final exit, or at the end; none where nextboot does and nobody contradicts it. */
int rc_tcpip_persist(const struct os_state *state, const struct os_files *files,
		     const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

#endif
