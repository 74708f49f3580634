/*
 * Inside the netlink collector: what binds() read is kept, so that groups() need not ask the kernel again, up to so many
 * records; and which sockets were seen before.
 */
#ifndef EPH_COLLECT_NETLINK_KEPT_H
#define EPH_COLLECT_NETLINK_KEPT_H

#include <stdbool.h>

#include "snapshot.h"

#define KEPT_MAX 65536u /* 7 MB; of more sockets the dump is asked for again */

/* TCP and UDP sockets of one namespace, without those that are bound or listening. */
struct kept {
	struct socket_table sockets;
	bool whole;
};

struct netlink_kept {
	const struct snapshot *snapshot; /* whose namespaces these are */
	struct kept *kept;               /* one for each; NULL: nothing is kept */
	size_t count;
	size_t room; /* records that may still be kept */
};

/* Forget all, and keep for the namespaces of @snapshot from now on, as far as there is memory. */
void kept_begin(struct netlink_kept *keeping, const struct snapshot *snapshot);
void kept_forget(struct netlink_kept *keeping);

/* That of a namespace of @snapshot, or NULL. The functions below do nothing for NULL. */
struct kept *kept_of(const struct netlink_kept *keeping, const struct snapshot *snapshot,
		     const struct netns_snapshot *netns);
void kept_restart(struct netlink_kept *keeping, struct kept *kept); /* empty and whole */
void kept_drop(struct netlink_kept *keeping, struct kept *kept);    /* not whole any more */
/* Drops it when there is no room. */
void kept_add(struct netlink_kept *keeping, struct kept *kept, const struct socket_record *record);

/* Sockets that the first of two dumps told of. One that is closed before the second is in that, too, since TIME_WAIT
 * always is. Start with {0}, end with cookies_done(). */
struct cookies {
	uint64_t *cookie;
	size_t count;
};

int cookies_remember(struct cookies *cookies, const struct socket_table *sockets); /* 0, -ENOMEM */
bool cookies_have(const struct cookies *cookies, uint64_t cookie);
void cookies_done(struct cookies *cookies);

#endif
