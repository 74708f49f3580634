#include "config_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "strbuf.h"

#define VARIABLE "EPHEMPORTS_ROOT"

struct search {
	int root_fd;
	enum file_kind kind;
	unsigned directory;
	bool masks;
	struct file_list *list;
};

/* That / is the root need not be said. */
static const char *root(void)
{
	const char *path = secure_getenv(VARIABLE);
	struct stat given, own;

	if (!path || !*path)
		return NULL;
	if (stat(path, &given) == 0 && stat("/", &own) == 0 && given.st_ino == own.st_ino &&
	    given.st_dev == own.st_dev)
		return NULL;
	return path;
}

bool config_root_given(void)
{
	return root() != NULL;
}

int config_root_open(struct eph_error *reterr)
{
	const char *path = root() ? root() : "/";
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_set(reterr, -errno, "configuration", "%.200s: %s", path,
				  strerror(errno))
		      : fd;
}

bool config_root_has(const char *path)
{
	CLEANUP(fd_closep) int root_fd = config_root_open(NULL);
	CLEANUP(fd_closep) int fd = root_fd < 0 ? -1 : fd_open_below(root_fd, path, O_PATH);

	return fd >= 0;
}

static ssize_t read_all(int fd, char *text, size_t bytes)
{
	size_t length = 0;

	while (length < bytes) {
		ssize_t got = read(fd, text + length, bytes - length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

int config_root_read(int fd, char **ret, size_t *ret_length)
{
	CLEANUP(freep) char *text = NULL;
	struct stat status;
	ssize_t got;

	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_size > CONFIG_FILE_BYTES_MAX)
		return -EFBIG;
	text = malloc((size_t)status.st_size + 1);
	if (!text)
		return -ENOMEM;
	got = read_all(fd, text, (size_t)status.st_size);
	if (got < 0)
		return (int)got;
	*ret = TAKE_PTR(text);
	*ret_length = (size_t)got;
	return 0;
}

/* @path without the leading slash. */
static int add_file(const struct search *search, const char *path)
{
	CLEANUP(fd_closep) int fd = -1;
	struct strbuf shown = STRBUF_INIT;
	char *text = NULL;
	size_t length = 0;
	int r;

	if (search->list->count >= CONFIG_FILES_MAX) {
		search->list->unreadable++;
		return 0;
	}
	fd = fd_open_below(search->root_fd, path, O_RDONLY);
	r = fd < 0 ? fd : config_root_read(fd, &text, &length);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		/* A link to /dev/null is how a file is switched off: nothing was missed. */
		search->list->unreadable += r != -ENOENT && r != -EINVAL;
		if (!search->masks)
			return 0;
		text = calloc(1, 1);
		length = 0;
	}
	strbuf_printf(&shown, "/%s", path);
	return file_list_add(search->list, strbuf_take(&shown), text, length, search->kind,
			     search->directory);
}

/* "NAME*.conf" style; @length bytes of @pattern, with one star or more. */
static bool matches(const char *pattern, size_t length, const char *name)
{
	size_t at = 0, star_at = 0;
	const char *star = NULL;

	if (*name == '.')
		return false;
	while (*name) {
		if (at < length && pattern[at] == '*') {
			star_at = ++at;
			star = name;
		} else if (at < length && pattern[at] == *name) {
			at++;
			name++;
		} else if (star) {
			at = star_at;
			name = ++star;
		} else {
			return false;
		}
	}
	while (at < length && pattern[at] == '*')
		at++;
	return at == length;
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

struct names {
	char **name;
	size_t count, capacity;
};

static int names_add(struct names *names, const char *name)
{
	if (names->count == names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 64;
		char **grown = reallocarray(names->name, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		names->name = grown;
		names->capacity = capacity;
	}
	names->name[names->count] = strdup(name);
	return names->name[names->count] ? (names->count++, 0) : -ENOMEM;
}

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
}

/* The entries of @directory that match, sorted. */
static int read_names(const struct search *search, const char *directory, const char *pattern,
		      size_t length, struct names *ret)
{
	int fd = fd_open_below(search->root_fd, directory, O_RDONLY | O_DIRECTORY), r = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!stream) {
		search->list->unreadable += fd == -EACCES;
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (r == 0 && ret->count < CONFIG_FILES_MAX && (entry = readdir(stream)))
		if (matches(pattern, length, entry->d_name))
			r = names_add(ret, entry->d_name);
	closedir(stream);
	if (ret->count)
		qsort(ret->name, ret->count, sizeof(*ret->name), by_name);
	return r;
}

/* @done has no star any more and no slash at its ends; @rest is what follows, without a leading slash. */
static int expand(const struct search *search, const char *done, const char *rest)
{
	size_t length = strcspn(rest, "/");
	bool last = rest[length] == '\0', star = memchr(rest, '*', length) != NULL;
	struct names names = {0};
	int r;

	if (star)
		r = read_names(search, done, rest, length, &names);
	else {
		struct strbuf part = STRBUF_INIT;

		strbuf_add(&part, rest, length);
		r = part.failed ? -ENOMEM : names_add(&names, part.text);
		strbuf_done(&part);
	}
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		struct strbuf path = STRBUF_INIT;

		strbuf_printf(&path, "%s%s%s", done, *done ? "/" : "", names.name[i]);
		if (path.failed)
			r = -ENOMEM;
		else
			r = last ? add_file(search, path.text)
				 : expand(search, path.text, rest + length + 1);
		strbuf_done(&path);
	}
	names_done(&names);
	return r;
}

int config_root_add(int root_fd, const char *pattern, enum file_kind kind, unsigned directory,
		    bool masks, struct file_list *list)
{
	const struct search search = {root_fd, kind, directory, masks, list};

	return expand(&search, "", pattern + 1);
}
