/*
 * Sockets counted by what they have in common: (protocol, source, destination, port), or less. Memory is bounded
 * however many sockets and groups there are, and the fullest groups are exact:
 *
 *	struct group_table groups;
 *	group_table_init(&groups, GROUP_LIMIT);
 *	do
 *		for each socket: group_table_count(&groups, &key, ...);
 *	while (group_table_again(&groups));
 *	group_table_finish(&groups);		sorts, keeps the fullest, sums the rest in `other`
 *
 * The first pass counts each socket in one of 2^18 cells too, by the hash of its key. When more groups turn up than fit,
 * a second pass admits only groups whose cell holds at least `floor` sockets, and raises the floor as often as needed. A
 * group is never larger than its cell, so every group of at least `floor` sockets is counted whole.
 */
#ifndef EPH_CORE_GROUP_TABLE_H
#define EPH_CORE_GROUP_TABLE_H

#include <stdbool.h>

#include "socket_table.h"

#define GROUP_LIMIT 8192u /* groups kept */

struct group_key {
	struct ip_address local, remote;  /* IP_NONE where the grouping does not tell them apart */
	uint16_t local_port, remote_port; /* 0 likewise */
	uint8_t protocol;
	uint8_t zero[5]; /* keys are compared as bytes */
	uint32_t owner;  /* --by process: pid; --by container: index; else 0 */
};

struct group_counts {
	uint32_t sockets[SOCKET_STATES]; /* by state; FIN_WAIT2 mini-sockets count as TIME_WAIT */
	/* of all: those whose local port is in the set `counted` that the caller gave */
	uint32_t on_counted;
	/* of on_counted: TIME_WAIT that tcp_tw_reuse may replace now: timestamps negotiated, not
	 * FIN_WAIT2, older than the delay; whether the setting allows it is for rules/capacity */
	uint32_t tw_aged;
	uint32_t tw_aged_loopback; /* of tw_aged: bound to the loopback device (ifindex 1) */
	/* of on_counted: TIME_WAIT of which the collector cannot tell whether it is aged */
	uint32_t tw_unknown;
	uint32_t inode;  /* a socket file of the group, to name its process; 0 if none was seen */
	uint32_t uid;    /* owner of that socket */
	uint64_t cgroup; /* its cgroup v2 id */
};

struct group {
	struct group_key key;
	struct group_counts counts;
};

struct group_table {
	struct group *slot; /* open addressing until finished, then an array sorted fullest first */
	uint32_t *cell;
	uint32_t capacity, limit;
	uint32_t count; /* groups in the table */
	uint32_t floor; /* every group of at least so many sockets is in the table; 1: all are */
	uint64_t read;  /* sockets counted in the last pass */
	uint32_t pass;
	bool overflowed, finished;
	struct group_counts other; /* finished: the sockets of the groups not kept */
	struct group_counts all;   /* all sockets of the pass */
	/* how many groups were cut, where that is known (they were counted), else 0 */
	uint64_t other_groups;
};

int group_table_init(struct group_table *table, uint32_t limit); /* 0 or -ENOMEM */
void group_table_done(struct group_table *table);

/* Add @counts to the group of @key. Return: 0; never fails, a group that does not fit asks for another pass. */
void group_table_count(struct group_table *table, const struct group_key *key,
		       const struct group_counts *counts);

/* After a pass: true when the sockets must be read once more. At most one more pass is asked for. */
bool group_table_again(struct group_table *table);

/* Sort by number of sockets, keep the limit, sum up the rest. */
void group_table_finish(struct group_table *table);

uint32_t group_counts_total(const struct group_counts *counts);

#endif
