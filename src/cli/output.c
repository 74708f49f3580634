#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "strbuf.h"

int output_print(const char *bytes, size_t length, struct eph_error *reterr)
{
	int r = fd_write_all(STDOUT_FILENO, bytes, length);

	return r < 0 ? error_set(reterr, r, "standard output", "%s", strerror(-r)) : 0;
}

/* The data and its name reach the disk before this returns 0; the directory entry follows with the next commit. */
static int write_file(int fd, const char *bytes, size_t length)
{
	int r = fd_write_all(fd, bytes, length);

	if (r < 0)
		return r;
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Renaming would turn a device, a pipe or a link into a plain file, so only a plain file, or none, is replaced. */
static int check_target(const char *path)
{
	struct stat status;

	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (S_ISLNK(status.st_mode))
		return -ELOOP;
	return S_ISREG(status.st_mode) ? 0 : -EINVAL;
}

static const char *why(int error)
{
	return error == -ELOOP    ? "is a symbolic link, which is not written through"
	       : error == -EINVAL ? "is not a regular file"
				  : strerror(-error);
}

int output_replace(const char *path, const char *bytes, size_t length, struct eph_error *reterr)
{
	CLEANUP(freep) char *temporary = NULL;
	CLEANUP(fd_closep) int fd = -1;
	struct strbuf name = STRBUF_INIT;
	int r = check_target(path);

	if (r < 0)
		return error_set(reterr, r, "output", "%.200s: %s", path, why(r));
	/* The leading dot keeps node_exporter, which reads *.prom, from seeing it. */
	if (strrchr(path, '/'))
		strbuf_add(&name, path, (size_t)(strrchr(path, '/') - path) + 1);
	strbuf_puts(&name, ".ephemports-XXXXXX");
	temporary = strbuf_take(&name);
	if (!temporary)
		return error_set(reterr, -ENOMEM, "output", "out of memory");
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		return error_set(reterr, r, "output", "%.200s: cannot make a file beside it: %s",
				 path, strerror(-r));
	}
	r = write_file(fd, bytes, length);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return error_set(reterr, r, "output", "%.200s: %s", path, strerror(-r));
	}
	return 0;
}
