/*
 * The settings of a host, by the commands of its system: running values, and what a command keeps for the next boot.
 */
#ifndef EPH_OS_HOST_SETTINGS_H
#define EPH_OS_HOST_SETTINGS_H

#include "host.h"

extern const struct setting_ops os_host_settings; /* of a struct os_host */

#endif
