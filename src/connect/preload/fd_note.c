#include "fd_note.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "owned_ports.h"

/* Only touched where there is something to note. */
static _Atomic unsigned char notes[OWNED_FD_MAX];

static bool has_note(int fd)
{
	return fd >= 0 && fd < OWNED_FD_MAX;
}

static _Atomic int highest = -1;

int fd_note_highest(void)
{
	return atomic_load_explicit(&highest, memory_order_relaxed);
}

void fd_note_reach(int fd)
{
	int before = fd_note_highest();

	while (fd > before && !atomic_compare_exchange_weak(&highest, &before, fd))
		;
}

unsigned fd_note_get(int fd)
{
	return has_note(fd) ? atomic_load_explicit(&notes[fd], memory_order_relaxed) : 0;
}

void fd_note_set(int fd, enum fd_note note)
{
	fd_note_reach(fd);
	if (has_note(fd))
		atomic_fetch_or_explicit(&notes[fd], (unsigned char)note, memory_order_relaxed);
}

void fd_note_clear(int fd, enum fd_note note)
{
	if (fd_note_get(fd) & note)
		atomic_fetch_and_explicit(&notes[fd], (unsigned char)~(unsigned)note,
					  memory_order_relaxed);
}

void fd_note_forget(int fd)
{
	if (fd_note_get(fd))
		atomic_store_explicit(&notes[fd], 0, memory_order_relaxed);
}

void fd_note_copy(int from, int to)
{
	fd_note_reach(to);
	if (has_note(to) && fd_note_get(from) != fd_note_get(to))
		atomic_store_explicit(&notes[to], (unsigned char)fd_note_get(from),
				      memory_order_relaxed);
}
