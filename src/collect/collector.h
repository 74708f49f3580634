/*
 * The contract of a collector of kernel state. Three of them: bpf_table (BPF programs that walk the kernel's own tables;
 * needs CAP_BPF and CAP_PERFMON, or root), netlink (inet_diag; needs no privilege), and proc_net (/proc/net/tcp and its
 * like; for where neither can be used). All fill the same snapshot.
 *
 * Order of calls, each for all namespaces of a snapshot (`fd` says which to enter; the calling thread is back in its
 * own namespace when a call returns, also after a failure):
 *
 *	open -> binds -> groups or sockets (any number of times) -> close
 *
 * Settings (procfs.h) are in the snapshot before binds(). groups() needs `counted`, which the caller computes with
 * rules/capacity from settings and binds. A namespace that vanishes is flagged GAP_VANISHED, not an error.
 */
#ifndef EPH_COLLECT_COLLECTOR_H
#define EPH_COLLECT_COLLECTOR_H

#include <stdint.h>

#include "grouping.h"
#include "snapshot.h"

struct eph_error;

struct collect_request {
	struct grouping what; /* which sockets, and for groups() by what they are counted */
	/* sockets(): keep only TCP sockets with this remote end, where set (family not IP_NONE). UDP is kept whole. */
	struct ip_address remote;
	uint16_t remote_port;
	/* sockets(): keep only sockets with this local port, TCP and UDP, and fill sockets_port and bucket; 0: any. Of the
	 * owners of a TCP port that are alike in everything that decides over it, BPF lists some (bind_bucket.unlisted). */
	uint16_t local_port;
	unsigned threads; /* 0: as many as there are processors, at most COLLECT_THREADS_MAX */
};

#define COLLECT_THREADS_MAX 8

struct collector {
	const char *name;

	/* Return: 0, or why it cannot be used here: -EPERM, -ENOENT (no BTF), -EOPNOTSUPP, ... with @reterr. */
	int (*open)(void **ret_state, struct eph_error *reterr);
	void (*close)(void *state);

	/* Fill binds, laws that only this collector can probe, and time_wait where it is cheap. */
	int (*binds)(void *state, struct snapshot *snapshot, struct eph_error *reterr);

	/* Fill groups, sockets_read and time_wait. */
	int (*groups)(void *state, const struct collect_request *request, struct snapshot *snapshot,
		      struct eph_error *reterr);

	/* Fill sockets: every record that the request asks for, all states. */
	int (*sockets)(void *state, const struct collect_request *request,
		       struct snapshot *snapshot, struct eph_error *reterr);

	/* NULL: cannot. Add to snapshot->processes, and sort, those that hold the socket files @inode; of the sockets that
	 * the last sockets() for one local port read. Return: 0; 1 when some were left out; negative errno: not known. */
	int (*holders)(void *state, const uint32_t *inode, size_t count, struct snapshot *snapshot);
};

extern const struct collector collector_netlink;
extern const struct collector collector_bpf;
extern const struct collector collector_procfs;

#endif
