/*
 * The collectors over random states: BPF and netlink have the same sockets by cookie, each once and with the same facts;
 * nothing that the test holds is missed; and the bounds of netlink on bind buckets contain what BPF reads. So do those of
 * procfs, whose sockets are netlink's without those that are only bound.
 *
 *	test_collectors_agree [--cases N] [--seed N]
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector.h"
#include "error.h"
#include "netns.h"
#include "procfs.h"
#include "state.h"

#define SKIP   77
#define NO_BPF 78
#define TRIES  30

static void fail(const char *what, uint64_t seed)
{
	fprintf(stderr, "not ok: %s: replay with --cases 1 --seed %llu\n", what,
		(unsigned long long)seed);
	exit(1);
}

static struct snapshot *fresh(uint64_t seed)
{
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};

	if (!snapshot || netns_open_current(snapshot, &error) < 0 ||
	    procfs_read_settings(snapshot, &error) < 0)
		fail(error.message, seed);
	return snapshot;
}

static bool subset(const struct port_set *inner, const struct port_set *outer)
{
	struct port_set left = *inner;

	port_set_remove_set(&left, outer);
	if (port_set_count(&left) == 0)
		return true;
	fprintf(stderr, "port %d\n", port_set_next(&left, 0));
	return false;
}

/* closed is certain, closed and maybe together miss nothing; what both can see is the same. */
static void compare_binds(const struct bind_table *netlink, const struct bind_table *bpf,
			  uint64_t seed)
{
	struct port_set possible = netlink->closed, udp = netlink->udp_v4;

	port_set_add_set(&possible, &netlink->maybe);
	if (!subset(&netlink->closed, &bpf->closed))
		fail("netlink calls an open bucket closed", seed);
	if (!subset(&bpf->closed, &possible))
		fail("netlink misses a closed bucket", seed);
	if (!subset(&netlink->listening, &bpf->listening) ||
	    !subset(&bpf->listening, &netlink->listening))
		fail("listening ports differ", seed);
	if (!subset(&netlink->bound, &bpf->bound) || !subset(&bpf->bound, &netlink->bound))
		fail("bound ports differ", seed);
	if (!subset(&netlink->udp_v6, &bpf->udp_v6) || !subset(&bpf->udp_v6, &netlink->udp_v6))
		fail("UDP ports differ", seed);
	port_set_add_set(&udp, &netlink->udp_v4_maybe);
	if (!subset(&netlink->udp_v4, &bpf->udp_v4) || !subset(&bpf->udp_v4, &udp))
		fail("UDP ports that meet 0.0.0.0 are out of bounds", seed);
}

static int by_cookie(const void *a, const void *b)
{
	const struct socket_record *x = a, *y = b;

	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

static bool same_socket(const struct socket_record *a, const struct socket_record *b)
{
	uint16_t common = a->known & b->known;

	if (a->protocol != b->protocol || a->local_port != b->local_port ||
	    a->remote_port != b->remote_port)
		return false;
	if (!ip_address_equal(&a->local, &b->local) || !ip_address_equal(&a->remote, &b->remote))
		return false;
	return a->state == b->state && (a->flags & common) == (b->flags & common) &&
	       a->device == b->device && a->inode == b->inode;
}

static void describe(const char *who, const struct socket_record *r)
{
	char local[IP_ADDRESS_TEXT_BYTES], remote[IP_ADDRESS_TEXT_BYTES];

	fprintf(stderr, "%s: %s %s:%u %s:%u cookie %llu flags %x known %x device %u inode %u\n",
		who, socket_state_name(r->state), ip_address_format(&r->local, local),
		r->local_port, ip_address_format(&r->remote, remote), r->remote_port,
		(unsigned long long)r->cookie, r->flags, r->known, r->device, r->inode);
}

/* The same sockets, by cookie, each once. Request sockets live for microseconds and have no owner; they are left out. */
static void compare_sockets(struct socket_table *a, struct socket_table *b, uint64_t seed)
{
	if (a->count)
		qsort(a->record, a->count, sizeof(*a->record), by_cookie);
	if (b->count)
		qsort(b->record, b->count, sizeof(*b->record), by_cookie);
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		if (a->record[i].cookie == b->record[i].cookie &&
		    same_socket(&a->record[i], &b->record[i]))
			continue;
		describe("netlink", &a->record[i]);
		describe("bpf", &b->record[i]);
		fail("the collectors differ", seed);
	}
	if (a->count != b->count)
		fail("one collector sees more sockets", seed);
	for (size_t i = 1; i < a->count; i++)
		if (a->record[i].cookie == a->record[i - 1].cookie)
			fail("a socket is seen twice", seed);
}

/* A connection that was refused or reset still names its port to getsockname(2), though it no longer has it. */
static bool is_over(int fd)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
	       info.tcpi_state == TCP_CLOSE;
}

/* Every file the test holds that is a TCP or UDP socket with a port is seen, by its own cookie. */
static void compare_truth(const struct state *state, const struct socket_table *seen, uint64_t seed)
{
	for (unsigned i = 0; i < state->items; i++) {
		struct sockaddr_storage name;
		struct socket_record key = {0};
		socklen_t length = sizeof(name), size = sizeof(key.cookie);
		int fd = state->item[i].fd;

		if (fd < 0 || getsockname(fd, (struct sockaddr *)&name, &length) < 0 ||
		    ((struct sockaddr_in *)&name)->sin_port == 0 || is_over(fd))
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &key.cookie, &size) < 0)
			fail("SO_COOKIE", seed);
		if (!bsearch(&key, seen->record, seen->count, sizeof(key), by_cookie))
			fail("a socket that the test holds is not seen", seed);
	}
}

/* --- procfs ----------------------------------------------------------------------------------------------------- */

/* What both can see of a socket, in one order; addresses last, because they are compared as bytes. */
static int by_ends(const void *a, const void *b)
{
	const struct socket_record *x = a, *y = b;
	const uint64_t left[] = {x->protocol, x->flags & (SOCKET_AF_INET6 | SOCKET_MINI),
				 x->state,    x->local_port,
				 x->uid,      x->remote_port,
				 x->inode};
	const uint64_t right[] = {y->protocol, y->flags & (SOCKET_AF_INET6 | SOCKET_MINI),
				  y->state,    y->local_port,
				  y->uid,      y->remote_port,
				  y->inode};
	int r;

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	r = memcmp(&x->local, &y->local, sizeof(x->local));
	return r ? r : memcmp(&x->remote, &y->remote, sizeof(x->remote));
}

/* The next record from @at on that /proc/net shows. */
static size_t next_shown(const struct socket_table *table, size_t at)
{
	while (at < table->count && table->record[at].state == STATE_BOUND)
		at++;
	return at;
}

static bool same_end(const struct socket_record *procfs, const struct socket_record *netlink)
{
	uint32_t earlier =
		procfs->expires_ms < netlink->expires_ms ? procfs->expires_ms : netlink->expires_ms;
	uint32_t later = procfs->expires_ms + netlink->expires_ms - earlier;

	return later - earlier < 2000;
}

/* Sorts both. */
static void compare_ends(struct socket_table *procfs, struct socket_table *netlink, uint64_t seed)
{
	size_t at = 0;

	if (procfs->count)
		qsort(procfs->record, procfs->count, sizeof(*procfs->record), by_ends);
	if (netlink->count)
		qsort(netlink->record, netlink->count, sizeof(*netlink->record), by_ends);
	for (size_t i = 0; i < procfs->count; i++, at++) {
		at = next_shown(netlink, at);
		if (at < netlink->count && by_ends(&procfs->record[i], &netlink->record[at]) == 0 &&
		    same_end(&procfs->record[i], &netlink->record[at]))
			continue;
		describe("procfs", &procfs->record[i]);
		if (at < netlink->count)
			describe("netlink", &netlink->record[at]);
		fail("procfs and netlink differ", seed);
	}
	if (next_shown(netlink, at) < netlink->count)
		fail("procfs misses a socket", seed);
}

/* Where bound sockets do not show (procfs; netlink before 6.8): the closed buckets unknown belong to them, and there are at
 * most as many as were counted. */
static void compare_partial_binds(const struct bind_table *seen, const struct bind_table *bpf,
				  uint64_t seed)
{
	struct port_set shown = seen->closed, unseen = bpf->closed, udp = seen->udp_v4;

	port_set_add_set(&shown, &seen->maybe);
	port_set_remove_set(&unseen, &shown);
	if (!subset(&seen->closed, &bpf->closed))
		fail("calls an open bucket closed", seed);
	if (!subset(&unseen, &bpf->bound))
		fail("misses a closed bucket", seed);
	if (port_set_count(&unseen) > seen->hidden)
		fail("admits too few bound sockets", seed);
	if (!subset(&seen->listening, &bpf->listening) ||
	    !subset(&bpf->listening, &seen->listening))
		fail("listening ports differ", seed);
	if (!subset(&seen->udp_v6, &bpf->udp_v6) || !subset(&bpf->udp_v6, &seen->udp_v6))
		fail("UDP ports differ", seed);
	port_set_add_set(&udp, &seen->udp_v4_maybe);
	if (!subset(&seen->udp_v4, &bpf->udp_v4) || !subset(&bpf->udp_v4, &udp))
		fail("UDP ports that meet 0.0.0.0 are out of bounds", seed);
}

static void drop_bound(struct socket_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++)
		if (table->record[i].state != STATE_BOUND)
			table->record[kept++] = table->record[i];
	table->count = kept;
}

/* --- one case --------------------------------------------------------------------------------------------------- */

static void read_with(const struct collector *collector, void *state, struct snapshot *snapshot,
		      uint64_t seed)
{
	static const struct collect_request all = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};
	struct eph_error error = {0};

	if (collector->binds(state, snapshot, &error) < 0 ||
	    collector->sockets(state, &all, snapshot, &error) < 0)
		fail(error.message, seed);
}

static struct snapshot *read_once(const struct collector *collector, uint64_t seed)
{
	struct snapshot *snapshot = fresh(seed);
	struct eph_error error = {0};
	void *state;

	if (collector->open(&state, &error) < 0)
		fail(error.message, seed);
	read_with(collector, state, snapshot, seed);
	collector->close(state);
	return snapshot;
}

/* Did the kernel's sockets keep still between two readings of the same collector? Sorts both. */
static bool kept_still(struct socket_table *before, struct socket_table *after)
{
	if (before->count != after->count)
		return false;
	if (before->count) {
		qsort(before->record, before->count, sizeof(*before->record), by_ends);
		qsort(after->record, after->count, sizeof(*after->record), by_ends);
	}
	for (size_t i = 0; i < before->count; i++)
		if (by_ends(&before->record[i], &after->record[i]) != 0)
			return false;
	return true;
}

struct readings {
	struct snapshot *netlink, *procfs, *bpf;
};

/* All three of the same moment: BPF reads first and last, and what it sees must not have moved meanwhile, as connections
 * do that still retransmit or wait for an acknowledgement. */
static struct readings read_all(void *bpf, uint64_t seed)
{
	struct readings readings = {0};
	bool still = false;

	for (unsigned try = 0; try < TRIES && !still; try++) {
		struct snapshot *before = fresh(seed);

		if (try) {
			snapshot_free(readings.netlink);
			snapshot_free(readings.procfs);
			snapshot_free(readings.bpf);
			usleep(100000);
		}
		read_with(&collector_bpf, bpf, before, seed);
		readings.netlink = read_once(&collector_netlink, seed);
		readings.procfs = read_once(&collector_procfs, seed);
		readings.bpf = fresh(seed);
		read_with(&collector_bpf, bpf, readings.bpf, seed);
		still = kept_still(&before->netns[0].sockets, &readings.bpf->netns[0].sockets);
		snapshot_free(before);
	}
	if (!still)
		fail("the sockets never kept still", seed);
	return readings;
}

static int one_case(uint64_t seed)
{
	struct readings readings;
	struct eph_error error = {0};
	struct state state;
	void *bpf;

	if (state_enter_netns() < 0)
		return SKIP;
	state_init(&state, seed);
	state_build(&state);
	if (collector_bpf.open(&bpf, &error) < 0) {
		fprintf(stderr, "bpf: %s\n", error.message);
		return NO_BPF;
	}
	readings = read_all(bpf, seed);
	collector_bpf.close(bpf);
	if (readings.netlink->laws.bound_visible == LAW_YES) {
		compare_binds(&readings.netlink->netns[0].binds, &readings.bpf->netns[0].binds,
			      seed);
	} else {
		compare_partial_binds(&readings.netlink->netns[0].binds,
				      &readings.bpf->netns[0].binds, seed);
		drop_bound(&readings.bpf->netns[0].sockets);
	}
	compare_sockets(&readings.netlink->netns[0].sockets, &readings.bpf->netns[0].sockets, seed);
	compare_truth(&state, &readings.netlink->netns[0].sockets, seed);
	compare_partial_binds(&readings.procfs->netns[0].binds, &readings.bpf->netns[0].binds,
			      seed);
	compare_ends(&readings.procfs->netns[0].sockets, &readings.netlink->netns[0].sockets, seed);
	snapshot_free(readings.procfs);
	snapshot_free(readings.netlink);
	snapshot_free(readings.bpf);
	state_done(&state);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long cases = 20;
	uint64_t seed = 1;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--cases") == 0)
			cases = strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
	}
	for (unsigned long i = 0; i < cases; i++) {
		pid_t child = fork();
		int status = 0;

		if (child == 0)
			exit(one_case(seed + i));
		if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status))
			fail("a case crashed", seed + i);
		if (i == 0 && (WEXITSTATUS(status) == SKIP || WEXITSTATUS(status) == NO_BPF)) {
			fprintf(stderr, "skipped: %s\n",
				WEXITSTATUS(status) == SKIP ? "no network namespace can be made"
							    : "BPF cannot be used");
			return SKIP;
		}
		if (WEXITSTATUS(status) != 0)
			return 1;
	}
	printf("%lu states, seeds from %llu: the collectors agree\n", cases,
	       (unsigned long long)seed);
	return 0;
}
