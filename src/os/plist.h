/*
 * The LaunchDaemon that sets ranges when macOS boots: a property list whose program is sysctl, with one
 * <string>NAME=VALUE</string> for each setting.
 */
#ifndef EPH_OS_PLIST_H
#define EPH_OS_PLIST_H

#include "systems.h"

#define PLIST_PATH "/Library/LaunchDaemons/local.ephemports.plist"

/* /etc/sysctl.conf (read until 10.9), then other daemons, whose order nobody knows, then ours. */
void plist_boot(struct os_state *state, const struct os_files *files);

int plist_persist(const struct os_state *state, const struct os_files *files,
		  const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

#endif
