#include "observe.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "begin.h"
#include "choice.h"
#include "error.h"
#include "owners.h"
#include "probe.h"
#include "route.h"
#include "save.h"

#define DOUBTFUL_PERCENT 5u  /* of the range in doubt: worth loading BPF for */
#define CRITICAL_PERCENT 85u /* of a group's capacity: where its verdict turns critical */

static void set_candidates(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_netns; i++)
		capacity_candidates(&snapshot->netns[i], &snapshot->netns[i].counted);
}

/* groups() of a collector, from sockets that are in the snapshot already. */
struct counting {
	const struct grouping *what;
	const struct kernel_laws *laws;
	struct netns_snapshot *netns;
};

static int count_table(void *context)
{
	struct counting *counting = context;
	const struct socket_table *sockets = &counting->netns->sockets;

	for (size_t i = 0; i < sockets->count; i++)
		grouping_read(counting->what, counting->laws, counting->netns, &sockets->record[i]);
	return 0;
}

static int count_tables(const struct grouping *what, struct snapshot *snapshot,
			struct eph_error *reterr)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < snapshot->n_netns; i++) {
		struct counting counting = {what, &snapshot->laws, &snapshot->netns[i]};

		r = grouping_run(counting.netns, count_table, &counting);
	}
	return r < 0 ? error_set(reterr, r, "observe", "out of memory") : 0;
}

static enum usage_kind kind_of(enum group_by by)
{
	static const enum usage_kind kinds[] = {
		[GROUP_BY_DESTINATION] = USAGE_DESTINATION,
		[GROUP_BY_SOURCE] = USAGE_SOURCE,
		[GROUP_BY_OWNER] = USAGE_OWNER,
		[GROUP_INBOUND] = USAGE_INBOUND,
	};

	return kinds[by];
}

static int judge(const struct snapshot *snapshot, enum group_by by, struct usage_result *ret,
		 struct eph_error *reterr)
{
	int r = usage_judge(snapshot, kind_of(by), ret);

	return r < 0 ? error_set(reterr, r, "observe", "out of memory") : 0;
}

/* So many ports in doubt that the answer would say little. */
static bool ports_doubtful(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		const struct netns_snapshot *netns = &snapshot->netns[i];
		uint32_t width = port_range_width(netns->settings.range);
		uint64_t doubtful =
			(uint64_t)port_set_count_in(&netns->binds.maybe, netns->settings.range) +
			netns->binds.hidden;

		if (doubtful * 100 > (uint64_t)width * DOUBTFUL_PERCENT)
			return true;
	}
	return false;
}

/* 0 fine, 1 past the knee, 2 critical: what a command says of a group of which @left is left. */
static unsigned grade(const struct usage_group *row, uint32_t left, uint32_t knee)
{
	uint32_t taken = row->capacity > left ? row->capacity - left : 0;

	if (left == 0 || (uint64_t)taken * 100 > (uint64_t)row->capacity * CRITICAL_PERCENT)
		return 2;
	return taken >= knee;
}

static bool verdicts_doubtful(const struct usage_result *result)
{
	for (size_t i = 0; i < result->groups; i++) {
		const struct usage_group *row = &result->group[i];
		uint32_t knee = result->netns[row->netns].knee;

		if (row->has_left && grade(row, row->left, knee) != grade(row, row->left_max, knee))
			return true;
	}
	return false;
}

/* Groups into @snapshot and rows into @ret, once the bind tables are there. */
static int count_and_judge(const struct observe_options *options,
			   const struct collect_request *request, const struct choice *choice,
			   struct snapshot *snapshot, struct usage_result *ret,
			   struct eph_error *reterr)
{
	int r;

	set_candidates(snapshot);
	if (options->save || snapshot->replayed)
		r = count_tables(&request->what, snapshot, reterr);
	else
		r = choice->collector->groups(choice->state, request, snapshot, reterr);
	return r < 0 ? r : judge(snapshot, request->what.by, ret, reterr);
}

static int usage_of_host(const struct observe_options *options,
			 const struct collect_request *request, const struct choice *choice,
			 struct snapshot *snapshot, struct usage_result *ret,
			 struct eph_error *reterr)
{
	bool may_settle = !options->collector && choice->collector == &collector_netlink &&
			  snapshot->bpf_absent_because[0] == '\0';
	bool settled = false;
	int r = choice->collector->binds(choice->state, snapshot, reterr);

	if (r == 0 && may_settle && ports_doubtful(snapshot))
		settled = choice_settle_binds(snapshot);
	if (r == 0 && options->probe)
		r = probe_binds(snapshot, reterr);
	if (r == 0 && options->save)
		r = begin_everything(choice, snapshot, reterr);
	if (r == 0)
		r = count_and_judge(options, request, choice, snapshot, ret, reterr);
	if (r < 0 || !may_settle || settled || snapshot->bpf_absent_because[0] ||
	    !verdicts_doubtful(ret))
		return r;
	if (!choice_settle_binds(snapshot))
		return 0;
	usage_result_done(ret);
	return count_and_judge(options, request, choice, snapshot, ret, reterr);
}

static int usage_live(const struct observe_options *options, const struct collect_request *request,
		      struct snapshot *snapshot, struct usage_result *ret, struct eph_error *reterr)
{
	struct choice choice;
	int r = choice_open(options->collector, false, snapshot, &choice, reterr);

	if (r < 0)
		return r;
	do
		r = usage_of_host(options, request, &choice, snapshot, ret, reterr);
	while (r < 0 && choice_fall_back(options->collector, r, &choice, snapshot));
	if (r == 0 && options->sockets && !options->save && ret->sockets <= OBSERVE_SOCKETS_MAX)
		r = begin_everything(&choice, snapshot, reterr);
	choice_close(&choice);
	if (r == 0 && options->save)
		r = save_snapshot(snapshot, options->save, reterr);
	return r;
}

/* The owner callback needs the processes before sockets are counted, and their names afterwards. */
static int usage_by_owner(const struct observe_options *options, struct collect_request *request,
			  struct snapshot *snapshot, struct usage_result *ret,
			  struct eph_error *reterr)
{
	struct owners owners = {0};
	int r = owners_init(&owners, &snapshot->processes, options->by_process);

	if (r < 0)
		return error_set(reterr, r, "observe", "out of memory");
	request->what.owner = owners_of;
	request->what.owner_context = &owners;
	r = snapshot->replayed ? count_and_judge(options, request, NULL, snapshot, ret, reterr)
			       : usage_live(options, request, snapshot, ret, reterr);
	if (r == 0)
		owners_name(&owners, ret);
	owners_done(&owners);
	return r;
}

int observe_usage(const struct observe_options *options, struct snapshot **ret_snapshot,
		  struct usage_result *ret, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct collect_request request = {.what = options->what};
	struct usage_result result = {0};
	uint64_t start = begin_now_us();
	bool by_owner = options->what.by == GROUP_BY_OWNER;
	int r = begin_snapshot(options, &snapshot, reterr);

	if (r == 0 && (by_owner || options->processes))
		r = begin_processes(snapshot, reterr);
	if (r == 0 && by_owner)
		r = usage_by_owner(options, &request, snapshot, &result, reterr);
	else if (r == 0 && snapshot->replayed)
		r = count_and_judge(options, &request, NULL, snapshot, &result, reterr);
	else if (r == 0)
		r = usage_live(options, &request, snapshot, &result, reterr);
	if (r < 0) {
		usage_result_done(&result);
		return r;
	}
	if (!snapshot->replayed)
		snapshot->elapsed_us = begin_now_us() - start;
	*ret_snapshot = TAKE_PTR(snapshot);
	*ret = result;
	return 0;
}

/* capacity */

static int resolve_source(struct capacity_query *query, int netns_fd, struct eph_error *reterr)
{
	char text[IP_ADDRESS_TEXT_BYTES];
	int r;

	if (query->from.family == IP_NONE) {
		r = route_source(netns_fd, query->protocol, &query->to, query->to_port,
				 &query->from);
		if (r < 0)
			return error_set(reterr, r, "route", "%s: %s",
					 ip_address_format(&query->to, text), strerror(-r));
		return 0;
	}
	r = route_is_local(netns_fd, &query->from, 0);
	if (r == 0)
		r = -EADDRNOTAVAIL;
	if (r < 0)
		return error_set(reterr, r, "route", "%s: %s",
				 ip_address_format(&query->from, text),
				 r == -EADDRNOTAVAIL ? "not an address of this network namespace"
						     : strerror(-r));
	return 0;
}

/* The sockets that decide, or all of them where they are saved. */
static int read_for_capacity(const struct observe_options *options,
			     const struct capacity_query *query, const struct choice *choice,
			     struct snapshot *snapshot, struct eph_error *reterr)
{
	const struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true},
		.remote = query->to,
		.remote_port = query->to_port,
	};
	int r = choice->collector->binds(choice->state, snapshot, reterr);

	if (r == 0 && options->probe)
		r = probe_binds(snapshot, reterr);
	if (r < 0)
		return r;
	if (options->save)
		return begin_everything(choice, snapshot, reterr);
	return choice->collector->sockets(choice->state, &request, snapshot, reterr);
}

static int capacity_live(const struct observe_options *options, const struct capacity_query *query,
			 struct snapshot *snapshot, struct eph_error *reterr)
{
	struct choice choice;
	int r = choice_open(options->collector, true, snapshot, &choice, reterr);

	if (r < 0)
		return r;
	do
		r = read_for_capacity(options, query, &choice, snapshot, reterr);
	while (r < 0 && choice_fall_back(options->collector, r, &choice, snapshot));
	choice_close(&choice);
	if (r == 0 && options->save)
		r = save_snapshot(snapshot, options->save, reterr);
	return r;
}

int observe_capacity(const struct observe_options *options, struct capacity_query *query,
		     struct snapshot **ret_snapshot, struct capacity_result *ret,
		     struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	uint64_t start = begin_now_us();
	int r = begin_snapshot(options, &snapshot, reterr);

	if (r == 0 && !snapshot->replayed)
		r = resolve_source(query, snapshot->netns[0].fd, reterr);
	if (r == 0 && !snapshot->replayed)
		r = capacity_live(options, query, snapshot, reterr);
	if (r == 0 && options->processes)
		r = begin_processes(snapshot, reterr);
	if (r == 0)
		r = capacity_count(&snapshot->netns[0], &snapshot->laws, query, ret, reterr);
	if (r < 0)
		return r;
	if (!snapshot->replayed)
		snapshot->elapsed_us = begin_now_us() - start;
	*ret_snapshot = TAKE_PTR(snapshot);
	return 0;
}
