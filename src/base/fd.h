/*
 * File descriptors that close themselves: CLEANUP(fd_closep) int fd = -1;
 * Every descriptor is opened close-on-exec.
 */
#ifndef EPH_BASE_FD_H
#define EPH_BASE_FD_H

#include <unistd.h>

static inline void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Hand a descriptor over: the variable forgets it, the caller of fd_take() owns it. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
