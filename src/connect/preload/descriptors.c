/* The ends of descriptors: their ports are tried again soon, and what was noted of them is forgotten. */
#include <linux/close_range.h>
#include <stdatomic.h>
#include <unistd.h>

#include "fd_note.h"
#include "pool.h"
#include "preload.h"
#include "preload_pool.h"
#include "real.h"

STANDS_FOR int close(int fd);
STANDS_FOR int close_range(unsigned first, unsigned last, int flags);
STANDS_FOR void closefrom(int first);
STANDS_FOR int dup2(int from, int to);
STANDS_FOR int dup3(int from, int to, int flags);

/* Most descriptors have no port and no note, and cost two loads. */
static void ends(int fd)
{
	struct eph_pool *pool = preload_pool_any();

	if (!pool || (!owned_ports_get(pool->owned, fd).port && !fd_note_get(fd)) ||
	    preload_is_guest())
		return;
	fd_note_forget(fd);
	eph_release(pool, fd);
}

static void range_ends(unsigned first, unsigned last)
{
	int highest = fd_note_highest();

	if (highest < 0 || !preload_pool())
		return;
	if (last > (unsigned)highest)
		last = (unsigned)highest;
	for (unsigned fd = first; fd <= last; fd++)
		ends((int)fd);
}

int close(int fd)
{
	ends(fd);
	return real_close()(fd);
}

int close_range(unsigned first, unsigned last, int flags)
{
	if (first <= last && !(flags & (int)CLOSE_RANGE_CLOEXEC))
		range_ends(first, last);
	return real_close_range()(first, last, flags);
}

void closefrom(int first)
{
	range_ends(first < 0 ? 0 : (unsigned)first, ~0u);
	real_closefrom()(first);
}

int dup2(int from, int to)
{
	int r;

	if (from != to)
		ends(to);
	r = real_dup2()(from, to);
	if (r >= 0 && fd_note_get(from) && !preload_is_guest())
		fd_note_copy(from, to);
	return r;
}

int dup3(int from, int to, int flags)
{
	int r;

	if (from != to)
		ends(to);
	r = real_dup3()(from, to, flags);
	if (r >= 0 && fd_note_get(from) && !preload_is_guest())
		fd_note_copy(from, to);
	return r;
}
