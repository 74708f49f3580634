#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "parse.h"
#include "text_cgroup.h"

#define PID_MAX            4194304u
#define INIT_PID_NAMESPACE 0xEFFFFFFCu /* PROC_PID_INIT_INO */
#define FIND_MORE_MAX      20000u /* descriptors looked at when all that is wanted was found already */

static ssize_t read_text(int32_t pid, const char *name, char *buffer, size_t bytes)
{
	char path[64];
	CLEANUP(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : read(fd, buffer, bytes);
}

static void read_command(int32_t pid, char command[16])
{
	ssize_t got = read_text(pid, "comm", command, 16);

	if (got <= 0) {
		memcpy(command, "?", sizeof("?"));
		return;
	}
	/* comm has at most 15 bytes and then a newline. */
	command[got - 1] = '\0';
}

void process_describe(int32_t pid, struct process_record *ret)
{
	char text[4096], path[64];
	struct stat status;
	ssize_t got;

	*ret = (struct process_record){.pid = pid};
	read_command(pid, ret->command);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	if (stat(path, &status) == 0)
		ret->uid = status.st_uid;
	got = read_text(pid, "cgroup", text, sizeof(text));
	if (got > 0)
		text_cgroup_unit_of_process(text, (size_t)got, ret->unit);
}

/* Is the descriptor @name a socket? Its inode, or 0. */
static uint32_t socket_inode(int directory_fd, const char *name)
{
	static const char prefix[] = "socket:[";
	const size_t prefix_length = sizeof(prefix) - 1;
	char target[64];
	uint64_t inode;
	ssize_t length = readlinkat(directory_fd, name, target, sizeof(target));

	if (length <= (ssize_t)prefix_length || memcmp(target, prefix, prefix_length) != 0)
		return 0;
	if (parse_uint(target + prefix_length, (size_t)length - prefix_length - 1, UINT32_MAX,
		       &inode) < 0)
		return 0;
	return (uint32_t)inode;
}

bool process_has_socket(int32_t pid, uint32_t descriptor, uint32_t inode)
{
	char directory[64], name[16];
	CLEANUP(fd_closep) int fd = -1;
	struct stat status;

	snprintf(directory, sizeof(directory), "/proc/%d/fd", pid);
	snprintf(name, sizeof(name), "%u", descriptor);
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return socket_inode(fd, name) == inode;
	/* The number is the kernel's: in another pid namespace it may be that of another process. */
	return errno == EACCES && stat("/proc/self/ns/pid", &status) == 0 &&
	       status.st_ino == INIT_PID_NAMESPACE;
}

/* Which descriptors are taken. */
struct wanted {
	const uint32_t *inode; /* ascending; NULL: every socket */
	size_t count;
	bool *found; /* of each */
	uint64_t looked_at;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool is_wanted(struct wanted *wanted, uint32_t inode)
{
	const uint32_t *at;

	wanted->looked_at++;
	if (!inode || !wanted->inode)
		return inode != 0;
	at = bsearch(&inode, wanted->inode, wanted->count, sizeof(inode), by_number);
	if (at)
		wanted->found[at - wanted->inode] = true;
	return at != NULL;
}

/* Add the sockets of one process; it is in the table only if it has any. Return: 0, -EACCES, or -ENOMEM. */
static int read_process(struct process_table *table, int32_t pid, struct wanted *wanted)
{
	uint32_t index = (uint32_t)table->processes;
	const struct dirent *entry;
	struct process_record process;
	char path[64];
	DIR *directory;
	int r = 0;
	bool any = false;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	if (!directory)
		return errno == EACCES || errno == EPERM ? -EACCES : 0; /* else it has ended */
	while (r == 0 && (entry = readdir(directory))) {
		uint32_t inode = socket_inode(dirfd(directory), entry->d_name);

		if (!is_wanted(wanted, inode))
			continue;
		any = true;
		r = process_table_link(table, inode, index);
	}
	closedir(directory);
	if (r < 0 || !any)
		return r;
	process_describe(pid, &process);
	return process_table_add(table, &process);
}

int process_each_socket(int32_t pid,
			int (*each)(void *context, uint32_t descriptor, uint32_t inode),
			void *context)
{
	const struct dirent *entry;
	char path[64];
	DIR *directory;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	if (!directory)
		return errno == EACCES || errno == EPERM ? -EACCES : 0;
	while (r == 0 && (entry = readdir(directory))) {
		uint32_t inode = socket_inode(dirfd(directory), entry->d_name);

		if (inode)
			r = each(context, (uint32_t)strtoul(entry->d_name, NULL, 10), inode);
	}
	closedir(directory);
	return r;
}

int process_read(struct process_table *table, unsigned *ret_unreadable, struct eph_error *reterr)
{
	DIR *proc = opendir("/proc");
	struct wanted every = {.inode = NULL};
	const struct dirent *entry;
	uint64_t pid;
	int r = 0;

	*ret_unreadable = 0;
	if (!proc)
		return error_set(reterr, -errno, "processes", "/proc: %s", strerror(errno));
	while (r == 0 && (entry = readdir(proc))) {
		if (parse_uint(entry->d_name, strlen(entry->d_name), PID_MAX, &pid) < 0)
			continue;
		r = read_process(table, (int32_t)pid, &every);
		if (r == -EACCES) {
			++*ret_unreadable;
			r = 0;
		}
	}
	closedir(proc);
	process_table_sort(table);
	return r < 0 ? error_set(reterr, r, "processes", "%s", strerror(-r)) : 0;
}

/* --- a few sockets ---------------------------------------------------------------------------------------------- */

struct candidate {
	int32_t pid;
	int64_t files; /* how many it has open, on Linux 6.2 and later; else 0 */
};

static int by_files(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->files != y->files)
		return x->files < y->files ? -1 : 1;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int list_candidates(struct candidate **ret, size_t *ret_count)
{
	DIR *proc = opendir("/proc");
	size_t count = 0, capacity = 0;
	struct candidate *list = NULL;
	const struct dirent *entry;
	struct stat status;
	char path[32];
	uint64_t pid;

	if (!proc)
		return -errno;
	while ((entry = readdir(proc))) {
		if (parse_uint(entry->d_name, strlen(entry->d_name), PID_MAX, &pid) < 0)
			continue;
		if (count == capacity) {
			void *grown = reallocarray(list, capacity * 2 + 256, sizeof(*list));

			if (!grown)
				break;
			list = grown;
			capacity = capacity * 2 + 256;
		}
		snprintf(path, sizeof(path), "%u/fd", (unsigned)pid);
		if (fstatat(dirfd(proc), path, &status, 0) == 0)
			list[count++] = (struct candidate){(int32_t)pid, status.st_size};
	}
	closedir(proc);
	if (entry) {
		free(list);
		return -ENOMEM;
	}
	if (count)
		qsort(list, count, sizeof(*list), by_files);
	*ret = list;
	*ret_count = count;
	return 0;
}

static bool all_found(const struct wanted *wanted)
{
	return !memchr(wanted->found, 0, wanted->count);
}

static int find_among(struct process_table *table, struct wanted *wanted, bool *ret_whole)
{
	CLEANUP(freep) struct candidate *list = NULL;
	uint64_t limit = UINT64_MAX;
	size_t count = 0, i;
	int r = list_candidates(&list, &count);

	for (i = 0; r == 0 && i < count && wanted->looked_at < limit; i++) {
		r = read_process(table, list[i].pid, wanted);
		if (r == -EACCES)
			r = 0;
		if (limit == UINT64_MAX && all_found(wanted))
			limit = wanted->looked_at + FIND_MORE_MAX;
	}
	*ret_whole = r == 0 && i == count;
	return r;
}

int process_find(struct process_table *table, const uint32_t *inode, size_t count, bool *ret_whole,
		 struct eph_error *reterr)
{
	CLEANUP(freep) uint32_t *sorted = calloc(count + 1, sizeof(*sorted));
	CLEANUP(freep) bool *found = calloc(count + 1, sizeof(*found));
	struct wanted wanted = {.inode = sorted, .found = found};
	int r = sorted && found ? 0 : -ENOMEM;

	*ret_whole = false;
	for (size_t i = 0; r == 0 && i < count; i++)
		if (inode[i])
			sorted[wanted.count++] = inode[i];
	if (r == 0) {
		qsort(sorted, wanted.count, sizeof(*sorted), by_number);
		r = find_among(table, &wanted, ret_whole);
	}
	if (r == 0)
		r = process_table_sort_all(table);
	return r < 0 ? error_set(reterr, r, "processes", "%s", strerror(-r)) : 0;
}
