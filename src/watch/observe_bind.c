#include "observe_bind.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "begin.h"
#include "error.h"
#include "netns.h"
#include "observe_elsewhere.h"
#include "peek.h"
#include "process.h"
#include "route.h"
#include "save.h"

#define ADDRESSES_MAX 16u /* tried as alternatives to a wildcard */

struct surroundings {
	struct ip_address address[ADDRESSES_MAX];
	size_t addresses;
};

static void note_address(struct surroundings *around, const struct sockaddr *from)
{
	struct ip_address address;

	if (!from || around->addresses == ADDRESSES_MAX)
		return;
	if (from->sa_family == AF_INET)
		address =
			ip_address_v4(&((const struct sockaddr_in *)(const void *)from)->sin_addr);
	else if (from->sa_family == AF_INET6)
		address = ip_address_v6(
			&((const struct sockaddr_in6 *)(const void *)from)->sin6_addr);
	else
		return;
	/* A link-local one needs a scope, which makes it another question. */
	if (address.family == IP_V6 && address.bytes[0] == 0xfe &&
	    (address.bytes[1] & 0xc0) == 0x80)
		return;
	around->address[around->addresses++] = address;
}

/* Only those that a socket with the query's device may have: one of an interface that is down, or one that is still
 * tried for duplicates, is listed but cannot be bound, and an IPv6 address belongs to its interface. */
static void keep_bindable(int netns_fd, uint32_t device, struct surroundings *around)
{
	size_t kept = 0;

	for (size_t i = 0; i < around->addresses; i++)
		if (route_is_local(netns_fd, &around->address[i], device) == 1)
			around->address[kept++] = around->address[i];
	around->addresses = kept;
}

/* Addresses and interface, asked inside the namespace. */
static int look_around(int netns_fd, const char *device, struct bind_query *query,
		       struct surroundings *around, struct eph_error *reterr)
{
	struct ifaddrs *list = NULL;
	int back, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return error_set(reterr, r, "netns", "cannot be entered: %s", strerror(-r));
	if (device)
		query->device = if_nametoindex(device);
	if (getifaddrs(&list) == 0)
		for (const struct ifaddrs *i = list; i; i = i->ifa_next)
			note_address(around, i->ifa_addr);
	freeifaddrs(list);
	netns_leave(&back);
	if (device && !query->device)
		return error_set(reterr, -ENODEV, "--device", "%.15s: no such interface", device);
	return 0;
}

static bool is_multicast_v4(const struct ip_address *address)
{
	return address->family == IP_V4 && (address->bytes[0] & 0xf0) == 0xe0;
}

/* Whether a socket may have this address; the kernel is asked, without taking a port. */
static int judge_address(int netns_fd, struct bind_query *query, struct eph_error *reterr)
{
	int r = 1;

	if (!ip_address_is_any(&query->address) && !is_multicast_v4(&query->address))
		r = route_is_local(netns_fd, &query->address, query->device);
	if (r < 0)
		return error_set(reterr, r, "bind", "cannot ask for the address: %s", strerror(-r));
	query->address_is_local = r == 1;
	return 0;
}

/* Of somebody else only the uid is known. */
static void judge_privilege(int netns_fd, struct bind_query *query)
{
	int r = query->uid == geteuid() ? route_has_privilege(netns_fd, query->port) : -ENODATA;

	if (r >= 0)
		query->privileged = r == 1;
}

/* @ret stays open unless this fails: it is asked for the holders later. */
static int read_port(const struct observe_options *options, bool exact, uint16_t port,
		     struct snapshot *snapshot, struct choice *ret, struct eph_error *reterr)
{
	const struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}, .local_port = port};
	int r = choice_open(options->collector, exact, snapshot, ret, reterr);

	if (r < 0)
		return r;
	do
		r = ret->collector->sockets(ret->state, &request, snapshot, reterr);
	while (r < 0 && choice_fall_back(options->collector, r, ret, snapshot));
	if (r < 0)
		choice_close(ret);
	return r;
}

static int judge(const struct snapshot *snapshot, const struct bind_query *query,
		 struct bind_result *ret, struct eph_error *reterr)
{
	return bind_verdict(&snapshot->netns[0], &snapshot->laws, query, ret, reterr);
}

/*
 * Loading BPF takes longer than everything else. A port that is free, or forbidden, is mostly seen to be so without; who
 * is in the way, and what would help, takes the options of the others.
 */
static int read_and_judge(const struct observe_options *options, const struct bind_query *query,
			  struct snapshot *snapshot, struct bind_result *ret,
			  struct choice *ret_choice, struct eph_error *reterr)
{
	uint32_t gaps = snapshot->netns[0].gaps;
	int r = read_port(options, options->save != NULL, query->port, snapshot, ret_choice,
			  reterr);

	if (r == 0)
		r = judge(snapshot, query, ret, reterr);
	if (r < 0 || options->collector || strcmp(snapshot->collector, "netlink") != 0 ||
	    snapshot->bpf_absent_because[0] || (ret->exact && ret->verdict != BIND_IN_USE))
		return r;
	choice_close(ret_choice);
	snapshot->netns[0].gaps = gaps;
	r = read_port(options, true, query->port, snapshot, ret_choice, reterr);
	return r < 0 ? r : judge(snapshot, query, ret, reterr);
}

/* Where options that could not be seen leave it open, or might help: ask the sockets themselves. */
static int probe_and_judge(const struct bind_query *query, struct snapshot *snapshot,
			   struct bind_result *ret, struct eph_error *reterr)
{
	if (ret->verdict == BIND_FORBIDDEN || (ret->exact && ret->verdict == BIND_FREE) ||
	    !peek_options(snapshot, query->protocol))
		return 0;
	return judge(snapshot, query, ret, reterr);
}

/* Processes that hold what is in the way: the collector tells, or /proc does. */
static int name_holders(const struct choice *choice, struct snapshot *snapshot,
			struct observed_bind *ret, struct eph_error *reterr)
{
	const struct bind_result *result = &ret->result;
	uint32_t inode[BIND_BLOCKERS_MAX];
	size_t count = 0;
	int r = -EOPNOTSUPP;

	for (unsigned i = 0; i < result->n_blockers; i++) {
		inode[count] = snapshot->netns[0].sockets.record[result->blocker[i].socket].inode;
		count += inode[count] != 0;
	}
	if (!count)
		return 0;
	if (choice->collector && choice->collector->holders)
		r = choice->collector->holders(choice->state, inode, count, snapshot);
	ret->holders_whole = r == 0;
	if (r < 0)
		r = process_find(&snapshot->processes, inode, count, &ret->holders_whole, reterr);
	snapshot->has_processes = r >= 0;
	return r < 0 ? r : 0;
}

static int observe_live(const struct observe_options *options, const char *device,
			struct bind_query *query, struct snapshot *snapshot,
			struct surroundings *around, struct observed_bind *ret,
			struct eph_error *reterr)
{
	struct choice choice = {.collector = NULL};
	int fd = snapshot->netns[0].fd, r = look_around(fd, device, query, around, reterr);

	if (r == 0)
		r = judge_address(fd, query, reterr);
	judge_privilege(fd, query);
	if (r == 0)
		r = read_and_judge(options, query, snapshot, &ret->result, &choice, reterr);
	if (r == 0 && options->probe)
		r = probe_and_judge(query, snapshot, &ret->result, reterr);
	if (r == 0 && !options->save)
		r = name_holders(&choice, snapshot, ret, reterr);
	choice_close(&choice);
	if (r == 0)
		observe_elsewhere(snapshot, query->protocol, query->port, &ret->elsewhere);
	return r;
}

int observe_bind(const struct observe_options *options, const char *device,
		 struct bind_query *query, struct snapshot **ret_snapshot,
		 struct observed_bind *ret, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct surroundings around = {.addresses = 0};
	uint64_t start = begin_now_us();
	int r = begin_snapshot(options, &snapshot, reterr);

	if (r < 0)
		return r;
	query->address_is_local = true;
	*ret = (struct observed_bind){.holders_whole = true};
	r = snapshot->replayed
		    ? judge(snapshot, query, &ret->result, reterr)
		    : observe_live(options, device, query, snapshot, &around, ret, reterr);
	if (r < 0)
		return r;
	if (ret->result.verdict == BIND_IN_USE && !snapshot->replayed)
		keep_bindable(snapshot->netns[0].fd, query->device, &around);
	if (ret->result.verdict == BIND_IN_USE)
		ret->n_advice = bind_advise(&snapshot->netns[0], &snapshot->laws, query,
					    around.address, around.addresses, ret->advice);
	if (options->save)
		r = begin_processes(snapshot, reterr);
	if (r == 0 && options->save)
		r = save_snapshot(snapshot, options->save, reterr);
	if (r < 0)
		return r;
	if (!snapshot->replayed)
		snapshot->elapsed_us = begin_now_us() - start;
	*ret_snapshot = TAKE_PTR(snapshot);
	return 0;
}
