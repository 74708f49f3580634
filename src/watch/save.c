#include "save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "snapshot_text.h"

#define TRIES 16

static int write_all(void *context, const char *bytes, size_t length)
{
	return fd_write_all(*(const int *)context, bytes, length);
}

/* The directory of @path, and in @ret_name its last part. Return: descriptor or negative errno. */
static int open_directory(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	int fd;

	*ret_name = slash ? slash + 1 : path;
	if ((*ret_name)[0] == '\0')
		return -EISDIR;
	if (!slash)
		snprintf(directory, sizeof(directory), ".");
	else if ((size_t)(slash - path) + 2 > sizeof(directory))
		return -ENAMETOOLONG;
	else
		snprintf(directory, sizeof(directory), "%.*s",
			 (int)(slash - path) + (slash == path), path);
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int check_target(int directory, const char *name)
{
	struct stat status;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(status.st_mode))
		return -ELOOP;
	return S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

/* A new file that nobody else knows. Return: descriptor or negative errno. */
static int create_beside(int directory, char name[64])
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t random;
		int fd;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -errno;
		snprintf(name, 64, ".ephemports-%016llx", (unsigned long long)random);
		fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd >= 0 || errno != EEXIST)
			return fd >= 0 ? fd : -errno;
	}
	return -EEXIST;
}

static int replace(const struct snapshot *snapshot, const char *path)
{
	const char *name;
	char temporary[64];
	CLEANUP(fd_closep) int directory = open_directory(path, &name), fd = -1;
	int r = directory < 0 ? directory : check_target(directory, name);

	if (r < 0)
		return r;
	fd = create_beside(directory, temporary);
	if (fd < 0)
		return fd;
	r = snapshot_write(snapshot, write_all, &fd);
	if (r == 0 && (fsync(fd) < 0 || renameat(directory, temporary, directory, name) < 0))
		r = -errno;
	if (r < 0)
		unlinkat(directory, temporary, 0);
	return r;
}

int save_snapshot(const struct snapshot *snapshot, const char *path, struct eph_error *reterr)
{
	int r = replace(snapshot, path);

	if (r == 0)
		return 0;
	return error_set(reterr, r, "save", "%s: %s", path,
			 r == -ELOOP    ? "is a symbolic link, which is not written through"
			 : r == -EINVAL ? "is not a regular file"
					: strerror(-r));
}
