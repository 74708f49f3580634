/*
 * In which order start scripts run: the rc directories as system->boot_file has them, and in each the names as sorted. Pure.
 */
#ifndef EPH_OS_RC_ORDER_H
#define EPH_OS_RC_ORDER_H

#include "systems.h"

/* Which of two paths runs first: negative when @a does. */
int rc_compare(const struct os_system *system, const char *a, const char *b);

/* The script that runs next after @after (NULL: the first); NULL at the end. */
const struct os_file *rc_next(const struct os_system *system, const struct os_files *files,
			      const struct os_file *after);

/* A name that runs after @other: @first as it is, else the same number and a z, else its own name and more. */
void rc_name_after(const struct os_system *system, const char *first, const struct os_file *other,
		   char *ret, size_t bytes);

#endif
