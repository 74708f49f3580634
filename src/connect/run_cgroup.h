/*
 * Source addresses for programs that no library can be loaded into: programs of the kernel's side (src/bpf/source.bpf.c) that
 * are attached to a cgroup of one `ephemports run`, below the one that it was started in.
 *
 * Attached by links that are not pinned: they live as long as the descriptors of the process that opened them, so nothing
 * stays attached when it is killed. The empty cgroup stays then; the next run_cgroup_open() on the host removes it.
 * A library of its own: it needs libbpf, which is nothing to load into other people's programs.
 */
#ifndef EPH_CONNECT_RUN_CGROUP_H
#define EPH_CONNECT_RUN_CGROUP_H

#include <stdint.h>

struct eph_error;
struct eph_pool;
struct run_cgroup;

/* Descriptors that have to stay open while the programs are to work. */
#define RUN_CGROUP_LINKS 4

/**
 * run_cgroup_open() - make the cgroup and attach the programs for the sources of @pool
 *
 * Nothing is in the cgroup yet. Return: 0; -EPERM or -EACCES without the privilege (CAP_BPF, CAP_NET_ADMIN, and to write in
 * the cgroup), -ENOENT where no unified hierarchy is mounted, -EOPNOTSUPP in a build or on a kernel without BPF, or another
 * negative errno; then nothing is left behind, and @reterr is one line.
 */
int run_cgroup_open(const struct eph_pool *pool, struct run_cgroup **ret, struct eph_error *reterr);

/* Detach, and remove the cgroup if nobody is in it any more. NULL is fine. Returns NULL. */
struct run_cgroup *run_cgroup_close(struct run_cgroup *cgroup);

/* Move the calling process there: in the child, before it executes a program. Return: 0 or a negative errno. */
int run_cgroup_enter(const struct run_cgroup *cgroup);

/* The descriptors meant above. They are close-on-exec. */
void run_cgroup_links(const struct run_cgroup *cgroup, int ret[RUN_CGROUP_LINKS]);

struct run_cgroup_counts {
	uint64_t bound; /* calls of connect() that were given a source */
	uint64_t
		refused; /* of these, TCP: no port was left, or no route led there. Known when the socket is closed */
	uint64_t
		failed; /* calls whose socket did not take the source: not an address where the program runs */
	uint64_t
		kept; /* calls on sockets that had an address or a port, from the preload library or by their own choice */
};
void run_cgroup_count(const struct run_cgroup *cgroup, struct run_cgroup_counts *ret);

#endif
