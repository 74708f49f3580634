/*
 * Exercises: collect/peek.c. Options of another process's sockets are read as they are, from the very socket alone, through
 * netlink and procfs; the port is free as soon as its owner closes; who may not trace the owner learns nothing.
 *
 * That it can fail was shown by breaking: no cookie compared; the duplicate kept open; IPV6_V6ONLY not asked.
 *
 * Exit: 0, 1 failed, 77 nothing could be tested here.
 */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "collector.h"
#include "error.h"
#include "netns.h"
#include "peek.h"
#include "procfs.h"
#include "state.h"

#define PORT 7100u

static unsigned failures;

static void need(bool good, const char *what, const char *who)
{
	if (good)
		return;
	printf("FAILED: %s (%s)\n", what, who);
	failures++;
}

static int on(int fd, int level, int option)
{
	const int one = 1;

	return setsockopt(fd, level, option, &one, sizeof(one));
}

/* 127.0.0.1 with SO_REUSEADDR on lo, and [::1], V6ONLY, with SO_REUSEPORT. */
static int make_sockets(int fd[2])
{
	struct state_endpoint v4 = state_endpoint(AF_INET, "127.0.0.1", PORT),
			      v6 = state_endpoint(AF_INET6, "::1", PORT);

	fd[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fd[1] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (on(fd[0], SOL_SOCKET, SO_REUSEADDR) < 0 ||
	    setsockopt(fd[0], SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0 ||
	    on(fd[1], SOL_SOCKET, SO_REUSEPORT) < 0 || on(fd[1], IPPROTO_IPV6, IPV6_V6ONLY) < 0 ||
	    bind(fd[0], (struct sockaddr *)&v4.address, v4.length) < 0 ||
	    bind(fd[1], (struct sockaddr *)&v6.address, v6.length) < 0 || listen(fd[0], 1) < 0 ||
	    listen(fd[1], 1) < 0)
		return -errno;
	return 0;
}

/* Says when it is ready, closes when it is told to, and says so. */
static void own(int from, int to)
{
	int fd[2], r;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = make_sockets(fd);
	byte = r == 0 ? '+' : '-';
	if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
		_exit(1);
	close(fd[0]);
	close(fd[1]);
	_exit(write(to, "+", 1) == 1 ? 0 : 1);
}

static struct snapshot *look(const struct collector *collector)
{
	const struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}, .local_port = PORT};
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};
	void *state = NULL;
	int r = netns_open_current(snapshot, &error);

	if (r == 0)
		r = procfs_read_settings(snapshot, &error);
	if (r == 0)
		r = collector->open(&state, &error);
	if (r == 0) {
		r = collector->sockets(state, &request, snapshot, &error);
		collector->close(state);
	}
	need(r == 0 && snapshot->netns[0].sockets.count == 2, "both sockets are seen",
	     collector->name);
	return snapshot;
}

static void check_learned(const struct snapshot *snapshot, const char *who)
{
	const uint16_t options = SOCKET_REUSEADDR | SOCKET_REUSEPORT | SOCKET_V6ONLY;

	for (size_t i = 0; i < snapshot->netns[0].sockets.count; i++) {
		const struct socket_record *record = &snapshot->netns[0].sockets.record[i];
		bool v6 = record->flags & SOCKET_AF_INET6;
		uint16_t expected = v6 ? SOCKET_REUSEPORT | SOCKET_V6ONLY : SOCKET_REUSEADDR;

		need((record->flags & options) == expected, "the options are those that were set",
		     who);
		need((record->known & expected) == expected && record->known & SOCKET_REUSEPORT,
		     "the options are known", who);
		need(record->device == (v6 ? 0 : if_nametoindex("lo")), "the device", who);
		need(!(record->flags & SOCKET_DEVICE_HIDDEN), "the device is known", who);
	}
}

/* As another user, who may not. */
static void check_stranger(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct snapshot *snapshot;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(0);
		snapshot = look(&collector_netlink);
		need(!peek_options(snapshot, PROTOCOL_TCP), "a stranger learns nothing", "netlink");
		snapshot_free(snapshot);
		_exit(failures > 0);
	}
	need(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "a stranger", "netlink");
}

/* Another socket than the one that was seen. */
static void check_other_socket(void)
{
	struct snapshot *snapshot = look(&collector_netlink);

	for (size_t i = 0; i < snapshot->netns[0].sockets.count; i++)
		snapshot->netns[0].sockets.record[i].cookie++;
	need(!peek_options(snapshot, PROTOCOL_TCP), "nothing is learned of another socket",
	     "netlink");
	snapshot_free(snapshot);
}

static void check_free(void)
{
	struct state_endpoint any = state_endpoint(AF_INET6, "::", PORT);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(bind(fd, (struct sockaddr *)&any.address, any.length) == 0,
	     "the port is free when its owner has closed", "kernel");
	close(fd);
}

int main(void)
{
	static const struct collector *const collectors[] = {&collector_netlink, &collector_procfs};
	int there[2], back[2], r = state_enter_netns();
	char byte = 0;
	pid_t pid;

	if (r < 0 || pipe(there) < 0 || pipe(back) < 0) {
		printf("SKIP: no network namespace can be made: %s\n", strerror(-r));
		return 77;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		own(there[0], back[1]);
	need(pid > 0 && read(back[0], &byte, 1) == 1 && byte == '+', "the sockets are made",
	     "kernel");
	for (unsigned i = 0; i < ARRAY_SIZE(collectors) && !failures; i++) {
		struct snapshot *snapshot = look(collectors[i]);

		need(peek_options(snapshot, PROTOCOL_TCP), "something is learned",
		     collectors[i]->name);
		check_learned(snapshot, collectors[i]->name);
		need(!peek_options(snapshot, PROTOCOL_TCP), "and then nothing more",
		     collectors[i]->name);
		snapshot_free(snapshot);
	}
	check_other_socket();
	check_stranger();
	need(write(there[1], "", 1) == 1 && read(back[0], &byte, 1) == 1, "they are closed",
	     "kernel");
	check_free();
	waitpid(pid, NULL, 0);
	if (!failures)
		printf("ok: options of another process's sockets\n");
	return failures > 0;
}
