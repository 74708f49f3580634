#include "choice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "netns.h"
#include "procfs.h"

/* Up to so many sockets netlink answers sooner than BPF, with which programs are loaded: both take 18 ms then. */
#define SMALL_HOST 16000u

static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What a dump has to walk through. All namespaces share the kernel's table of connections, so those of others cost as
 * much as our own; the kernel tells how many there are of all but TIME_WAIT. */
static uint64_t count_sockets(const struct snapshot *snapshot)
{
	uint64_t count = 0, allocated = 0;

	for (size_t i = 0; i < snapshot->n_netns; i++) {
		struct procfs_sockstat stat;
		int back;

		if (netns_enter(snapshot->netns[i].fd, &back) < 0)
			continue;
		if (procfs_read_sockstat(&stat) == 0) {
			count += stat.tcp_time_wait + stat.udp_inuse;
			allocated = stat.tcp_alloc;
		}
		netns_leave(&back);
	}
	return count + allocated;
}

static int open_one(const struct collector *collector, struct snapshot *snapshot,
		    struct choice *ret, struct eph_error *reterr)
{
	uint64_t start = now_us();
	int r = collector->open(&ret->state, reterr);

	if (r < 0)
		return r;
	ret->collector = collector;
	if (collector == &collector_bpf)
		snapshot->load_us += now_us() - start;
	return 0;
}

/* BPF, or the reason why not in the snapshot. */
static bool try_bpf(struct snapshot *snapshot, struct choice *ret)
{
	struct eph_error error = {.message = ""};
	int r = open_one(&collector_bpf, snapshot, ret, &error);

	if (r < 0)
		snprintf(snapshot->bpf_absent_because, sizeof(snapshot->bpf_absent_because),
			 "%.127s", error.message[0] ? error.message : strerror(-r));
	return r == 0;
}

static int open_forced(const char *name, struct snapshot *snapshot, struct choice *ret,
		       struct eph_error *reterr)
{
	if (strcmp(name, collector_netlink.name) == 0)
		return open_one(&collector_netlink, snapshot, ret, reterr);
	if (strcmp(name, collector_bpf.name) == 0)
		return open_one(&collector_bpf, snapshot, ret, reterr);
	if (strcmp(name, collector_procfs.name) == 0)
		return open_one(&collector_procfs, snapshot, ret, reterr);
	return error_set(reterr, -EINVAL, "collector",
			 "%s: no such collector, expected %s, %s or %s", name, collector_bpf.name,
			 collector_netlink.name, collector_procfs.name);
}

/* Does netlink's @error say that sock_diag is forbidden or missing here? */
static bool has_no_diag(int error)
{
	return error == -EPERM || error == -EACCES || error == -EPROTONOSUPPORT ||
	       error == -ENOENT || error == -EAFNOSUPPORT;
}

/* BPF, unless it was tried already, else procfs. Return: 0, or @failure of netlink. */
static int open_after_netlink(int failure, struct snapshot *snapshot, struct choice *ret)
{
	if (!has_no_diag(failure))
		return failure;
	if (snapshot->bpf_absent_because[0] == '\0' && try_bpf(snapshot, ret))
		return 0;
	return open_one(&collector_procfs, snapshot, ret, NULL) == 0 ? 0 : failure;
}

static int open_without_bpf(struct snapshot *snapshot, struct choice *ret, struct eph_error *reterr)
{
	int r = open_one(&collector_netlink, snapshot, ret, reterr);

	return r < 0 ? open_after_netlink(r, snapshot, ret) : 0;
}

static void name_choice(const struct choice *choice, struct snapshot *snapshot)
{
	snprintf(snapshot->collector, sizeof(snapshot->collector), "%s", choice->collector->name);
}

int choice_open(const char *forced, bool exact, struct snapshot *snapshot, struct choice *ret,
		struct eph_error *reterr)
{
	int r = 0;

	*ret = (struct choice){0};
	if (forced)
		r = open_forced(forced, snapshot, ret, reterr);
	else if ((!exact && count_sockets(snapshot) <= SMALL_HOST) || !try_bpf(snapshot, ret))
		r = open_without_bpf(snapshot, ret, reterr);
	if (r == 0)
		name_choice(ret, snapshot);
	return r;
}

void choice_close(struct choice *choice)
{
	if (choice->collector)
		choice->collector->close(choice->state);
	*choice = (struct choice){0};
}

/* What is left of a reading that failed half-way must not mix with the next one. */
static void forget(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		struct netns_snapshot *netns = &snapshot->netns[i];

		netns->binds = (struct bind_table){0};
		socket_table_done(&netns->sockets);
		group_table_done(&netns->groups);
		netns->sockets_read = netns->time_wait = 0;
		netns->sockets_complete = false;
		netns->gaps &= GAP_SETTINGS | GAP_KERNEL;
	}
}

bool choice_fall_back(const char *forced, int failure, struct choice *choice,
		      struct snapshot *snapshot)
{
	const struct collector *failed = choice->collector;
	int r;

	choice_close(choice);
	if (forced || failed == &collector_procfs)
		return false;
	forget(snapshot);
	if (failed == &collector_bpf) {
		snprintf(snapshot->bpf_absent_because, sizeof(snapshot->bpf_absent_because),
			 "BPF failed while reading: %.90s", strerror(-failure));
		r = open_without_bpf(snapshot, choice, NULL);
	} else {
		r = open_after_netlink(failure, snapshot, choice);
	}
	if (r == 0)
		name_choice(choice, snapshot);
	return r == 0;
}

/* Bits of a bind table that netlink may have set and BPF knows better. */
#define BIND_GAPS (GAP_BUCKET_STATE | GAP_BOUND_HIDDEN | GAP_V6ONLY)

bool choice_settle_binds(struct snapshot *snapshot)
{
	struct choice bpf = {0};
	bool settled;

	if (!try_bpf(snapshot, &bpf))
		return false;
	for (size_t i = 0; i < snapshot->n_netns; i++)
		snapshot->netns[i].gaps &= ~(uint32_t)BIND_GAPS;
	settled = bpf.collector->binds(bpf.state, snapshot, NULL) == 0;
	choice_close(&bpf);
	if (settled)
		snprintf(snapshot->collector, sizeof(snapshot->collector), "netlink+bpf");
	return settled;
}
