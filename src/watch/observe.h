/*
 * One observation of a host: collect, then judge. Commands and the daemon ask here; which collector answers, and whether
 * a second one must settle what the first cannot see, is decided here and nowhere else.
 */
#ifndef EPH_WATCH_OBSERVE_H
#define EPH_WATCH_OBSERVE_H

#include <stdbool.h>

#include "capacity.h"
#include "grouping.h"
#include "snapshot.h"
#include "usage.h"

struct eph_error;

#define OBSERVE_SOCKETS_MAX 200000u /* records that a look at single sockets may cost memory for */

struct observe_options {
	const char *netns; /* name, pid or path; NULL: the caller's own */
	bool all_netns;
	/* "bpf", "netlink" or "procfs" to force one; NULL: the best available at the least cost */
	const char *collector;
	const char *save;     /* write the snapshot to this file too; NULL: no */
	const char *replay;   /* read it from this file instead of the kernel; NULL: no */
	struct grouping what; /* protocols, families, filter, and by what to count */
	bool by_process;      /* GROUP_BY_OWNER: per pid, else per container or unit */
	bool processes;       /* fill snapshot->processes, so that rows can be named */
	bool probe;           /* connect on loopback where ports are in doubt (probe.h) */
	bool sockets; /* keep every single socket too, if they are at most OBSERVE_SOCKETS_MAX */
};

/**
 * observe_usage() - count the sockets of a host and judge what each group leaves
 * @ret_snapshot: what was read; caller frees. @ret: usage_result_done(), before the snapshot is freed
 * Return: 0, or negative errno with @reterr.
 */
int observe_usage(const struct observe_options *options, struct snapshot **ret_snapshot,
		  struct usage_result *ret, struct eph_error *reterr);

/**
 * observe_capacity() - answer @query; a query without `from` gets the address the routing table chooses
 * Return: 0; -ENETUNREACH, -EHOSTUNREACH: no route; -EADDRNOTAVAIL: `from` is not an address of this namespace.
 */
int observe_capacity(const struct observe_options *options, struct capacity_query *query,
		     struct snapshot **ret_snapshot, struct capacity_result *ret,
		     struct eph_error *reterr);

#endif
