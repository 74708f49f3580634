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
	uint32_t tcp_tw_reuse;      /* as the host has it: 0 never, 1 always, 2 over loopback */
	uint32_t tw_reuse_delay_ms; /* and how old it must be */
	bool windows; /* IP_LOCAL_PORT_RANGE is there and `range` lies within host_range */
	enum eph_search search;
	enum eph_time_wait time_wait;
	char description[256];
};

/* May a connection to @to take the port of one in TIME_WAIT? Source: tcp_twsk_unique(). */
static inline bool pool_reuses_time_wait(const struct eph_pool *pool, const struct ip_address *to)
{
	return pool->tcp_tw_reuse == 1 || (pool->tcp_tw_reuse == 2 && ip_address_is_loopback(to));
}

/* Is the port left to the kernel? It knows no range outside the host's, nor without windows a part of that. */
static inline bool pool_leaves_search(const struct eph_pool *pool)
{
	return pool->search == EPH_SEARCH_KERNEL && (pool->windows || !pool->range_given);
}

#endif
