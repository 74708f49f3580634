#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int fd_write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		if (written == 0)
			return -EIO;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static bool is_slash(int fd)
{
	struct stat given, own;

	return fstat(fd, &given) == 0 && stat("/", &own) == 0 && given.st_ino == own.st_ino &&
	       given.st_dev == own.st_dev;
}

int fd_open_below(int root_fd, const char *path, int flags)
{
	int never_wait = flags & O_PATH ? 0 : O_NONBLOCK | O_NOCTTY;
	struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | never_wait),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	long fd = syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM) && is_slash(root_fd))
		fd = openat(root_fd, *path ? path : ".", (int)how.flags);
	return fd < 0 ? -errno : (int)fd;
}
