/*
 * File descriptors that close themselves: CLEANUP(fd_closep) int fd = -1; and writing to one.
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

/* Write all of it, in as many calls as the kernel wants. Return: 0 or a negative errno; part may then be written. */
int fd_write_all(int fd, const char *bytes, size_t length);

#endif
