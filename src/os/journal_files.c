#include "journal_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"

#define LOCK_TRIES   100 /* a change takes milliseconds; after ten seconds something hangs */
#define LOCK_WAIT_NS 100000000L

/* One part of a path below @at. */
static int step_into(int at, const char *name, bool make)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
			return -errno;
		fsync(at);
		fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	/* O_DIRECTORY together with O_NOFOLLOW says ENOTDIR of a link. */
	return fd < 0 ? (errno == ENOTDIR ? -ELOOP : -errno) : fd;
}

/* Part by part, since O_NOFOLLOW is about the last one only. */
static int walk(const char *path, bool make)
{
	int fd = open(*path == '/' ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char part[NAME_MAX + 1];

	while (fd >= 0) {
		size_t length;
		int next;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (!length)
			return fd;
		if (length > NAME_MAX) {
			close(fd);
			return -ENAMETOOLONG;
		}
		memcpy(part, path, length);
		part[length] = '\0';
		path += length;
		next = step_into(fd, part, make && !path[strspn(path, "/")]);
		close(fd);
		fd = next;
	}
	return fd == -1 ? -errno : fd;
}

int journal_directory_open(const char *path, bool make)
{
	CLEANUP(fd_closep) int fd = -1;
	struct stat status;
	int opened = walk(path, make);

	if (opened < 0)
		return opened;
	fd = opened;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_uid != geteuid())
		return -EPERM;
	if (status.st_mode & 077)
		return -EACCES;
	return fd_take(&fd);
}

int journal_directory_lock(int directory_fd, const char *name)
{
	CLEANUP(fd_closep)
	int fd = openat(directory_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	const struct timespec wait = {.tv_nsec = LOCK_WAIT_NS};

	if (fd < 0)
		return -errno;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (i == LOCK_TRIES)
			return -EBUSY;
		nanosleep(&wait, NULL);
	}
	return fd_take(&fd);
}

int journal_file_write(int directory_fd, const char *name, const char *text, size_t length)
{
	CLEANUP(fd_closep) int fd = -1;
	char temporary[NAME_MAX + 1];
	int r;

	snprintf(temporary, sizeof(temporary), ".%.200s.new", name);
	if (unlinkat(directory_fd, temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, length);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(directory_fd, temporary, directory_fd, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(directory_fd, temporary, 0);
	else if (fsync(directory_fd) < 0)
		r = -errno;
	return r;
}

static int read_file(int fd, size_t max, char **ret, size_t *ret_length)
{
	CLEANUP(freep) char *text = NULL;
	size_t length = 0, size;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid())
		return -EINVAL;
	if ((uint64_t)status.st_size > max)
		return -EFBIG;
	size = (size_t)status.st_size;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	while (length < size) {
		ssize_t got = read(fd, text + length, size - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EINVAL;
		length += (size_t)got;
	}
	text[length] = '\0';
	*ret = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

int journal_file_read(int directory_fd, const char *name, size_t max, char **ret,
		      size_t *ret_length)
{
	CLEANUP(fd_closep)
	int fd = openat(directory_fd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : read_file(fd, max, ret, ret_length);
}
