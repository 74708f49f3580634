/*
 * Network namespaces: find them, enter them, come back.
 */
#ifndef EPH_COLLECT_NETNS_H
#define EPH_COLLECT_NETNS_H

#include "snapshot.h"

struct eph_error;

/**
 * netns_open() - the namespace that a user names: a name below /run/netns, a pid, or a path
 * Adds it to @snapshot with name, id and fd. Return: 0; -ENOENT, -EINVAL (not a network namespace), -EPERM with @reterr.
 */
int netns_open(struct snapshot *snapshot, const char *name, struct eph_error *reterr);

/* The calling thread's own namespace: name "", fd -1. */
int netns_open_current(struct snapshot *snapshot, struct eph_error *reterr);

/**
 * netns_open_all() - own, then named ones, then those of running processes, each once
 * A namespace of a process that is not named is called after its container, else "pid N (command)". Namespaces that may
 * not be entered are left out and counted in *@ret_skipped. At most NETNS_MAX.
 */
int netns_open_all(struct snapshot *snapshot, unsigned *ret_skipped, struct eph_error *reterr);
#define NETNS_MAX 4096

/**
 * netns_open_others() - as netns_open_all(), but not those that @snapshot has already, and no longer than until @deadline_us
 * @deadline_us: of the CPU time of the calling thread (netns_clock_us)
 * The caller's own comes first, named "", unless it is there. Return: 0; 1 when time ran out; negative errno with @reterr.
 */
int netns_open_others(struct snapshot *snapshot, uint64_t deadline_us, unsigned *ret_skipped,
		      struct eph_error *reterr);
uint64_t
netns_clock_us(void); /* what the calling thread has worked: a busy host takes none of it away */

/* Is the caller's own namespace another than that of the host's first process? Not where that cannot be seen. */
bool netns_is_foreign(void);

/* Does the caller live in a container, with files of its own that nothing applies to the namespace? */
bool netns_is_container(void);

/**
 * netns_enter() - move the calling thread into @fd; -1 does nothing
 * @ret_back: descriptor to come back with, -1 when nothing was done. Always hand it to netns_leave().
 * Return: 0 or negative errno.
 */
int netns_enter(int fd, int *ret_back);
/* closes; aborts the process if the way back is barred, never continues in the wrong one */
void netns_leave(int *back);

#endif
