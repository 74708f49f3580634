#include "netlink_kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void kept_begin(struct netlink_kept *keeping, const struct snapshot *snapshot)
{
	kept_forget(keeping);
	*keeping = (struct netlink_kept){.snapshot = snapshot, .room = KEPT_MAX};
	keeping->kept = calloc(snapshot->n_netns, sizeof(*keeping->kept));
	keeping->count = keeping->kept ? snapshot->n_netns : 0;
}

void kept_forget(struct netlink_kept *keeping)
{
	for (size_t i = 0; i < keeping->count; i++)
		socket_table_done(&keeping->kept[i].sockets);
	free(keeping->kept);
	*keeping = (struct netlink_kept){0};
}

struct kept *kept_of(const struct netlink_kept *keeping, const struct snapshot *snapshot,
		     const struct netns_snapshot *netns)
{
	size_t index = (size_t)(netns - snapshot->netns);

	return keeping->snapshot == snapshot && index < keeping->count ? &keeping->kept[index]
								       : NULL;
}

void kept_drop(struct netlink_kept *keeping, struct kept *kept)
{
	if (!kept)
		return;
	keeping->room += kept->sockets.count;
	socket_table_done(&kept->sockets);
	kept->whole = false;
}

void kept_restart(struct netlink_kept *keeping, struct kept *kept)
{
	kept_drop(keeping, kept);
	if (kept)
		kept->whole = true;
}

void kept_add(struct netlink_kept *keeping, struct kept *kept, const struct socket_record *record)
{
	if (!kept || !kept->whole)
		return;
	if (keeping->room == 0 || socket_table_add(&kept->sockets, record) < 0)
		kept_drop(keeping, kept);
	else
		keeping->room--;
}

static int by_cookie(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

int cookies_remember(struct cookies *cookies, const struct socket_table *sockets)
{
	cookies->cookie = malloc((sockets->count + 1) * sizeof(*cookies->cookie));
	if (!cookies->cookie)
		return -ENOMEM;
	for (size_t i = 0; i < sockets->count; i++)
		cookies->cookie[i] = sockets->record[i].cookie;
	qsort(cookies->cookie, sockets->count, sizeof(*cookies->cookie), by_cookie);
	cookies->count = sockets->count;
	return 0;
}

bool cookies_have(const struct cookies *cookies, uint64_t cookie)
{
	return cookies->count > 0 &&
	       bsearch(&cookie, cookies->cookie, cookies->count, sizeof(cookie), by_cookie);
}

void cookies_done(struct cookies *cookies)
{
	free(cookies->cookie);
	*cookies = (struct cookies){0};
}
