/*
 * Lists of ports that other systems never choose: which command, given by hand there, puts a port on one.
 */
#ifndef EPH_OS_RESERVED_H
#define EPH_OS_RESERVED_H

#include "system.h"

/* For @reserved of @system, with PORT where the port belongs; NULL when no command is known. */
const char *os_reserved_add_command(const struct os_system *system,
				    const struct os_reserved *reserved);

#endif
