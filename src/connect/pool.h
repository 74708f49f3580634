/*
 * A pool from inside: what eph_pool_new() found out, and what every way to connect shares. include/ephemports.h is the
 * contract; this is for the files of this room.
 */
#ifndef EPH_CONNECT_POOL_H
#define EPH_CONNECT_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "ephemports.h"

#include "known_ports.h"
#include "owned_ports.h"
#include "port_set.h"
#include "sources.h"

struct eph_pool {
	struct known_ports *known;
	struct owned_ports *owned;
	struct sources sources;
	struct port_range host_range; /* ip_local_port_range when the pool was made */
	struct port_range range;      /* ports come from here; both ends included */
	struct port_set usable;       /* range without the reserved ports */
	bool range_given;
	bool windows; /* IP_LOCAL_PORT_RANGE is there and `range` lies within host_range */
	enum eph_search search;
	enum eph_time_wait time_wait;
	char description[256];
};

#endif
