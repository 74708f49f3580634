/*
 * Lists of ports in /etc/sysctl.conf of OpenBSD and DragonFly: "NAME=+8080,-2049" adds to what the kernel has by itself and
 * takes away from it, "NAME=2049,8080" is the whole list. A line that mixes both is refused by the system.
 */
#ifndef EPH_OS_SYSCTL_LIST_H
#define EPH_OS_SYSCTL_LIST_H

#include "reserved.h"
#include "systems.h"

/* parse() of both: pairs, the lists among them. */
void sysctl_list_parse(struct os_state *state, const struct os_output *output);

/* "SYSCTL NAME=+8080,-2049" */
void sysctl_list_set(const char *sysctl, const struct os_list *list, const struct os_ports *before,
		     const struct os_ports *after, struct strbuf *out);

/* What the lines of one file bring. */
void sysctl_list_boot(struct os_state *state, const struct os_file *file);

/* The last line of each list gets the ports; one of our own is added when there is none. */
int sysctl_list_persist(const struct os_state *state, const struct os_files *files,
			const struct os_list_wish *wish, struct os_edits *ret,
			struct eph_error *reterr);

#endif
