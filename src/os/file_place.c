#include "file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fd.h"

#define LINKS_MAX 40u

/* "etc/sysctl.d/x.conf": @ret_directory "etc/sysctl.d", and the start of the name. Return: 0 or negative errno. */
static int split(const char *path, char ret_directory[PATH_MAX], const char **ret_name)
{
	const char *slash, *name;

	while (*path == '/')
		path++;
	slash = strrchr(path, '/');
	name = slash ? slash + 1 : path;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	if (strlen(name) > NAME_MAX || (size_t)(name - path) >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(ret_directory, PATH_MAX, "%.*s", slash ? (int)(slash - path) : 0, path);
	*ret_name = name;
	return 0;
}

static int make_directory(int root_fd, const char *path)
{
	char parent[PATH_MAX];
	const char *name;
	int r = split(path, parent, &name), fd;

	if (r < 0)
		return r;
	fd = fd_open_below(root_fd, parent, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
		r = -errno;
	close(fd);
	return r;
}

/* One step: the directory of @path, and what its last part is. */
static int look(int root_fd, const char *path, bool make, struct file_place *ret)
{
	char directory[PATH_MAX];
	const char *name;
	int r = split(path, directory, &name);

	if (r < 0)
		return r;
	ret->directory_fd = fd_open_below(root_fd, directory, O_PATH | O_DIRECTORY);
	if (ret->directory_fd == -ENOENT && make && make_directory(root_fd, directory) == 0)
		ret->directory_fd = fd_open_below(root_fd, directory, O_PATH | O_DIRECTORY);
	if (ret->directory_fd < 0)
		return ret->directory_fd;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->exists = fstatat(ret->directory_fd, name, &ret->status, AT_SYMLINK_NOFOLLOW) == 0;
	return ret->exists || errno == ENOENT ? 0 : -errno;
}

/* @path becomes what the link leads to. Its directory part is left to the kernel, which follows links in it. */
static int follow(const struct file_place *place, char path[PATH_MAX])
{
	char target[PATH_MAX], next[PATH_MAX];
	ssize_t length = readlinkat(place->directory_fd, place->name, target, sizeof(target) - 1);
	const char *slash = strrchr(path, '/');
	int written;

	if (length < 0)
		return -errno;
	target[length] = '\0';
	if (*target == '/' || !slash)
		written = snprintf(next, sizeof(next), "%s", target);
	else
		written =
			snprintf(next, sizeof(next), "%.*s/%s", (int)(slash - path), path, target);
	if (written < 0 || (size_t)written >= sizeof(next))
		return -ENAMETOOLONG;
	memcpy(path, next, (size_t)written + 1);
	return 0;
}

int file_place_find(int root_fd, const char *path, bool make, struct file_place *ret)
{
	char current[PATH_MAX];
	int r;

	*ret = (struct file_place){.directory_fd = -1};
	if (*path != '/' || strlen(path) >= CHANGE_PATH_BYTES)
		return *path != '/' ? -EINVAL : -ENAMETOOLONG;
	snprintf(current, sizeof(current), "%s", path);
	for (unsigned links = 0; links < LINKS_MAX; links++) {
		file_place_done(ret);
		r = look(root_fd, current, make && links == 0, ret);
		if (links > 0 && (r == -ENOENT || (r == 0 && !ret->exists)))
			return -ENOLINK;
		if (r < 0 || !ret->exists || !S_ISLNK(ret->status.st_mode))
			return r;
		r = follow(ret, current);
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

void file_place_done(struct file_place *place)
{
	fd_closep(&place->directory_fd);
}

static bool fd_path(int fd, char ret[PATH_MAX])
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, ret, PATH_MAX - 1);
	if (length < 0)
		return false;
	ret[length] = '\0';
	return true;
}

void file_place_path(int root_fd, const struct file_place *place, char ret[CHANGE_PATH_BYTES])
{
	char root[PATH_MAX], directory[PATH_MAX];
	size_t length;
	int written;

	*ret = '\0';
	if (!fd_path(root_fd, root) || !fd_path(place->directory_fd, directory))
		return;
	length = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (strncmp(root, directory, length) != 0 ||
	    (directory[length] != '/' && directory[length] != '\0'))
		return;
	written = snprintf(ret, CHANGE_PATH_BYTES, "%s/%s",
			   strcmp(directory + length, "/") == 0 ? "" : directory + length,
			   place->name);
	if (written < 0 || (size_t)written >= CHANGE_PATH_BYTES)
		*ret = '\0';
}

int file_place_check(const struct stat *status)
{
	uid_t caller = geteuid();

	if (!S_ISREG(status->st_mode))
		return -EINVAL;
	if (status->st_nlink > 1)
		return -EMLINK;
	if (status->st_uid != 0 && status->st_uid != caller)
		return -EPERM;
	if (status->st_size > (off_t)CHANGE_CONTENT_MAX)
		return -EFBIG;
	return 0;
}
