/*
 * Settings of a network namespace from /proc/sys/net, and a few numbers that are cheap to read.
 */
#ifndef EPH_COLLECT_PROCFS_H
#define EPH_COLLECT_PROCFS_H

#include <stdint.h>

#include "snapshot.h"

struct eph_error;

/* Fill settings of every namespace in @snapshot (enters each), host, os, release, taken_at_ms and the laws that follow
 * from which sysctls exist. What cannot be read is left out of settings.known and flagged GAP_SETTINGS.
 * Return: 0, or negative errno when not even the range of the first namespace can be read. */
int procfs_read_settings(struct snapshot *snapshot, struct eph_error *reterr);

/* TCP and UDP sockets of the calling thread's namespace, from /proc/net/sockstat{,6}; orphans and TIME_WAIT included. */
struct procfs_sockstat {
	uint64_t tcp_inuse; /* listening and connected, v4 and v6 */
	uint64_t tcp_time_wait;
	uint64_t tcp_alloc; /* all TCP sockets of all namespaces, bound and unused ones too */
	uint64_t udp_inuse;
};
int procfs_read_sockstat(struct procfs_sockstat *ret); /* 0 or negative errno */

/* At most so many TCP sockets of the namespace @netns_fd (-1: the current one) exist that are neither listening nor
 * connected. The kernel counts existing ones over all namespaces only. Return: 0 or negative errno. */
int procfs_possibly_bound(int netns_fd, uint32_t *ret);

#endif
