/*
 * Exercises: collect/probe.c, in namespaces of its own.
 *
 *	test_probe [--cases N] [--seed S]
 *
 * Over random states: ports in doubt are settled as BPF sees their buckets, and afterwards BPF sees the same sockets and
 * the same buckets as before. Then by hand: a socket that the collector was not told of, ports that cannot be asked for,
 * and what is refused. Exit: 0, 1 failed, 77 no network namespace can be made here (without BPF only the rest is shown).
 */
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector.h"
#include "error.h"
#include "netns.h"
#include "probe.h"
#include "procfs.h"
#include "state.h"

#define REST_US       60000 /* a delayed acknowledgement takes 40 ms */
#define REST_ATTEMPTS 20u
#define EXIT_NO_DOUBT 2 /* a random state in which netlink knew every port */

static void *bpf_state; /* NULL: no BPF here */

#define CHECK(condition)                                                                           \
	do                                                                                         \
		if (!(condition)) {                                                                \
			printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                     \
			return 1;                                                                  \
		}                                                                                  \
	while (0)

static struct snapshot *look(const struct collector *collector, void *state, bool sockets)
{
	const struct collect_request all = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}, .threads = 1};
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};
	int r = snapshot ? netns_open_current(snapshot, &error) : -ENOMEM;

	if (r == 0)
		r = procfs_read_settings(snapshot, &error);
	if (r == 0)
		r = collector->binds(state, snapshot, &error);
	if (r == 0 && sockets)
		r = collector->sockets(state, &all, snapshot, &error);
	if (r == 0)
		return snapshot;
	printf("%s cannot read: %s (%s)\n", collector->name, error.message, strerror(-r));
	return snapshot_free(snapshot);
}

static struct snapshot *look_netlink(void)
{
	struct snapshot *snapshot;
	void *state;

	if (collector_netlink.open(&state, NULL) < 0)
		return NULL;
	snapshot = look(&collector_netlink, state, false);
	collector_netlink.close(state);
	return snapshot;
}

/* --- random states ----------------------------------------------------------------------------------------------- */

/* By what they hold. Not by cookie: the kernel gives one only to sockets that netlink was asked about. */
static int by_tuple(const void *a, const void *b)
{
	const struct socket_record *x = a, *y = b;

	if (x->protocol != y->protocol)
		return x->protocol - y->protocol;
	if (x->state != y->state)
		return x->state - y->state;
	if (x->local_port != y->local_port)
		return x->local_port - y->local_port;
	if (x->remote_port != y->remote_port)
		return x->remote_port - y->remote_port;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->flags != y->flags)
		return x->flags - y->flags;
	if (!ip_address_equal(&x->local, &y->local))
		return memcmp(&x->local, &y->local, sizeof(x->local));
	return ip_address_equal(&x->remote, &y->remote)
		       ? 0
		       : memcmp(&x->remote, &y->remote, sizeof(x->remote));
}

static bool same_sockets(struct socket_table *a, struct socket_table *b, bool tell)
{
	if (a->count != b->count) {
		if (tell)
			printf("%zu sockets became %zu\n", a->count, b->count);
		return false;
	}
	qsort(a->record, a->count, sizeof(*a->record), by_tuple);
	qsort(b->record, b->count, sizeof(*b->record), by_tuple);
	for (size_t i = 0; i < a->count; i++)
		if (by_tuple(&a->record[i], &b->record[i]) != 0) {
			const struct socket_record *x = &a->record[i], *y = &b->record[i];

			if (tell)
				printf("was %s %u flags %#x inode %u, is %s %u flags %#x inode "
				       "%u\n",
				       socket_state_name(x->state), x->local_port, x->flags,
				       x->inode, socket_state_name(y->state), y->local_port,
				       y->flags, y->inode);
			return false;
		}
	return true;
}

/* Once connections that were closed a moment ago have come to rest. */
static struct snapshot *look_at_rest(void)
{
	struct snapshot *before = NULL, *now = look(&collector_bpf, bpf_state, true);

	for (unsigned attempt = 0; now && attempt < REST_ATTEMPTS; attempt++) {
		snapshot_free(before);
		before = now;
		usleep(REST_US);
		now = look(&collector_bpf, bpf_state, true);
		if (now && same_sockets(&before->netns[0].sockets, &now->netns[0].sockets, false))
			break;
	}
	snapshot_free(before);
	return now;
}

static bool same_set(const struct port_set *a, const struct port_set *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static int compare(struct snapshot *before, struct snapshot *after, const struct snapshot *probed)
{
	struct netns_snapshot *old = &before->netns[0], *new = &after->netns[0];
	const struct netns_snapshot *netns = &probed->netns[0];
	struct port_range range = netns->settings.range;

	CHECK(same_sockets(&old->sockets, &new->sockets, true));
	CHECK(same_set(&old->binds.closed, &new->binds.closed));
	CHECK(same_set(&old->binds.listening, &new->binds.listening));
	CHECK(same_set(&old->binds.bound, &new->binds.bound));
	CHECK(!(netns->gaps & (GAP_BUCKET_STATE | GAP_BOUND_HIDDEN)));
	for (uint32_t p = range.lo; p <= range.hi; p++) {
		uint16_t port = (uint16_t)p;

		if (port_set_has(&netns->settings.reserved, port))
			continue;
		CHECK(!port_set_has(&netns->binds.maybe, port));
		CHECK(port_set_has(&netns->binds.closed, port) ==
		      port_set_has(&old->binds.closed, port));
	}
	return 0;
}

static int random_case(uint64_t seed)
{
	struct snapshot *before, *probed, *after;
	struct state state;
	int r = state_enter_netns();

	if (r < 0)
		return 77;
	state_init(&state, seed);
	state_build(&state);
	before = look_at_rest();
	probed = look_netlink();
	if (!before || !probed)
		return 1;
	if (!(probed->netns[0].gaps & (GAP_BUCKET_STATE | GAP_BOUND_HIDDEN)))
		return EXIT_NO_DOUBT;
	r = probe_binds(probed, NULL);
	after = look(&collector_bpf, bpf_state, true);
	if (!after)
		return 1;
	if (strcmp(probed->collector, "+probe") != 0 && r == 0) /* all in doubt is out of reach */
		return EXIT_NO_DOUBT;
	CHECK(r == 0);
	r = compare(before, after, probed);
	if (r)
		printf("%s\n", state.log.text);
	return r;
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

static int enter_with_range(const char *range)
{
	int r = state_enter_netns();

	return r < 0 ? r : state_write_file("/proc/sys/net/ipv4/ip_local_port_range", range);
}

static int bind_at(uint16_t port)
{
	struct state_endpoint at = state_endpoint(AF_INET, "0.0.0.0", port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && bind(fd, (struct sockaddr *)&at.address, at.length) == 0 ? fd : -1;
}

static int set_loopback(bool up)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = up ? IFF_UP : 0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return ioctl(fd, SIOCSIFFLAGS, &request);
}

/* A kernel that does not report bound sockets, as seen by a collector that knows it. */
static void hide(struct netns_snapshot *netns)
{
	netns->binds = (struct bind_table){.hidden = 1};
	netns->gaps |= GAP_BOUND_HIDDEN;
}

/* The lowest free descriptor: grows when one is not closed. */
static int next_descriptor(void)
{
	int fd = dup(STDOUT_FILENO);

	close(fd);
	return fd;
}

static int finds_hidden_socket(uint64_t unused)
{
	struct snapshot *snapshot;
	struct netns_snapshot *netns;
	int descriptor;

	(void)unused;
	if (enter_with_range("40000 40009") < 0)
		return 77;
	CHECK(state_write_file("/proc/sys/net/ipv4/ip_local_reserved_ports", "40005") == 0);
	CHECK(bind_at(40003) >= 0 && bind_at(39999) >= 0);
	snapshot = look_netlink();
	CHECK(snapshot);
	netns = &snapshot->netns[0];
	hide(netns);
	snprintf(snapshot->collector, sizeof(snapshot->collector), "netlink");
	descriptor = next_descriptor();
	CHECK(probe_binds(snapshot, NULL) == 0);
	CHECK(next_descriptor() == descriptor);
	CHECK(strcmp(snapshot->collector, "netlink+probe") == 0);
	CHECK(port_set_count(&netns->binds.closed) == 1);
	CHECK(port_set_has(&netns->binds.closed, 40003));
	CHECK(netns->binds.hidden == 0 && !(netns->gaps & GAP_BOUND_HIDDEN));
	return 0;
}

static int keeps_what_it_cannot_ask(uint64_t unused)
{
	struct snapshot *snapshot;
	struct netns_snapshot *netns;

	(void)unused;
	if (enter_with_range("40000 40009") < 0)
		return 77;
	snapshot = look_netlink();
	CHECK(snapshot);
	netns = &snapshot->netns[0];
	port_set_add(&netns->binds.maybe, 39999);
	netns->gaps |= GAP_BUCKET_STATE;
	CHECK(probe_binds(snapshot, NULL) == 0); /* no port of the range is in doubt */
	CHECK(snapshot->collector[0] == '\0' && (netns->gaps & GAP_BUCKET_STATE));
	port_set_add(&netns->binds.maybe, 40001);
	/* The range moves away after it was read: the kernel ignores the option, and another port is no answer. */
	CHECK(state_write_file("/proc/sys/net/ipv4/ip_local_port_range", "50000 50009") == 0);
	CHECK(probe_binds(snapshot, NULL) == -ERANGE);
	CHECK(port_set_has(&netns->binds.maybe, 40001) && (netns->gaps & GAP_BUCKET_STATE));
	/* It comes back in part: one port is settled, the other stays in doubt, and so does the namespace. */
	port_set_add(&netns->binds.maybe, 40008);
	CHECK(state_write_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40004") == 0);
	CHECK(probe_binds(snapshot, NULL) == 0);
	CHECK(!port_set_has(&netns->binds.maybe, 40001) &&
	      port_set_has(&netns->binds.maybe, 40008));
	CHECK(port_set_next(&netns->binds.closed, 0) < 0 && (netns->gaps & GAP_BUCKET_STATE));
	return 0;
}

static int says_why_not(uint64_t unused)
{
	struct eph_error error = {0};
	struct snapshot *snapshot;

	(void)unused;
	if (enter_with_range("40000 40009") < 0)
		return 77;
	snapshot = look_netlink();
	CHECK(snapshot);
	hide(&snapshot->netns[0]);
	CHECK(set_loopback(false) == 0);
	CHECK(probe_binds(snapshot, &error) == -ENETDOWN);
	CHECK(strcmp(error.message, "loopback is down") == 0);
	CHECK(set_loopback(true) == 0);
	snapshot->laws.window = LAW_NO;
	CHECK(probe_binds(snapshot, &error) == -EOPNOTSUPP);
	CHECK(strcmp(error.message, "this kernel has no IP_LOCAL_PORT_RANGE") == 0);
	CHECK(snapshot->netns[0].binds.hidden == 1);
	return 0;
}

/* --- the whole run ------------------------------------------------------------------------------------------------ */

static int in_child(int (*test)(uint64_t), uint64_t seed)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int code = test(seed);

		fflush(stdout);
		_exit(code);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status)
									       : 1;
}

static int run_random(uint64_t cases, uint64_t seed)
{
	struct eph_error error = {0};
	struct snapshot *warm;
	unsigned settled = 0;

	if (collector_bpf.open(&bpf_state, &error) < 0) {
		printf("without BPF, no random states: %s\n", error.message);
		return 0;
	}
	warm = look(&collector_bpf, bpf_state, true); /* loads the programs, once for every child */
	if (!warm) {
		collector_bpf.close(bpf_state);
		return 0;
	}
	snapshot_free(warm);
	for (uint64_t i = 0; i < cases; i++) {
		int r = in_child(random_case, seed + i);

		if (r != 0 && r != EXIT_NO_DOUBT) {
			printf("FAILED: --cases 1 --seed %llu\n", (unsigned long long)seed + i);
			return r;
		}
		settled += r == 0;
	}
	collector_bpf.close(bpf_state);
	printf("%llu random states, %u with doubts that the probe settled\n",
	       (unsigned long long)cases, settled);
	return cases >= 20 && settled < cases / 2;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"cases", required_argument, NULL, 'n'},
					      {"seed", required_argument, NULL, 's'},
					      {0}};
	uint64_t cases = 40, seed = 1;
	int c, r;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (c == '?')
			return 3;
		*(c == 'n' ? &cases : &seed) = strtoull(optarg, NULL, 10);
	}
	printf("seed %llu, %llu cases\n", (unsigned long long)seed, (unsigned long long)cases);
	r = in_child(finds_hidden_socket, 0);
	if (r == 0)
		r = in_child(keeps_what_it_cannot_ask, 0);
	if (r == 0)
		r = in_child(says_why_not, 0);
	return r ? r : run_random(cases, seed);
}
