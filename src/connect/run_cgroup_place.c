#include "run_cgroup_place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "parse.h"
#include "strbuf.h"
#include "text_cgroup_mount.h"

#define PREFIX     "ephemports-run."
#define FILE_MAX   (1u << 20) /* mountinfo of a host with some thousand containers */
#define DEPTH_MAX  16u
#define START_WORD 20 /* of /proc/PID/stat, counted from 1 behind the name in parentheses */

struct owner {
	uint64_t pid_namespace, pid, start;
};

static int read_text(int directory, const char *path, struct strbuf *out)
{
	CLEANUP(fd_closep) int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	char bytes[4096];
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	while (out->length < FILE_MAX && (n = read(fd, bytes, sizeof(bytes))) > 0)
		strbuf_add(out, bytes, (size_t)n);
	if (n < 0)
		return -errno;
	return out->failed ? -ENOMEM : 0;
}

/* Behind the name in parentheses: state, and 20th the start. One that waits to be reaped has no descriptors any more. */
static uint64_t start_in(const struct strbuf *stat)
{
	const char *at = strrchr(stat->text, ')'), *end = stat->text + stat->length, *word = NULL;
	size_t length = 0;
	uint64_t start;

	if (!at)
		return 0;
	at++;
	for (unsigned i = 0; i < START_WORD; i++) {
		word = parse_word(&at, end, &length);
		if (i == 0 && word && (*word == 'Z' || *word == 'X'))
			return 0;
	}
	return word && parse_uint(word, length, UINT64_MAX, &start) == 0 ? start : 0;
}

/* When a process was started, in ticks since boot; 0 when none of that pid lives. */
static uint64_t start_of(uint64_t pid)
{
	struct strbuf stat = STRBUF_INIT;
	char path[48];
	uint64_t start;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
	start = read_text(AT_FDCWD, path, &stat) == 0 ? start_in(&stat) : 0;
	strbuf_done(&stat);
	return start;
}

static int own_owner(struct owner *ret)
{
	struct stat namespace;

	if (stat("/proc/self/ns/pid", &namespace) < 0)
		return -errno;
	*ret = (struct owner){namespace.st_ino, (uint64_t)getpid(), start_of((uint64_t)getpid())};
	return ret->start ? 0 : -ENOENT;
}

/* Whose is it, by its name? False when the name is none of ours. */
static bool read_name(const char *name, struct owner *ret)
{
	uint64_t *field[] = {&ret->pid_namespace, &ret->pid, &ret->start};
	const char *at = name + strlen(PREFIX);

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(field); i++) {
		size_t length = strcspn(at, ".");

		if (parse_uint(at, length, UINT64_MAX, field[i]) < 0 || !at[length] != (i == 2))
			return false;
		at += length + 1;
	}
	return true;
}

/* Of an owner in another namespace of pids nothing can be known from here. */
static bool is_stale(const char *name, const struct owner *self)
{
	struct owner owner;

	return read_name(name, &owner) && owner.pid_namespace == self->pid_namespace &&
	       start_of(owner.pid) != owner.start;
}

/* A directory of the hierarchy has two links, and one more for each below it. */
static int open_inner(int directory, const char *name)
{
	struct stat status;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISDIR(status.st_mode) || status.st_nlink <= 2)
		return -1;
	return openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The inner ones first: a run within a run was killed with it. Takes @fd. */
static void sweep(int fd, const struct owner *self, unsigned depth)
{
	DIR *directory = fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		close(fd);
		return;
	}
	while ((entry = readdir(directory))) {
		int inner;

		if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		inner = depth < DEPTH_MAX ? open_inner(dirfd(directory), entry->d_name) : -1;
		if (inner >= 0)
			sweep(inner, self, depth + 1);
		if (is_stale(entry->d_name, self))
			unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
}

/* Mount point of the hierarchy, and the own cgroup below it. */
static int find_own(struct strbuf *top, struct strbuf *path, struct eph_error *reterr)
{
	struct strbuf mounts = STRBUF_INIT, cgroup = STRBUF_INIT;
	int r = read_text(AT_FDCWD, "/proc/self/mountinfo", &mounts);

	if (r == 0)
		r = read_text(AT_FDCWD, "/proc/self/cgroup", &cgroup);
	if (r < 0)
		r = error_set(reterr, r, "cgroup", "/proc/self/mountinfo, /proc/self/cgroup: %s",
			      strerror(-r));
	else if (!text_cgroup_directory(mounts.text, mounts.length, cgroup.text, cgroup.length, top,
					path))
		r = error_set(reterr, -ENOENT, "cgroup",
			      "no unified hierarchy (cgroup2) that shows this process is mounted");
	strbuf_done(&mounts);
	strbuf_done(&cgroup);
	return r;
}

/* A cgroup of threads takes no process; the error would come when COMMAND is to be started. */
static int check_kind(const char *path, struct eph_error *reterr)
{
	char file[4200];
	struct strbuf kind = STRBUF_INIT;
	int r = 0;

	snprintf(file, sizeof(file), "%s/cgroup.type", path);
	if (read_text(AT_FDCWD, file, &kind) == 0 && strcmp(kind.text, "domain\n") != 0)
		r = error_set(reterr, -EOPNOTSUPP, "cgroup", "%.200s takes no processes: %.*s",
			      path, (int)strcspn(kind.text, "\n"), kind.text);
	strbuf_done(&kind);
	return r;
}

static int make_below(const char *top, const char *own, const struct owner *self, char **ret_path,
		      struct eph_error *reterr)
{
	struct strbuf path = STRBUF_INIT;
	CLEANUP(freep) char *made = NULL;
	int r;

	strbuf_printf(&path, "%s/%s/" PREFIX "%" PRIu64 ".%" PRIu64 ".%" PRIu64, top, own,
		      self->pid_namespace, self->pid, self->start);
	made = strbuf_take(&path);
	if (!made)
		return error_set(reterr, -ENOMEM, "cgroup", "out of memory");
	if (mkdir(made, 0755) < 0)
		return error_set(reterr, -errno, "cgroup", "mkdir %.200s: %s", made,
				 strerror(errno));
	r = check_kind(made, reterr);
	if (r < 0)
		rmdir(made);
	else
		*ret_path = TAKE_PTR(made);
	return r;
}

int run_cgroup_make(char **ret_path, struct eph_error *reterr)
{
	struct strbuf top = STRBUF_INIT, own = STRBUF_INIT;
	struct owner self;
	int fd, r = own_owner(&self);

	if (r < 0)
		error_set(reterr, r, "cgroup", "/proc/self: %s", strerror(-r));
	else
		r = find_own(&top, &own, reterr);
	if (r == 0) {
		fd = open(top.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			sweep(fd, &self, 0);
		r = make_below(top.text, own.text, &self, ret_path, reterr);
	}
	strbuf_done(&top);
	strbuf_done(&own);
	return r;
}
