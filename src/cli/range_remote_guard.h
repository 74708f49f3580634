/*
 * --confirm-within on another machine: a process there, detached before anything is set, takes the range back unless it is
 * told otherwise in time. What waits is kept in a file beside our journal, written before that process is started.
 *
 * Who decides is settled over there: the process has a directory of its own, and whoever takes that away first, it by
 * rmdir or we by mv, has decided. So it is never ended in the middle of taking back, and no other process that got its
 * number is ever touched.
 */
#ifndef EPH_CLI_RANGE_REMOTE_GUARD_H
#define EPH_CLI_RANGE_REMOTE_GUARD_H

#include "range_remote.h"

struct range_waiting {
	char id[CHANGE_ID_BYTES]; /* of the change; "-" as long as it has none */
	enum os_range_name name;
	unsigned protocols;
	struct port_range range;
	unsigned long long process; /* over there; 0: not known */
	char token[17];             /* names its directory */
	int64_t armed_s, until_s;   /* Unix time, by our clock */
};

enum range_guard_state {
	RANGE_GUARD_WAITS,
	RANGE_GUARD_KILLED, /* nothing was decided, and nobody is left who would */
	RANGE_GUARD_GONE,   /* it has taken the range back, or was told not to */
};

/* Return: 0; -EOPNOTSUPP with @reterr where no guard can be had. */
int range_waiting_check(const struct range_remote *remote, struct eph_error *reterr);

/* What waits for confirmation on @host, by the file in @directory. Return: 0; -ENOENT with @reterr. */
int range_waiting_read(const char *directory, const char *host, struct range_waiting *ret,
		       struct eph_error *reterr);

/* What became of it over there. A guard that is at work is waited for. */
int range_waiting_look(struct range_remote *remote, const struct range_waiting *waiting,
		       enum range_guard_state *ret, struct eph_error *reterr);

/**
 * range_waiting_arm() - start the guard over there
 * @ret: name, protocols and range are given, the rest is filled in
 * Return: 0 or negative errno with @reterr; then there is none, or the file says that there may be one.
 */
int range_waiting_arm(struct range_remote *remote, const struct host_change *change,
		      unsigned seconds, struct range_waiting *ret, struct eph_error *reterr);

/* @id is what it guards. Should writing that down fail, the change is still found by its time. */
void range_waiting_name(const struct range_remote *remote, struct range_waiting *waiting,
			const char *id);

/* Decide that it takes nothing back. Return: 0, and nothing waits any more; -ESRCH: it was faster, or was told before, which
 * range_waiting_settle() finds out; negative errno. */
int range_waiting_end(struct range_remote *remote, const struct range_waiting *waiting,
		      struct eph_error *reterr);

/* Nothing waits any more. */
void range_waiting_remove(const struct range_remote *remote);

/**
 * range_waiting_settle() - what waits, and what became of it; said on standard error where it was decided meanwhile
 * To be called before every change. A guard whose change was interrupted and does not stand is ended. Return: 1 with
 * @ret and @ret_state (WAITS or KILLED), 0: nothing waits; negative errno with @reterr.
 */
int range_waiting_settle(struct range_remote *remote, struct range_waiting *ret,
			 enum range_guard_state *ret_state, struct eph_error *reterr);

/* Its guard was killed: take back what it would have taken back, and say so. */
int range_waiting_take_back(struct range_remote *remote, const struct range_waiting *waiting,
			    struct eph_error *reterr);

/* Does the guard still wait, now that all is set? On a slow machine it may have acted before the last step: then all is taken
 * back. Return: 0; -ETIMEDOUT or what taking back fails with, with @reterr. */
int range_waiting_in_time(struct range_remote *remote, const struct range_waiting *waiting,
			  struct eph_error *reterr);

/* The change that it guards, in @list; NULL: none, or it was settled already. */
struct change *range_waiting_change(const struct range_waiting *waiting, const char *host,
				    const struct change_list *list);

#endif
