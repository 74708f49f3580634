#include "file_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "file_place.h"

#define NEW_MODE         0644
#define ATTRIBUTES_BYTES 4096u
#define ATTRIBUTE_BYTES  65536u

int file_edit_root(char ret_path[CHANGE_PATH_BYTES], struct eph_error *reterr)
{
	const char *path = secure_getenv("EPHEMPORTS_ROOT");
	CLEANUP(freep) char *real = realpath(path && *path ? path : "/", NULL);
	int fd;

	if (!real)
		return error_set(reterr, -errno, "EPHEMPORTS_ROOT", "%.200s: %s", path,
				 strerror(errno));
	if (strlen(real) >= CHANGE_PATH_BYTES)
		return error_set(reterr, -ENAMETOOLONG, "EPHEMPORTS_ROOT", "path too long");
	fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set(reterr, -errno, "EPHEMPORTS_ROOT", "%.200s: %s", real,
				 strerror(errno));
	snprintf(ret_path, CHANGE_PATH_BYTES, "%s", strcmp(real, "/") == 0 ? "" : real);
	return fd;
}

static const char *why(int r)
{
	switch (r) {
	case -EINVAL:
		return "is not a regular file";
	case -EMLINK:
		return "has several hard links; replacing it would part them";
	case -EPERM:
		return geteuid() == 0 ? "does not belong to root"
				      : "belongs neither to root nor to you";
	case -EFBIG:
		return "is too large for a configuration file";
	case -ENOLINK:
		return "is a symbolic link that leads to nothing";
	case -ESTALE:
		return "was changed by somebody else meanwhile";
	default:
		return strerror(-r);
	}
}

static int fail(struct eph_error *reterr, int r, const char *path)
{
	return r < 0 ? error_set(reterr, r, "file", "%.240s: %s", path, why(r)) : 0;
}

static int read_all(int fd, size_t size, char **ret, size_t *ret_length)
{
	CLEANUP(freep) char *text = malloc(size + 1);
	size_t length = 0;

	if (!text)
		return -ENOMEM;
	while (length <= size) {
		ssize_t got = read(fd, text + length, size + 1 - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	if (length > size) /* it grew meanwhile */
		return -ESTALE;
	text[length] = '\0';
	*ret = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

/* Open @name of the directory if it is a file as we want it; it may have changed since it was looked at. */
static int open_checked(int directory_fd, const char *name, struct stat *ret_status)
{
	CLEANUP(fd_closep)
	int fd = openat(directory_fd, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ELOOP ? -ESTALE : -errno;
	if (fstat(fd, ret_status) < 0)
		return -errno;
	r = file_place_check(ret_status);
	return r < 0 ? r : fd_take(&fd);
}

static int read_checked(int directory_fd, const char *name, struct runner_file *ret)
{
	CLEANUP(fd_closep) int fd = -1;
	struct stat status;
	int r;

	fd = open_checked(directory_fd, name, &status);
	if (fd < 0)
		return fd;
	r = read_all(fd, (size_t)status.st_size, &ret->text, &ret->length);
	if (r < 0)
		return r;
	ret->exists = true;
	digest_bytes(ret->text, ret->length, ret->digest);
	return 0;
}

int file_edit_read(int root_fd, const char *path, struct runner_file *ret, struct eph_error *reterr)
{
	struct file_place place;
	int r = file_place_find(root_fd, path, false, &place);

	*ret = (struct runner_file){.exists = false};
	if (r == 0)
		file_place_path(root_fd, &place, ret->real_path);
	/* Looked at before it is opened: opening a device can act. */
	if (r == 0 && place.exists)
		r = file_place_check(&place.status);
	if (r == 0 && place.exists)
		r = read_checked(place.directory_fd, place.name, ret);
	file_place_done(&place);
	return r == -ENOENT ? 0 : fail(reterr, r, path);
}

static bool digest_is(int directory_fd, const char *name, const char *expected)
{
	struct runner_file file = {.exists = false};
	int r = read_checked(directory_fd, name, &file);
	bool same = r == 0 && strcmp(file.digest, expected) == 0;

	runner_file_done(&file);
	return same;
}

/* A hidden name that no reader of *.conf takes for its own. Always the same: only one run writes at a time, so what is
 * there is left from one that was interrupted. */
static int temporary_name(const char *name, char ret[NAME_MAX + 1])
{
	int written = snprintf(ret, NAME_MAX + 1, ".%s.ephemports-new", name);

	return written < 0 || written > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int remove_leftover(int directory_fd, const char *name)
{
	return unlinkat(directory_fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int copy_attribute(int from, int to, const char *name)
{
	CLEANUP(freep) char *value = malloc(ATTRIBUTE_BYTES);
	ssize_t length = value ? fgetxattr(from, name, value, ATTRIBUTE_BYTES) : -1;

	if (!value)
		return -ENOMEM;
	if (length < 0)
		return errno == ENODATA ? 0 : -errno;
	return fsetxattr(to, name, value, (size_t)length, 0) < 0 ? -errno : 0;
}

static int copy_attributes(int from, int to)
{
	char names[ATTRIBUTES_BYTES];
	ssize_t length = flistxattr(from, names, sizeof(names));
	int r = 0;

	if (length < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = names; r == 0 && name < names + length; name += strlen(name) + 1)
		r = copy_attribute(from, to, name);
	return r;
}

/* As @old_fd was, -1: a new file. Attributes come before the text, so nobody reads it who could not before. */
static int take_over(int fd, int old_fd)
{
	struct stat status;

	if (old_fd < 0)
		return fchmod(fd, NEW_MODE) < 0 ? -errno : 0;
	if (fstat(old_fd, &status) < 0)
		return -errno;
	if ((status.st_uid != geteuid() || status.st_gid != getegid()) &&
	    fchown(fd, status.st_uid, status.st_gid) < 0)
		return -errno;
	if (fchmod(fd, status.st_mode & 07777) < 0)
		return -errno;
	return copy_attributes(old_fd, fd);
}

static int write_temporary(const struct file_place *place, const char *temporary, const char *text,
			   size_t length)
{
	CLEANUP(fd_closep) int fd = -1, old_fd = -1;
	struct stat status;
	int r;

	if (place->exists) {
		old_fd = open_checked(place->directory_fd, place->name, &status);
		if (old_fd < 0)
			return old_fd;
	}
	fd = openat(place->directory_fd, temporary,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = take_over(fd, old_fd);
	if (r == 0)
		r = fd_write_all(fd, text, length);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

static int change_places(const struct file_place *place, const char *temporary)
{
	return renameat2(place->directory_fd, temporary, place->directory_fd, place->name,
			 RENAME_EXCHANGE) < 0
		       ? -errno
		       : 0;
}

/* The old file gives way. It is judged after it has left its place, so nobody can change it in between unnoticed; only
 * where the file system cannot exchange two files is it judged before. */
static int put_over(const struct file_place *place, const char *temporary, const char *expected)
{
	int fd = place->directory_fd, r = change_places(place, temporary);

	if (r == -EINVAL) {
		if (!digest_is(fd, place->name, expected))
			return -ESTALE;
		return renameat(fd, temporary, fd, place->name) < 0 ? -errno : 0;
	}
	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	if (digest_is(fd, temporary, expected))
		return 0;
	return change_places(place, temporary) < 0 ? -EIO : -ESTALE;
}

static int put_new(const struct file_place *place, const char *temporary)
{
	int fd = place->directory_fd, r = 0;

	if (renameat2(fd, temporary, fd, place->name, RENAME_NOREPLACE) == 0)
		return 0;
	r = -errno;
	if (r == -EINVAL) /* a file system without it */
		r = linkat(fd, temporary, fd, place->name, 0) < 0 ? -errno : 0;
	return r == -EEXIST ? -ESTALE : r;
}

static int put(const struct file_place *place, const char *temporary, const char *expected,
	       const char *text, size_t length)
{
	int r = write_temporary(place, temporary, text, length);

	if (r < 0)
		return r;
	return place->exists ? put_over(place, temporary, expected) : put_new(place, temporary);
}

/* Moved aside first, and judged there. */
static int take_away(const struct file_place *place, const char *temporary, const char *expected)
{
	int fd = place->directory_fd;

	if (renameat2(fd, place->name, fd, temporary, RENAME_NOREPLACE) < 0 &&
	    (errno != EINVAL || renameat(fd, place->name, fd, temporary) < 0))
		return -errno;
	if (digest_is(fd, temporary, expected))
		return 0;
	return renameat(fd, temporary, fd, place->name) < 0 ? -EIO : -ESTALE;
}

static int sync_directory(int directory_fd)
{
	CLEANUP(fd_closep) int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int replace(const struct file_place *place, const char *expected, const char *text,
		   size_t length)
{
	char temporary[NAME_MAX + 1];
	int r = temporary_name(place->name, temporary), cleared = 0;

	if (r == 0 && place->exists)
		r = file_place_check(&place->status);
	if (r < 0)
		return r;
	if (place->exists != (*expected != '\0'))
		return -ESTALE;
	if (place->exists && !digest_is(place->directory_fd, place->name, expected))
		return -ESTALE;
	if (!text && !place->exists)
		return 0;
	r = remove_leftover(place->directory_fd, temporary);
	if (r < 0)
		return r;
	r = text ? put(place, temporary, expected, text, length)
		 : take_away(place, temporary, expected);
	/* After -EIO it may be somebody else's file that could not be put back. */
	if (r != -EIO)
		cleared = remove_leftover(place->directory_fd, temporary);
	if (r == 0)
		r = cleared;
	return r == 0 ? sync_directory(place->directory_fd) : r;
}

int file_edit_replace(int root_fd, const char *path, const char *expected, const char *text,
		      size_t length, struct eph_error *reterr)
{
	struct file_place place;
	int r = file_place_find(root_fd, path, text != NULL, &place);

	if (r == 0)
		r = replace(&place, expected, text, length);
	file_place_done(&place);
	return fail(reterr, r, path);
}

int file_edit_tidy(int root_fd, const char *path, struct eph_error *reterr)
{
	struct file_place place;
	char temporary[NAME_MAX + 1];
	int r = file_place_find(root_fd, path, false, &place);

	if (r == 0)
		r = temporary_name(place.name, temporary);
	if (r == 0)
		r = remove_leftover(place.directory_fd, temporary);
	file_place_done(&place);
	return r == -ENOENT ? 0 : fail(reterr, r, path);
}
