/*
 * An observation end to end: a saved snapshot replayed says the same as the live one, by destination, source, inbound and
 * process; forced collectors; sources that are not ours; files that must not be written through; procfs where a sandbox
 * leaves nothing else.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "observe.h"
#include "state.h"

#define CONNECTIONS 30

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "not ok: line %d: %s\n", __LINE__, #condition);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static char directory[] = "/tmp/ephemports-test-XXXXXX";
static char file[64], link_path[64];

static struct observe_options options_by(enum group_by by)
{
	return (struct observe_options){
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true, .by = by},
		.by_process = true,
		.processes = true,
	};
}

static void make_sockets(void)
{
	struct state_endpoint at = state_endpoint(AF_INET, "0.0.0.0", 4000), to;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&at.address, at.length) == 0);
	CHECK(listen(listener, 100) == 0);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		to = state_endpoint(AF_INET, i % 3 ? "127.0.0.1" : "127.0.0.2", 4000);
		CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to.address, to.length) == 0);
		CHECK(accept(listener, NULL, NULL) >= 0);
	}
}

static void compare(const struct usage_result *live, const struct usage_result *replayed)
{
	CHECK(live->groups == replayed->groups && live->sockets == replayed->sockets);
	for (size_t i = 0; i < live->groups; i++) {
		const struct usage_group *a = NULL, *b = &replayed->group[i];

		for (size_t j = 0; j < live->groups && !a; j++)
			if (memcmp(&live->group[j].key, &b->key, sizeof(b->key)) == 0)
				a = &live->group[j];
		CHECK(a && a->in_use == b->in_use && a->time_wait == b->time_wait);
		CHECK(a->left == b->left && a->left_max == b->left_max && a->exact == b->exact);
		CHECK(!a->owner == !b->owner && (!a->owner || strcmp(a->owner, b->owner) == 0));
	}
}

/* Every connection to 127.0.0.1 takes one port of what is left towards it. */
static void check_left(const struct usage_result *usage)
{
	for (size_t i = 0; i < usage->groups; i++) {
		const struct usage_group *row = &usage->group[i];

		if (row->key.remote.bytes[3] != 1 || row->key.remote_port != 4000)
			continue;
		CHECK(row->in_use == CONNECTIONS * 2 / 3);
		CHECK(row->left_max == row->capacity - CONNECTIONS * 2 / 3);
		return;
	}
	fprintf(stderr, "not ok: no group towards 127.0.0.1:4000\n");
	exit(1);
}

static void test_replay(enum group_by by, const char *collector)
{
	struct observe_options options = options_by(by);
	CLEANUP(snapshot_freep) struct snapshot *live = NULL, *replayed = NULL;
	struct usage_result a = {0}, b = {0};
	struct eph_error error = {0};
	struct stat status;

	options.collector = collector;
	options.save = file;
	if (observe_usage(&options, &live, &a, &error) < 0) {
		fprintf(stderr, "%s: %s\n", collector ? collector : "any", error.message);
		CHECK(collector && strcmp(collector, "bpf") == 0);
		return;
	}
	CHECK(a.groups > 0 && (!collector || strcmp(live->collector, collector) == 0));
	CHECK(stat(file, &status) == 0 && (status.st_mode & 0777) == 0600);
	options.save = NULL;
	options.collector = NULL;
	options.replay = file;
	CHECK(observe_usage(&options, &replayed, &b, &error) == 0 && replayed->replayed);
	compare(&a, &b);
	if (by == GROUP_BY_DESTINATION)
		check_left(&b);
	usage_result_done(&a);
	usage_result_done(&b);
}

/* So many sockets may be hidden as the whole machine has; those come and go between two readings. */
static void forget_left(struct usage_result *usage)
{
	for (size_t i = 0; i < usage->groups; i++) {
		usage->group[i].left = 0;
		usage->group[i].exact = false;
	}
}

/* What is counted while streaming equals what is counted from the table. */
static void test_streamed(enum group_by by, const char *collector)
{
	struct observe_options options = options_by(by);
	CLEANUP(snapshot_freep) struct snapshot *streamed = NULL, *saved = NULL;
	struct usage_result a = {0}, b = {0};

	options.collector = collector;
	CHECK(observe_usage(&options, &streamed, &a, NULL) == 0);
	options.save = file;
	CHECK(observe_usage(&options, &saved, &b, NULL) == 0);
	a.sockets = b.sockets; /* streaming leaves listeners out */
	if ((streamed->netns[0].gaps | saved->netns[0].gaps) & GAP_BOUND_HIDDEN) {
		forget_left(&a);
		forget_left(&b);
	}
	compare(&a, &b);
	usage_result_done(&a);
	usage_result_done(&b);
}

static int ask_towards(const char *to, const char *from, const char *collector,
		       struct capacity_result *ret, struct eph_error *error)
{
	struct observe_options options = options_by(GROUP_BY_DESTINATION);
	struct capacity_query query = {
		.protocol = PROTOCOL_TCP, .to_port = 4000, .reuse_time_wait = -1};
	struct snapshot *snapshot = NULL;
	int r;

	options.collector = collector;
	CHECK(ip_address_parse(to, &query.to, NULL) == 0);
	query.af_inet6 = query.to.family == IP_V6;
	if (from)
		CHECK(ip_address_parse(from, &query.from, NULL) == 0);
	r = observe_capacity(&options, &query, &snapshot, ret, error);
	snapshot_free(snapshot);
	return r;
}

static int ask(const char *from, const char *collector, struct capacity_result *ret,
	       struct eph_error *error)
{
	return ask_towards("127.0.0.1", from, collector, ret, error);
}

static void test_capacity(void)
{
	struct capacity_result result, bpf;
	struct eph_error error = {0};

	CHECK(ask(NULL, "netlink", &result, &error) == 0);
	CHECK(ip_address_is_loopback(&result.from) && result.in_use == CONNECTIONS * 2 / 3);
	CHECK(ask("203.0.113.9", NULL, &result, &error) == -EADDRNOTAVAIL && error.message[0]);
	CHECK(ask(NULL, "nonsense", &result, &error) == -EINVAL);
	if (ask(NULL, "bpf", &bpf, &error) < 0)
		return;
	CHECK(ask(NULL, "netlink", &result, &error) == 0);
	CHECK(result.left <= bpf.left && bpf.left_max <= result.left_max);
}

static void set_range(const char *range)
{
	FILE *sysctl = fopen("/proc/sys/net/ipv4/ip_local_port_range", "we");

	CHECK(sysctl && fputs(range, sysctl) >= 0);
	CHECK(fclose(sysctl) == 0);
}

/* The source is found out without a port: where UDP has none left, TCP is still answered for. */
static void test_without_udp_ports(void)
{
	struct capacity_result result;
	struct eph_error error = {0};
	int fd[2];

	set_range("5000 5001");
	for (unsigned i = 0; i < 2; i++) {
		struct state_endpoint at = state_endpoint(AF_INET, "0.0.0.0", (uint16_t)(5000 + i));

		fd[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		CHECK(fd[i] >= 0 && bind(fd[i], (struct sockaddr *)&at.address, at.length) == 0);
	}
	CHECK(ask(NULL, "netlink", &result, &error) == 0);
	CHECK(ip_address_is_loopback(&result.from) && result.left_max == 2);
	close(fd[0]);
	close(fd[1]);
	set_range("32768 60999");
}

/* connect() of TCP answers ENETUNREACH for what is not one host; so does the routing table that we ask. */
static void test_not_one_host(void)
{
	static const char *const refused[] = {"224.0.0.1", "255.255.255.255", "127.255.255.255",
					      "ff02::1"};
	struct eph_error error = {0};
	struct capacity_result result;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		CHECK(ask_towards(refused[i], NULL, "netlink", &result, &error) == -ENETUNREACH);
	CHECK(ask_towards("fe80::9", NULL, "netlink", &result, &error) == -EINVAL);
}

static void test_refused_files(void)
{
	struct observe_options options = options_by(GROUP_BY_DESTINATION);
	struct snapshot *snapshot = NULL;
	struct usage_result result = {0};
	struct eph_error error = {0};

	CHECK(symlink(file, link_path) == 0);
	options.save = link_path;
	CHECK(observe_usage(&options, &snapshot, &result, &error) == -ELOOP && error.message[0]);
	options.save = directory;
	CHECK(observe_usage(&options, &snapshot, &result, &error) == -EINVAL);
	options.save = "/nonexistent/x";
	CHECK(observe_usage(&options, &snapshot, &result, &error) == -ENOENT);
	options.save = NULL;
	options.replay = "/nonexistent/x";
	CHECK(observe_usage(&options, &snapshot, &result, &error) == -ENOENT);
	options.replay = "/dev/null";
	CHECK(observe_usage(&options, &snapshot, &result, &error) < 0);
	options.replay = directory;
	CHECK(observe_usage(&options, &snapshot, &result, &error) == -EISDIR);
	CHECK(!snapshot && !result.group);
}

/* As a sandbox does it: no bpf(2), and @error from @call, SYS_socket for sock_diag only. False where no filter can be set. */
static bool forbid(uint32_t call, int error)
{
	const uint32_t number = offsetof(struct seccomp_data, nr);
	const uint32_t protocol = offsetof(struct seccomp_data, args[2]) +
				  (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, protocol),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_SOCK_DIAG, 0, call == SYS_socket),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void ask_in_sandbox(int error)
{
	struct observe_options options = options_by(GROUP_BY_DESTINATION);
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct usage_result result = {0};

	options.collector = "netlink";
	CHECK(observe_usage(&options, &snapshot, &result, NULL) == error);
	options.collector = NULL;
	CHECK(observe_usage(&options, &snapshot, &result, NULL) == 0);
	CHECK(strcmp(snapshot->collector, "procfs") == 0);
	check_left(&result);
	usage_result_done(&result);
}

/* In a child: a filter is for ever. No socket of sock_diag, or one that can ask for nothing. */
static void test_sandbox(uint32_t call, int error)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct capacity_result result;
		struct eph_error message = {0};

		if (!forbid(call, error))
			_exit(77);
		ask_in_sandbox(-error);
		CHECK(call != SYS_socket ||
		      (ask(NULL, NULL, &result, &message) == 0 && result.left < result.left_max));
		_exit(0);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "not tested: no seccomp filter can be set\n");
	else
		CHECK(WEXITSTATUS(status) == 0);
}

int main(void)
{
	if (state_enter_netns() < 0) {
		fprintf(stderr, "skipped: no network namespace can be made\n");
		return 77;
	}
	CHECK(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/snapshot", directory);
	snprintf(link_path, sizeof(link_path), "%s/link", directory);
	make_sockets();
	test_replay(GROUP_BY_DESTINATION, "netlink");
	test_replay(GROUP_BY_DESTINATION, "bpf");
	test_replay(GROUP_BY_DESTINATION, "procfs");
	test_replay(GROUP_BY_DESTINATION, NULL);
	test_replay(GROUP_BY_SOURCE, "netlink");
	test_replay(GROUP_INBOUND, "netlink");
	test_replay(GROUP_INBOUND, "procfs");
	test_replay(GROUP_BY_OWNER, "netlink");
	test_streamed(GROUP_BY_DESTINATION, "netlink");
	test_streamed(GROUP_INBOUND, "netlink");
	test_streamed(GROUP_BY_DESTINATION, "procfs");
	test_capacity();
	test_without_udp_ports();
	test_not_one_host();
	test_refused_files();
	test_sandbox(SYS_socket, EPERM);
	test_sandbox(SYS_sendto, ENOENT);
	unlink(link_path);
	unlink(file);
	CHECK(rmdir(directory) == 0); /* nothing half-written is left */
	return 0;
}
