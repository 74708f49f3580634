/*
 * Which command prints the sockets of a system, as text_netstat.h reads them.
 */
#ifndef EPH_OS_SOCKETS_H
#define EPH_OS_SOCKETS_H

#include "system.h"

/* One line for its shell, that changes nothing. */
const char *os_sockets_command(const struct os_system *system);

#endif
