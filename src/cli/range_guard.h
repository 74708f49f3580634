/*
 * --confirm-within: a range that is taken back by itself unless somebody confirms it, for whoever might lock himself out.
 * Only the running value is set, so a reboot takes it back as well.
 *
 * The guard is a process of its own, detached, and there before anything is set. What waits is written in the file
 * "pending" beside the journal; whoever holds the journal's lock and removes that file, the guard or `range confirm`, has
 * decided. The guard holds a lock on that file: when nobody does, the guard was killed, and the next --confirm-within
 * takes back what it left.
 */
#ifndef EPH_CLI_RANGE_GUARD_H
#define EPH_CLI_RANGE_GUARD_H

#include "change_session.h"
#include "port_range.h"

struct range_guard {
	int fd;             /* to tell it; -1: there is none */
	uint64_t armed;     /* the last change before it */
	char pending[4200]; /* path */
};
#define RANGE_GUARD_NONE                                                                           \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* What waits for confirmation. */
struct range_pending {
	char id[CHANGE_ID_BYTES]; /* of the change */
	struct port_range range;
};

/**
 * range_guard_arm() - start the guard; before the set, and before a session is open
 * Return: 0; -EBUSY when another change waits; negative errno with @reterr, and there is no guard.
 */
int range_guard_arm(const struct arguments *arguments, unsigned seconds, struct range_guard *ret,
		    struct eph_error *reterr);

/* @change is set (NULL: nothing was): the guard takes it back in time, or goes away. Without a guard nothing happens. */
void range_guard_tell(struct range_guard *guard, const struct change *change);

/* What waits in the place of @session. Return: 0; -ENOENT with @reterr when nothing does. */
int range_pending_read(const struct change_session *session, struct range_pending *ret,
		       struct eph_error *reterr);

/* Is its guard there? Only after range_pending_read(). */
bool range_pending_guarded(const struct change_session *session);

/* It is decided. Return: 0 or negative errno. */
int range_pending_remove(const struct change_session *session);

#endif
