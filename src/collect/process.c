#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "parse.h"
#include "text_cgroup.h"

#define PID_MAX 4194304u

static ssize_t read_text(int32_t pid, const char *name, char *buffer, size_t bytes)
{
	char path[64];
	CLEANUP(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -1 : read(fd, buffer, bytes);
}

void process_unit_from_cgroup(const char *path, char unit[64])
{
	text_cgroup_unit(path, strlen(path), unit);
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

/* Add the sockets of one process; it is in the table only if it has any. Return: 0, -EACCES, or -ENOMEM. */
static int read_process(struct process_table *table, int32_t pid)
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

		if (inode == 0)
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

int process_read(struct process_table *table, unsigned *ret_unreadable, struct eph_error *reterr)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	uint64_t pid;
	int r = 0;

	*ret_unreadable = 0;
	if (!proc)
		return error_set(reterr, -errno, "processes", "/proc: %s", strerror(errno));
	while (r == 0 && (entry = readdir(proc))) {
		if (parse_uint(entry->d_name, strlen(entry->d_name), PID_MAX, &pid) < 0)
			continue;
		r = read_process(table, (int32_t)pid);
		if (r == -EACCES) {
			++*ret_unreadable;
			r = 0;
		}
	}
	closedir(proc);
	process_table_sort(table);
	return r < 0 ? error_set(reterr, r, "processes", "%s", strerror(-r)) : 0;
}
