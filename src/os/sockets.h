/*
 * Which command prints the sockets of a system, as text_netstat.h reads them.
 */
#ifndef EPH_OS_SOCKETS_H
#define EPH_OS_SOCKETS_H

#include "system.h"

/* One line that changes nothing, for a Bourne shell or (@cmd_exe) for cmd.exe. */
const char *os_sockets_command(const struct os_system *system, bool cmd_exe);

#endif
