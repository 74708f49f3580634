/*
 * Exercises: reading one local port (collect_request.local_port) through both collectors: the same sockets as when
 * everything is read, none of another port, and more owners than one answer of the BPF programs holds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector.h"
#include "error.h"
#include "netns.h"
#include "procfs.h"
#include "state.h"

#define PORT      20000u
#define CROWD     5000u /* an answer holds 4 096 */
#define CONNECTED 1500u /* alike, so not all are listed */

static int failed;

static void check(bool ok, const char *collector, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n", collector, what);
	failed = 1;
}

static struct snapshot *read_port(const struct collector *collector, void *state, uint16_t port)
{
	const struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}, .local_port = port};
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};

	if (netns_open_current(snapshot, &error) < 0 ||
	    procfs_read_settings(snapshot, &error) < 0 ||
	    collector->sockets(state, &request, snapshot, &error) < 0) {
		printf("%s: %s\n", collector->name, error.message);
		failed = 1;
	}
	return snapshot;
}

static size_t count(const struct snapshot *snapshot, uint8_t protocol, uint8_t state, uint16_t port)
{
	const struct socket_table *sockets = &snapshot->netns[0].sockets;
	size_t n = 0;

	for (size_t i = 0; i < sockets->count; i++)
		n += sockets->record[i].protocol == protocol &&
		     (!state || sockets->record[i].state == state) &&
		     (!port || sockets->record[i].local_port == port);
	return n;
}

static int bound(int type, const char *address, uint16_t port)
{
	struct state_endpoint at = state_endpoint(AF_INET, address, port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return fd >= 0 && bind(fd, (struct sockaddr *)&at.address, at.length) == 0 ? fd : -1;
}

/* Every second one has another option, so that no two neighbours are alike. */
static unsigned make_crowd(void)
{
	unsigned made = 0;
	int fd, one = 1;

	for (unsigned i = 0; i < CROWD; i++) {
		fd = bound(SOCK_STREAM, "127.0.0.1", PORT);
		if (fd < 0)
			break;
		if (i % 2)
			setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
		made++;
	}
	return made;
}

static unsigned make_connections(int listener, uint16_t port)
{
	struct state_endpoint to = state_endpoint(AF_INET, "127.0.0.1", port);
	unsigned made = 0;

	while (made < CONNECTED) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&to.address, to.length) < 0 ||
		    accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0)
			break;
		made++;
	}
	return made;
}

static void check_collector(const struct collector *collector, unsigned crowd, unsigned connected)
{
	bool bpf = collector == &collector_bpf;
	struct eph_error error = {0};
	struct snapshot *snapshot;
	const struct netns_snapshot *netns;
	void *state;

	if (collector->open(&state, &error) < 0) {
		printf("without %s: %s\n", collector->name, error.message);
		return;
	}
	snapshot = read_port(collector, state, PORT);
	netns = &snapshot->netns[0];
	check(netns->sockets_port == PORT && !netns->sockets_complete, collector->name,
	      "what was read is not said");
	check(count(snapshot, PROTOCOL_TCP, STATE_BOUND, PORT) == crowd, collector->name,
	      "not every owner");
	check(count(snapshot, PROTOCOL_UDP, 0, PORT) == 1, collector->name, "the UDP socket");
	check(netns->sockets.count == crowd + 1, collector->name, "sockets of other ports");
	check(!bpf || (netns->bucket[0].exists && !netns->bucket[0].unlisted), collector->name,
	      "the bucket");
	check(!bpf || netns->bucket[1].chain >= 1, collector->name, "the chain");
	snapshot_free(snapshot);

	snapshot = read_port(collector, state, PORT + 1);
	netns = &snapshot->netns[0];
	check(count(snapshot, PROTOCOL_TCP, STATE_LISTEN, PORT + 1) == 1, collector->name,
	      "the listener behind many");
	check(netns->sockets.count + netns->bucket[0].unlisted == connected + 1, collector->name,
	      "children");
	check(!bpf || netns->sockets.count < 200, collector->name, "all of the alike are listed");
	snapshot_free(snapshot);

	snapshot = read_port(collector, state, PORT + 2);
	check(snapshot->netns[0].sockets.count == 0 && !snapshot->netns[0].bucket[0].exists,
	      collector->name, "an empty port");
	snapshot_free(snapshot);
	collector->close(state);
}

int main(void)
{
	struct rlimit files;
	unsigned crowd, connected;
	int listener;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (state_enter_netns() < 0) {
		printf("cannot make a network namespace\n");
		return 77;
	}
	listener = bound(SOCK_STREAM, "127.0.0.1", PORT + 1);
	if (listener < 0 || listen(listener, 64) < 0 || bound(SOCK_DGRAM, "0.0.0.0", PORT) < 0) {
		printf("no listener: %s\n", strerror(errno));
		return 1;
	}
	connected = make_connections(listener, PORT + 1);
	crowd = make_crowd();
	if (crowd < CROWD || connected < CONNECTED) {
		printf("only %u bound and %u connected sockets can be made here\n", crowd,
		       connected);
		return 77;
	}
	check_collector(&collector_bpf, crowd, connected);
	check_collector(&collector_netlink, crowd, connected);
	printf("%u owners of one port, %u of another\n", crowd, connected + 1);
	return failed;
}
