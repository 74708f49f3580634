/*
 * File descriptors that close themselves: CLEANUP(fd_closep) int fd = -1; writing to one, and opening one below a directory.
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

/**
 * fd_open_below() - open a file such that no link leads out of a directory
 * @path: relative to @root_fd; "" is @root_fd itself
 * @flags: of open(2); it neither waits nor makes a terminal ours
 * Where openat2() is not to be had (a sandbox), / itself can do without.
 * Return: the descriptor or a negative errno.
 */
int fd_open_below(int root_fd, const char *path, int flags);

#endif
