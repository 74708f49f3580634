#include "observe_connect.h"

#include "alloc.h"
#include "begin.h"
#include "network.h"
#include "route.h"
#include "save.h"

static int read_towards(const struct choice *choice, const struct capacity_query *query,
			struct snapshot *snapshot, struct eph_error *reterr)
{
	const struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true},
		.remote = query->to,
		.remote_port = query->to_port,
	};

	return choice->collector->sockets(choice->state, &request, snapshot, reterr);
}

/* Who blocks ports are sockets with other destinations, or none: worth reading all only where they matter. */
static int read_blockers(const struct choice *choice, const struct capacity_query *query,
			 struct snapshot *snapshot, struct eph_error *reterr)
{
	struct capacity_result capacity;
	int r = capacity_count(&snapshot->netns[0], &snapshot->laws, query, &capacity, reterr);

	if (r < 0 || !connect_needs_blockers(&capacity))
		return r;
	return begin_everything(choice, snapshot, reterr);
}

static int read_with(const struct observe_options *options, const struct capacity_query *query,
		     const struct choice *choice, struct snapshot *snapshot,
		     struct eph_error *reterr)
{
	int r = choice->collector->binds(choice->state, snapshot, reterr);

	if (r < 0)
		return r;
	if (options->save)
		return begin_everything(choice, snapshot, reterr);
	r = read_towards(choice, query, snapshot, reterr);
	return r < 0 ? r : read_blockers(choice, query, snapshot, reterr);
}

static int read_sockets(const struct observe_options *options, const struct capacity_query *query,
			struct snapshot *snapshot, struct eph_error *reterr)
{
	struct choice choice;
	int r = choice_open(options->collector, true, snapshot, &choice, reterr);

	if (r < 0)
		return r;
	do
		r = read_with(options, query, &choice, snapshot, reterr);
	while (r < 0 && choice_fall_back(options->collector, r, &choice, snapshot));
	choice_close(&choice);
	if (r == 0)
		r = begin_processes(snapshot, reterr);
	if (r == 0 && options->save)
		r = save_snapshot(snapshot, options->save, reterr);
	return r;
}

/* No port was free to ask with, inside the range or outside: what the routing table alone tells. */
static void ask_table(int netns_fd, const struct capacity_query *query, struct connect_facts *facts)
{
	facts->route_error = -route_source(netns_fd, query->protocol, &query->to, query->to_port,
					   &facts->source);
	facts->route_unknown = false;
}

/* What the network says, and then the sockets unless it has said no already. */
static int observe_live(const struct observe_options *options, struct capacity_query *query,
			struct snapshot *snapshot, struct connect_facts *facts,
			struct eph_error *reterr)
{
	const struct netns_snapshot *netns = &snapshot->netns[0];
	int r = network_ask(netns->fd, &query->from, &query->to, query->to_port,
			    netns->settings.range, facts, reterr);

	if (r == 0 && facts->route_unknown && query->from.family == IP_NONE)
		ask_table(netns->fd, query, facts);
	if (r < 0)
		return r;
	if (facts->source.family != IP_NONE)
		query->from = facts->source;
	if (connect_refused(query, facts) && !options->save)
		return 0;
	return read_sockets(options, query, snapshot, reterr);
}

int observe_connect(const struct observe_options *options, struct capacity_query *query,
		    struct snapshot **ret_snapshot, struct connect_result *ret,
		    struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct connect_facts facts = {0};
	uint64_t start = begin_now_us();
	int r = begin_snapshot(options, &snapshot, reterr);

	if (r == 0 && !snapshot->replayed)
		r = observe_live(options, query, snapshot, &facts, reterr);
	if (r == 0)
		r = connect_verdict(snapshot, query, &facts, ret, reterr);
	if (r < 0)
		return r;
	if (!snapshot->replayed)
		snapshot->elapsed_us = begin_now_us() - start;
	*ret_snapshot = TAKE_PTR(snapshot);
	return 0;
}
