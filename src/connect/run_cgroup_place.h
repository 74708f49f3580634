/*
 * The cgroup of one `ephemports run` in the file system: where it is made, what its name says, and when it is removed.
 */
#ifndef EPH_CONNECT_RUN_CGROUP_PLACE_H
#define EPH_CONNECT_RUN_CGROUP_PLACE_H

struct eph_error;

/**
 * run_cgroup_make() - make a cgroup below that of the calling process, and remove those of dead owners
 * @ret_path: its directory, to be freed
 *
 * Its name has the owner's namespace of pids, pid and start time: "ephemports-run.NAMESPACE.PID.START". Others are removed
 * when their owner is gone; the kernel refuses that for one that still has a process. Return: 0 or a negative errno.
 */
int run_cgroup_make(char **ret_path, struct eph_error *reterr);

#endif
