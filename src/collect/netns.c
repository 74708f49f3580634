#include "netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "parse.h"
#include "process.h"

#define NAMED_DIRECTORY "/run/netns"
#define OWN_PATH        "/proc/thread-self/ns/net"
#define NO_DEADLINE     UINT64_MAX
#define PID_MAX         4194304u /* the kernel's upper limit of pid_max */

/* Open @path if it is a network namespace. Nothing is opened for reading before that is known: the path may lead to a
 * pipe that would block or a device that would act. Return: descriptor or negative errno. */
static int open_namespace(const char *path)
{
	CLEANUP(fd_closep) int handle = open(path, O_PATH | O_CLOEXEC);
	struct statfs filesystem;
	char again[64];
	int fd, error;

	if (handle < 0)
		return -errno;
	if (fstatfs(handle, &filesystem) < 0)
		return -errno;
	if (filesystem.f_type != NSFS_MAGIC)
		return -EINVAL;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", handle);
	fd = open(again, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET)
		return fd;
	error = -EINVAL;
	close(fd);
	return error;
}

static uint64_t namespace_id(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static int add(struct snapshot *snapshot, int fd, const char *name, struct eph_error *reterr)
{
	struct netns_snapshot *netns = snapshot_add_netns(snapshot);

	if (!netns) {
		close(fd);
		return error_set(reterr, -ENOMEM, "netns", "out of memory");
	}
	netns->fd = fd;
	netns->id = namespace_id(fd);
	snprintf(netns->name, sizeof(netns->name), "%s", name);
	return 0;
}

static int refuse(struct eph_error *reterr, int error, const char *name)
{
	const char *why =
		error == -ENOENT   ? "no such network namespace"
		: error == -EINVAL ? "not a network namespace"
		: error == -EACCES || error == -EPERM
			? geteuid() ? "not permitted to enter this network namespace; try as root"
				    : "not permitted to enter this network namespace"
			: strerror(-error);

	return error_set(reterr, error == -EACCES ? -EPERM : error, "netns", "%s: %s", name, why);
}

/* A name may not lead out of its directory. */
static bool is_plain_name(const char *name)
{
	return name[0] != '\0' && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strlen(name) <= NAME_MAX;
}

static int open_named(const char *name)
{
	char path[sizeof(NAMED_DIRECTORY) + NAME_MAX + 2];

	if (!is_plain_name(name))
		return -EINVAL;
	snprintf(path, sizeof(path), NAMED_DIRECTORY "/%s", name);
	return open_namespace(path);
}

/* A name of digits alone would be read as a process id. */
static const char *display_name(const char *name, char path[NETNS_NAME_BYTES])
{
	if (name[strspn(name, "0123456789")])
		return name;
	snprintf(path, NETNS_NAME_BYTES, NAMED_DIRECTORY "/%.80s", name);
	return path;
}

static int open_pid(uint64_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%llu/ns/net", (unsigned long long)pid);
	return open_namespace(path);
}

/* May the calling thread go there? Asked now, so that it is not found out halfway through reading. */
static int try_enter(int fd)
{
	int back, r = netns_enter(fd, &back);

	if (r == 0)
		netns_leave(&back);
	return r;
}

int netns_open(struct snapshot *snapshot, const char *name, struct eph_error *reterr)
{
	const char *display = name;
	char path[NETNS_NAME_BYTES];
	uint64_t pid;
	int fd, r;

	if (strchr(name, '/')) {
		fd = open_namespace(name);
	} else {
		fd = open_named(name);
		display = display_name(name, path);
		if (fd == -ENOENT && parse_uint(name, strlen(name), PID_MAX, &pid) == 0) {
			fd = open_pid(pid);
			display = name;
		}
	}
	if (fd < 0)
		return refuse(reterr, fd, name);
	r = try_enter(fd);
	if (r < 0) {
		close(fd);
		return refuse(reterr, r, name);
	}
	return add(snapshot, fd, display, reterr);
}

int netns_open_current(struct snapshot *snapshot, struct eph_error *reterr)
{
	struct netns_snapshot *netns = snapshot_add_netns(snapshot);
	struct stat status;

	if (!netns)
		return error_set(reterr, -ENOMEM, "netns", "out of memory");
	if (stat(OWN_PATH, &status) == 0)
		netns->id = status.st_ino;
	return 0;
}

static bool known(const struct snapshot *snapshot, uint64_t id)
{
	for (size_t i = 0; i < snapshot->n_netns; i++)
		if (snapshot->netns[i].id == id)
			return true;
	return false;
}

/* Take a namespace just opened, unless it is there already, may not be entered, or there are too many. @fd is consumed. */
static int take(struct snapshot *snapshot, int fd, const char *name, unsigned *skipped,
		struct eph_error *reterr)
{
	if (fd >= 0 && known(snapshot, namespace_id(fd))) {
		close(fd);
		return 0;
	}
	if (fd >= 0 && snapshot->n_netns < NETNS_MAX && try_enter(fd) == 0)
		return add(snapshot, fd, name, reterr);
	if (fd >= 0)
		close(fd);
	++*skipped;
	return 0;
}

uint64_t netns_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool is_late(uint64_t deadline_us)
{
	return deadline_us != NO_DEADLINE && netns_clock_us() >= deadline_us;
}

/* Return: 0; 1 when time ran out. */
static int open_all_named(struct snapshot *snapshot, uint64_t deadline_us, unsigned *skipped,
			  struct eph_error *reterr)
{
	DIR *directory = opendir(NAMED_DIRECTORY);
	const struct dirent *entry;
	int r = 0;

	if (!directory)
		return 0; /* nobody has named one */
	while (r == 0 && (entry = readdir(directory))) {
		char path[NETNS_NAME_BYTES];
		int fd;

		if (!is_plain_name(entry->d_name))
			continue;
		if (is_late(deadline_us)) {
			r = 1;
			break;
		}
		fd = open_named(entry->d_name);
		if (fd != -ENOENT && fd != -EINVAL)
			r = take(snapshot, fd, display_name(entry->d_name, path), skipped, reterr);
	}
	closedir(directory);
	return r;
}

/* A namespace without a name is called after the container of the process, else after the process. */
static void name_by_process(uint64_t pid, char name[NETNS_NAME_BYTES])
{
	struct process_record process;

	process_describe((int32_t)pid, &process);
	if (process.unit[0] && strchr(process.unit, ':'))
		snprintf(name, NETNS_NAME_BYTES, "%s", process.unit);
	else
		snprintf(name, NETNS_NAME_BYTES, "pid %llu (%s)", (unsigned long long)pid,
			 process.command);
}

static int open_of_process(struct snapshot *snapshot, uint64_t pid, unsigned *skipped,
			   struct eph_error *reterr)
{
	char path[64], name[NETNS_NAME_BYTES];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%llu/ns/net", (unsigned long long)pid);
	/* Gone, a kernel thread on its way out, or another user's: its namespace is not known to be another one. */
	if (stat(path, &status) < 0) {
		snapshot->netns_hidden += errno == EACCES;
		return 0;
	}
	if (known(snapshot, status.st_ino))
		return 0;
	name_by_process(pid, name);
	return take(snapshot, open_namespace(path), name, skipped, reterr);
}

/* Likewise. */
static int open_all_of_processes(struct snapshot *snapshot, uint64_t deadline_us, unsigned *skipped,
				 struct eph_error *reterr)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	uint64_t pid;
	int r = 0;

	if (!directory)
		return error_set(reterr, -errno, "netns", "/proc: %s", strerror(errno));
	while (r == 0 && (entry = readdir(directory)))
		if (parse_uint(entry->d_name, strlen(entry->d_name), PID_MAX, &pid) == 0)
			r = is_late(deadline_us) ? 1
						 : open_of_process(snapshot, pid, skipped, reterr);
	closedir(directory);
	return r;
}

int netns_open_all(struct snapshot *snapshot, unsigned *ret_skipped, struct eph_error *reterr)
{
	int r = netns_open_current(snapshot, reterr);

	*ret_skipped = 0;
	if (r == 0)
		r = open_all_named(snapshot, NO_DEADLINE, ret_skipped, reterr);
	if (r == 0)
		r = open_all_of_processes(snapshot, NO_DEADLINE, ret_skipped, reterr);
	return r;
}

static int open_own(struct snapshot *snapshot, unsigned *skipped, struct eph_error *reterr)
{
	return take(snapshot, open_namespace(OWN_PATH), "", skipped, reterr);
}

int netns_open_others(struct snapshot *snapshot, uint64_t deadline_us, unsigned *ret_skipped,
		      struct eph_error *reterr)
{
	int r;

	*ret_skipped = 0;
	r = open_own(snapshot, ret_skipped, reterr);
	if (r == 0)
		r = open_all_named(snapshot, deadline_us, ret_skipped, reterr);
	if (r == 0)
		r = open_all_of_processes(snapshot, deadline_us, ret_skipped, reterr);
	return r;
}

int netns_enter(int fd, int *ret_back)
{
	CLEANUP(fd_closep) int back = -1;

	*ret_back = -1;
	if (fd < 0)
		return 0;
	back = open(OWN_PATH, O_RDONLY | O_CLOEXEC);
	if (back < 0)
		return -errno;
	if (setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	*ret_back = fd_take(&back);
	return 0;
}

void netns_leave(int *back)
{
	if (*back < 0)
		return;
	if (setns(*back, CLONE_NEWNET) < 0)
		abort();
	fd_closep(back);
}

bool netns_is_foreign(void)
{
	struct stat own, first;

	/* Process 1 may be closed even to root. Process 2 is a thread of the kernel, or lives in the same container. */
	return stat(OWN_PATH, &own) == 0 &&
	       (stat("/proc/1/ns/net", &first) == 0 || stat("/proc/2/ns/net", &first) == 0) &&
	       (own.st_ino != first.st_ino || own.st_dev != first.st_dev);
}

bool netns_is_container(void)
{
	static const char *const marks[] = {"/.dockerenv", "/run/.containerenv",
					    "/run/systemd/container"};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (access(marks[i], F_OK) == 0)
			return true;
	return false;
}
