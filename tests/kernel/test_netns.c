/*
 * Namespaces by pid and path, refused names, one that vanishes, and settings read inside each.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "collector.h"
#include "error.h"
#include "netns.h"
#include "procfs.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "not ok: line %d: %s\n", __LINE__, #condition);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* A child in a namespace of its own with this range; it lives until it is killed or this test ends. */
static pid_t start_child(const char *range)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe(ready) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWNET) < 0)
			_exit(1);
		write_file("/proc/sys/net/ipv4/ip_local_port_range", range);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void refuses(const char *name, int error)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = snapshot_new();
	struct eph_error details = {0};

	CHECK(netns_open(snapshot, name, &details) == error);
	CHECK(details.message[0] && !strchr(details.message, '\n'));
	CHECK(snapshot->n_netns == 0);
}

static void test_refused_names(void)
{
	char name[NAME_MAX + 100];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	refuses(name, -EINVAL);
	refuses("", -EINVAL);
	refuses(".", -EINVAL);
	refuses("..", -EINVAL);
	refuses("../net", -ENOENT);
	refuses("no such name", -ENOENT);
	refuses("4194303999", -ENOENT);
	refuses("-1", -ENOENT);
	refuses("/dev/null", -EINVAL);
	refuses("/proc/self/ns/mnt", -EINVAL);
	refuses("/tmp", -EINVAL);
}

/* A pipe without a writer must not hold us up. */
static void test_refused_pipe(void)
{
	char path[] = "/tmp/ephemports-test-XXXXXX", pipe_path[64];

	CHECK(mkdtemp(path));
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", path);
	CHECK(mkfifo(pipe_path, 0600) == 0);
	alarm(10);
	refuses(pipe_path, -EINVAL);
	alarm(0);
	unlink(pipe_path);
	rmdir(path);
}

static struct snapshot *open_name(const char *name)
{
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};

	CHECK(netns_open(snapshot, name, &error) == 0);
	CHECK(snapshot->n_netns == 1 && snapshot->netns[0].fd >= 0 && snapshot->netns[0].id != 0);
	return snapshot;
}

static void test_pid_and_path(void)
{
	pid_t child = start_child("40000 40007");
	char name[64], path[64];
	CLEANUP(snapshot_freep) struct snapshot *by_pid = NULL, *by_path = NULL;
	struct stat before, after;

	CHECK(stat("/proc/thread-self/ns/net", &before) == 0);
	snprintf(name, sizeof(name), "%d", child);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", child);
	by_pid = open_name(name);
	by_path = open_name(path);
	CHECK(by_pid->netns[0].id == by_path->netns[0].id && by_pid->netns[0].id != before.st_ino);
	CHECK(procfs_read_settings(by_pid, NULL) == 0);
	CHECK(by_pid->netns[0].settings.range.lo == 40000 &&
	      by_pid->netns[0].settings.range.hi == 40007);
	CHECK(stat("/proc/thread-self/ns/net", &after) == 0 && after.st_ino == before.st_ino);
	end_child(child);
	refuses(name, -ENOENT);
}

/* Each namespace once, also when several processes share it; a child's is called after it. */
static void test_all(void)
{
	pid_t a = start_child("40000 40007"), b = start_child("41000 41007");
	CLEANUP(snapshot_freep) struct snapshot *snapshot = snapshot_new();
	char wanted[64];
	unsigned skipped, found = 0;

	CHECK(netns_open_all(snapshot, &skipped, NULL) == 0);
	snprintf(wanted, sizeof(wanted), "pid %d (", a);
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		found += strncmp(snapshot->netns[i].name, wanted, strlen(wanted)) == 0;
		for (size_t j = 0; j < i; j++)
			CHECK(snapshot->netns[i].id != snapshot->netns[j].id);
	}
	CHECK(found == 1 && snapshot->n_netns >= 3 && snapshot->netns[0].fd == -1);
	end_child(a);
	end_child(b);
}

/* The processes of a namespace end while it is read: no error, and a descriptor that leads nowhere is flagged. */
static void test_vanishes(void)
{
	pid_t child = start_child("40000 40007");
	struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};
	CLEANUP(snapshot_freep) struct snapshot *snapshot = snapshot_new();
	char name[64];
	void *state;

	CHECK(netns_open_current(snapshot, NULL) == 0);
	snprintf(name, sizeof(name), "%d", child);
	CHECK(netns_open(snapshot, name, NULL) == 0);
	CHECK(procfs_read_settings(snapshot, NULL) == 0);
	CHECK(collector_netlink.open(&state, NULL) == 0);
	CHECK(collector_netlink.binds(state, snapshot, NULL) == 0);
	end_child(child);
	CHECK(collector_netlink.groups(state, &request, snapshot, NULL) == 0);
	close(snapshot->netns[1].fd);
	snapshot->netns[1].fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(collector_netlink.groups(state, &request, snapshot, NULL) == 0);
	CHECK((snapshot->netns[1].gaps & GAP_VANISHED) &&
	      !(snapshot->netns[0].gaps & GAP_VANISHED));
	collector_netlink.close(state);
}

int main(void)
{
	pid_t probe = fork();
	int status;

	if (probe == 0)
		_exit(unshare(CLONE_NEWNET) < 0);
	if (probe < 0 || waitpid(probe, &status, 0) < 0 || status != 0) {
		fprintf(stderr, "skipped: no network namespace can be made\n");
		return 77;
	}
	test_refused_names();
	test_refused_pipe();
	test_pid_and_path();
	test_all();
	test_vanishes();
	return 0;
}
