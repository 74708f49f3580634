/*
 * What the next boot of another Linux brings, and the files that say so: sysctl.d's, and /etc/rc.local after them. For
 * system.h; pure. This machine's own files are read and changed with what only it can tell (sysctl_change.h).
 */
#ifndef EPH_OS_LINUX_BOOT_H
#define EPH_OS_LINUX_BOOT_H

#include "systems.h"

extern const struct os_boot_file linux_boot_files[];
extern const char *const linux_boot_signs[]; /* directories, then what systemd has */

void linux_boot(struct os_state *state, const struct os_files *files);
int linux_persist(const struct os_state *state, const struct os_files *files,
		  const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

/* The list of reserved ports; what runs is kept too. */
int linux_list_persist(const struct os_state *state, const struct os_files *files,
		       const struct os_list_wish *wish, struct os_edits *ret,
		       struct eph_error *reterr);

#endif
