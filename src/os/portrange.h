/*
 * net.inet.ip.portrange, whose names and bounds FreeBSD, DragonFly BSD and macOS have in common; its defaults each has of
 * its own.
 */
#ifndef EPH_OS_PORTRANGE_H
#define EPH_OS_PORTRANGE_H

#include "systems.h"

#define PORTRANGE_SPECS 3u

extern const struct os_range_spec portrange_specs[PORTRANGE_SPECS];

#endif
