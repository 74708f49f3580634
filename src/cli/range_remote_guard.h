/*
 * --confirm-within on another machine: a process there, detached before anything is set, takes the range back unless it is
 * ended in time. Its number is kept beside our journal, for `range confirm`.
 */
#ifndef EPH_CLI_RANGE_REMOTE_GUARD_H
#define EPH_CLI_RANGE_REMOTE_GUARD_H

#include "range_remote.h"

struct range_waiting {
	char id[CHANGE_ID_BYTES];
	enum os_range_name name;
	struct port_range range;
	unsigned long long process;
};

/* Return: 0; -EOPNOTSUPP with @reterr where no guard can be had. */
int range_waiting_check(const struct range_remote *remote, struct eph_error *reterr);

/* Start it over there. Return: 0 or negative errno with @reterr. */
int range_waiting_arm(struct range_remote *remote, const struct host_change *change,
		      unsigned seconds, struct range_waiting *ret, struct eph_error *reterr);

/* End it over there. Return: 0; -ESRCH when it is gone: it has taken the range back. */
int range_waiting_disarm(struct range_remote *remote, const struct range_waiting *waiting,
			 struct eph_error *reterr);

int range_waiting_write(const struct range_remote *remote, const struct range_waiting *waiting,
			struct eph_error *reterr);
int range_waiting_read(const struct range_remote *remote, struct range_waiting *ret,
		       struct eph_error *reterr);
void range_waiting_remove(const struct range_remote *remote);

#endif
