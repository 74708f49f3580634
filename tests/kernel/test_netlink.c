/*
 * The netlink collector alone: replies that the kernel never sent on purpose (interrupted, cut off, refused), bound sockets
 * and TIME_WAIT of its own making, and stable sockets that are seen exactly once while others come and go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "collector.h"
#include "error.h"
#include "netlink_message.h"
#include "netns.h"
#include "procfs.h"
#include "state.h"

#define STABLE 50
#define ROUNDS 20

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "not ok: line %d: %s\n", __LINE__, #condition);            \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

struct reply {
	struct nlmsghdr header;
	struct inet_diag_msg message;
};

static int count_row(void *context, const struct socket_record *record)
{
	(void)record;
	++*(unsigned *)context;
	return 0;
}

static struct reply make_reply(void)
{
	return (struct reply){
		.header = {.nlmsg_len = sizeof(struct reply),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_MULTI,
			   .nlmsg_seq = 7},
		.message = {.idiag_family = AF_INET, .idiag_state = STATE_ESTABLISHED}};
}

static int rows(const void *bytes, size_t length, bool *interrupted, unsigned *count)
{
	struct netlink_query query = {.family = AF_INET, .protocol = PROTOCOL_TCP};

	*interrupted = false;
	*count = 0;
	return netlink_rows(bytes, length, &query, 7, interrupted, count_row, count);
}

static void test_replies(void)
{
	struct reply reply = make_reply();
	bool interrupted;
	unsigned count;

	CHECK(rows(&reply, sizeof(reply), &interrupted, &count) == 0 && count == 1 && !interrupted);
	reply.header.nlmsg_flags |= NLM_F_DUMP_INTR;
	CHECK(rows(&reply, sizeof(reply), &interrupted, &count) == 0 && count == 1 && interrupted);
	reply.header.nlmsg_seq = 6;
	CHECK(rows(&reply, sizeof(reply), &interrupted, &count) == 0 && count == 0 && !interrupted);
	reply = make_reply();
	CHECK(rows(&reply, sizeof(reply) - 1, &interrupted, &count) == -EBADMSG && count == 0);
	reply.header.nlmsg_len = 3;
	CHECK(rows(&reply, sizeof(reply), &interrupted, &count) == -EBADMSG);
	reply.header.nlmsg_len = NLMSG_LENGTH(8);
	CHECK(rows(&reply, NLMSG_LENGTH(8), &interrupted, &count) == -EBADMSG);
	reply = make_reply();
	reply.header.nlmsg_type = NLMSG_DONE;
	CHECK(rows(&reply, sizeof(reply), &interrupted, &count) != 0 && count == 0);
	reply.header.nlmsg_type = NLMSG_ERROR;
	((struct nlmsgerr *)(void *)&reply.message)->error = -ENOBUFS;
	CHECK(rows(&reply, sizeof(reply), &interrupted, &count) == -ENOBUFS);
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	CHECK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0);
	return cookie;
}

static int tcp_bound(const char *address, uint16_t port)
{
	struct state_endpoint to = state_endpoint(AF_INET, address, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&to.address, to.length) == 0);
	return fd;
}

static int tcp_connected(uint16_t port)
{
	struct state_endpoint to = state_endpoint(AF_INET, "127.0.0.1", port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to.address, to.length) == 0);
	return fd;
}

static struct snapshot *read_sockets(const struct collect_request *request)
{
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};
	void *state;

	CHECK(snapshot && netns_open_current(snapshot, &error) == 0);
	CHECK(procfs_read_settings(snapshot, &error) == 0);
	CHECK(collector_netlink.open(&state, &error) == 0);
	CHECK(collector_netlink.binds(state, snapshot, &error) == 0);
	CHECK(collector_netlink.sockets(state, request, snapshot, &error) == 0);
	collector_netlink.close(state);
	return snapshot;
}

static unsigned seen(const struct snapshot *snapshot, uint64_t cookie, struct socket_record *ret)
{
	const struct socket_table *sockets = &snapshot->netns[0].sockets;
	unsigned count = 0;

	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->record[i].cookie == cookie) {
			count++;
			*ret = sockets->record[i];
		}
	return count;
}

/* Before 6.8 sock_diag does not report them: then at least so many may hold a port unseen. */
static void check_bound(const struct snapshot *snapshot, int named, int any)
{
	const struct netns_snapshot *netns = &snapshot->netns[0];
	struct socket_record record;

	if (snapshot->laws.bound_visible == LAW_NO) {
		CHECK(seen(snapshot, cookie_of(named), &record) == 0);
		CHECK(seen(snapshot, cookie_of(any), &record) == 0);
		CHECK(netns->binds.hidden >= 2 && (netns->gaps & GAP_BOUND_HIDDEN));
		return;
	}
	CHECK(snapshot->laws.bound_visible == LAW_YES && netns->sockets_complete);
	CHECK(seen(snapshot, cookie_of(named), &record) == 1 && record.state == STATE_BOUND);
	CHECK((record.known & SOCKET_EXPLICIT) && (record.flags & SOCKET_EXPLICIT));
	CHECK(seen(snapshot, cookie_of(any), &record) == 1 && record.state == STATE_BOUND);
	CHECK((record.known & SOCKET_EXPLICIT) && !(record.flags & SOCKET_EXPLICIT));
	/* That its bucket is closed is certain only where buckets never open again. */
	CHECK(port_set_has(snapshot->laws.bucket_reopens == LAW_NO ? &netns->binds.closed
								   : &netns->binds.maybe,
			   5001));
}

static void test_states(int listener)
{
	static const struct collect_request all = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};
	int named = tcp_bound("127.0.0.1", 5001), any = tcp_bound("127.0.0.1", 0),
	    closed = tcp_connected(4000);
	uint64_t waiting = cookie_of(closed);
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct socket_record record;

	close(closed);
	close(accept(listener, NULL, NULL));
	usleep(20000);
	snapshot = read_sockets(&all);
	check_bound(snapshot, named, any);
	CHECK(seen(snapshot, waiting, &record) == 1 && record.state == STATE_TIME_WAIT);
	CHECK((record.flags & SOCKET_MINI) && !(record.known & SOCKET_EXPLICIT) &&
	      record.expires_ms > 0);
	CHECK(snapshot->netns[0].time_wait == 1 && (snapshot->netns[0].gaps & GAP_TW_AGE));
	CHECK(port_set_has(&snapshot->netns[0].binds.maybe, record.local_port));
	close(named);
	close(any);
}

static void test_remote(int listener)
{
	struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}, .remote_port = 4000};
	const uint8_t address[4] = {127, 0, 0, 1};
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	int fd = tcp_connected(4000), peer = accept(listener, NULL, NULL);
	struct socket_record record;

	request.remote = ip_address_v4(address);
	snapshot = read_sockets(&request);
	CHECK(seen(snapshot, cookie_of(fd), &record) == 1);
	CHECK(seen(snapshot, cookie_of(peer), &record) == 0 &&
	      !snapshot->netns[0].sockets_complete);
	close(fd);
	close(peer);
}

/* A child that ends with us, however we end: it would hold up whoever reads our output. */
static pid_t fork_bound_to_us(void)
{
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid == 0)
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	return pid;
}

/* Connect and close without end, on sockets that nobody looks for. */
static pid_t start_churn(void)
{
	pid_t pid = fork_bound_to_us();

	if (pid > 0)
		return pid;
	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct state_endpoint to = state_endpoint(AF_INET, "127.0.0.1", 4000);

		if (fd < 0)
			continue;
		(void)connect(fd, (struct sockaddr *)&to.address, to.length);
		close(fd);
	}
}

static pid_t start_acceptor(int listener)
{
	pid_t pid = fork_bound_to_us();

	if (pid > 0)
		return pid;
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			close(fd);
	}
}

/* Those of even index are bound, the others connected. */
static void check_stable(const uint64_t *cookie, const char *who, bool sees_bound,
			 const struct snapshot *snapshot)
{
	struct socket_record record;

	for (unsigned i = 0; i < STABLE; i++)
		if (seen(snapshot, cookie[i], &record) != (sees_bound || i % 2)) {
			fprintf(stderr, "not ok: %s sees a stable socket %u times\n", who,
				seen(snapshot, cookie[i], &record));
			exit(1);
		}
}

static void test_churn(int listener)
{
	static const struct collect_request all = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};
	struct eph_error error = {0};
	uint64_t cookie[STABLE];
	pid_t churn, acceptor;
	void *bpf = NULL;
	bool has_bpf = collector_bpf.open(&bpf, &error) == 0;

	for (unsigned i = 0; i < STABLE; i++)
		cookie[i] = cookie_of(i % 2 ? tcp_connected(4000)
					    : tcp_bound("127.0.0.2", (uint16_t)(6000 + i)));
	churn = start_churn();
	acceptor = start_acceptor(listener);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct snapshot *snapshot = read_sockets(&all);

		check_stable(cookie, "netlink", snapshot->laws.bound_visible == LAW_YES, snapshot);
		if (has_bpf) {
			CHECK(collector_bpf.binds(bpf, snapshot, &error) == 0);
			socket_table_done(&snapshot->netns[0].sockets);
			CHECK(collector_bpf.sockets(bpf, &all, snapshot, &error) == 0);
			check_stable(cookie, "bpf", true, snapshot);
		}
		snapshot_free(snapshot);
	}
	kill(churn, SIGKILL);
	kill(acceptor, SIGKILL);
	waitpid(churn, NULL, 0);
	waitpid(acceptor, NULL, 0);
	if (has_bpf)
		collector_bpf.close(bpf);
	else
		printf("without bpf: %s\n", error.message);
}

int main(void)
{
	int listener;

	test_replies();
	if (state_enter_netns() < 0) {
		fprintf(stderr, "skipped: no network namespace can be made\n");
		return 77;
	}
	listener = tcp_bound("0.0.0.0", 4000);
	CHECK(listen(listener, 1000) == 0);
	test_states(listener);
	test_remote(listener);
	test_churn(listener);
	return 0;
}
