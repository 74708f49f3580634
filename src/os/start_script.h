/*
 * Start scripts that set parameters with ndd at each boot: /etc/rc2.d/S70ephemports of Solaris 10 and older, and
 * /sbin/rc2.d/S341ephemports of HP-UX. Scripts run in the order of their directories and then of their names; ours has to
 * be the last that sets a range.
 */
#ifndef EPH_OS_START_SCRIPT_H
#define EPH_OS_START_SCRIPT_H

#include "systems.h"

/* What differs between the systems. */
struct start_script {
	const char *ndd;       /* absolute path */
	const char *shell;     /* for the first line */
	const char *script;    /* where the script is */
	const char *to_script; /* what a link in an rc directory holds */
	const char *spare;     /* where it is when the site has a script of its own there */
	const char *to_spare;
	const char *first; /* the link's name when nobody else sets a range */
};

/* What scripts set at boot, into boot_value[] and where. */
void start_script_boot(const struct start_script *script, struct os_state *state,
		       const struct os_files *files);

/* Does any start script set a range? */
bool start_script_is_set(const struct start_script *script, const struct os_state *state,
			 const struct os_files *files);

int start_script_persist(const struct start_script *script, const struct os_state *state,
			 const struct os_files *files, const struct os_plan *plan,
			 struct os_edits *ret, struct eph_error *reterr);

/* The same for lists of ports: NAME_add and NAME_del of a port. */
int start_script_list_persist(const struct start_script *script, const struct os_state *state,
			      const struct os_files *files, const struct os_list_wish *wish,
			      struct os_edits *ret, struct eph_error *reterr);

#endif
