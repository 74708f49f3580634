/*
 * The answer of `usage`: groups of sockets with what each leaves, fullest first.
 */
#ifndef EPH_RULES_USAGE_RESULT_H
#define EPH_RULES_USAGE_RESULT_H

#include "group_table.h"
#include "port_range.h"

struct usage_group {
	struct group_key key;
	/* --by process or container: its name, borrowed from the snapshot or the caller; else NULL */
	const char *owner;
	uint32_t netns;     /* index into the snapshot's namespaces */
	uint32_t in_use;    /* live sockets */
	uint32_t time_wait; /* TIME_WAIT, reusable or not */
	uint32_t states[SOCKET_STATES];
	uint32_t left, left_max, capacity; /* by destination only; 0 where they have no meaning */
	double percent; /* 100 * (capacity - left) / capacity; inbound: of 65 535 remote ports */
	bool has_left;  /* left, capacity and percent mean something for this grouping */
	bool exact;
	bool past_knee;      /* occupied ports >= knee */
	uint32_t inode, uid; /* one socket of the group, to name a process */
	uint64_t cgroup;
};

struct usage_netns {
	struct port_range range;
	uint32_t ports, reserved, blocked, blocked_maybe, knee;
	uint64_t time_wait, sockets;
	uint32_t gaps;
};

struct usage_result {
	struct usage_group *group; /* sorted by percent, then in_use */
	size_t groups;
	struct usage_netns *netns; /* one per namespace of the snapshot */
	size_t n_netns;
	uint64_t sockets; /* read in all */
	uint64_t other_groups, other_in_use,
		other_time_wait; /* groups beyond the limit, in one row */
	/* groups of fewer sockets than this may be among the others though others are kept */
	uint32_t floor;
	bool has_other;
};

#endif
