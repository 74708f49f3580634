/*
 * Exercises: who holds the sockets of a port, through BPF (collect/bpf_holders.c) and through /proc (process_find()). Some
 * processes share a listener and hold its connections, among others that hold none; both ways must name exactly those
 * that process_read() finds in all of /proc, also while processes come and go.
 *
 * Exit: 0, 1 failed, 77 nothing could be tested here.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "collector.h"
#include "error.h"
#include "netns.h"
#include "process.h"
#include "procfs.h"
#include "state.h"

#define PORT        7100u
#define SHARERS     5u
#define CONNECTIONS 40u
#define ROUNDS      30u

static unsigned failures;

static void fail(const char *what)
{
	printf("FAILED: %s\n", what);
	failures++;
}

static int listener_new(void)
{
	struct state_endpoint at = state_endpoint(AF_INET, "127.0.0.1", PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at.address, at.length) < 0 || listen(fd, 64) < 0)
		return -errno;
	return fd;
}

/* A process that shares the listener, accepts some, and stays; or one that ends at once, again and again. */
static pid_t start(int listener, unsigned connections)
{
	struct state_endpoint to = state_endpoint(AF_INET, "127.0.0.1", PORT);
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i < connections; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (connect(fd, (struct sockaddr *)&to.address, to.length) < 0 ||
		    accept(listener, NULL, NULL) < 0)
			_exit(1);
	}
	for (;;)
		pause();
}

/* Returns when the new process holds no socket any more. */
static pid_t start_churn(void)
{
	int ready[2], r = pipe(ready);
	pid_t pid = r == 0 ? fork() : -1;
	char byte;

	if (pid != 0) {
		close(ready[1]);
		(void)!read(ready[0], &byte, 1);
		close(ready[0]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(3, UINT_MAX, 0);
	for (;;) {
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

/* Both know the same processes of every socket. */
static bool same(const struct process_table *a, const struct process_table *b,
		 const uint32_t *inode, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n, m;
		const struct process_link *x = process_table_find(a, inode[i], &n),
					  *y = process_table_find(b, inode[i], &m);

		if (n != m || n == 0)
			return false;
		for (size_t k = 0; k < n; k++)
			if (a->process[x[k].process].pid != b->process[y[k].process].pid)
				return false;
	}
	return true;
}

static size_t inodes_of(const struct snapshot *snapshot, uint32_t inode[64])
{
	const struct socket_table *sockets = &snapshot->netns[0].sockets;
	size_t count = 0;

	for (size_t i = 0; i < sockets->count && count < 64; i++)
		if (sockets->record[i].inode)
			inode[count++] = sockets->record[i].inode;
	return count;
}

static void compare(void *state, struct snapshot *snapshot, bool churning)
{
	struct process_table all = {0}, found = {0};
	uint32_t inode[64];
	size_t count = inodes_of(snapshot, inode);
	unsigned unreadable;
	bool whole;

	if (count < SHARERS)
		fail("too few sockets were read");
	if (process_read(&all, &unreadable, NULL) < 0 ||
	    process_find(&found, inode, count, &whole, NULL) < 0)
		fail("/proc cannot be read");
	else if (!same(&found, &all, inode, count) || (!whole && !churning))
		fail("process_find() and process_read() differ");
	if (collector_bpf.holders(state, inode, count, snapshot) != 0)
		fail("holders() failed");
	else if (!same(&snapshot->processes, &all, inode, count))
		fail("holders() and process_read() differ");
	process_table_done(&all);
	process_table_done(&found);
	process_table_done(&snapshot->processes);
}

static int look(void *state, bool churning)
{
	const struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}, .local_port = PORT};
	CLEANUP(snapshot_freep) struct snapshot *snapshot = snapshot_new();
	int r = snapshot ? netns_open_current(snapshot, NULL) : -ENOMEM;

	if (r == 0)
		r = procfs_read_settings(snapshot, NULL);
	if (r == 0)
		r = collector_bpf.sockets(state, &request, snapshot, NULL);
	if (r == 0)
		compare(state, snapshot, churning);
	return r;
}

int main(void)
{
	struct eph_error error = {0};
	pid_t pid[SHARERS + 1];
	void *state;
	int listener, r = collector_bpf.open(&state, &error);

	if (r < 0 || state_enter_netns() < 0) {
		printf("without BPF: %s\n", error.message);
		return 77;
	}
	listener = listener_new();
	for (unsigned i = 0; i < SHARERS; i++)
		pid[i] = start(listener, i == 0 ? CONNECTIONS : i);
	usleep(100000);
	if (look(state, false) < 0)
		fail("the port cannot be read");
	pid[SHARERS] = start_churn();
	for (unsigned i = 0; i < ROUNDS; i++)
		look(state, true);
	for (unsigned i = 0; i <= SHARERS; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	collector_bpf.close(state);
	return failures ? 1 : 0;
}
