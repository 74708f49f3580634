#include "usage.h"

#include <errno.h>
#include <stdlib.h>

#include "capacity.h"
#include "time_wait.h"

#define REMOTE_PORTS 65535u /* what one peer address can bring to one of our listeners */

/* What all groups of one namespace share, so that judging a group is a few additions. */
struct judge {
	const struct netns_snapshot *netns;
	const struct kernel_laws *laws;
	struct usage_netns summary;
	uint32_t candidates; /* TCP: ports in the range, neither reserved nor blocked */
	bool odd; /* the last free port may be overlooked (rules/capacity.c, may_overlook_an_end) */
	uint32_t udp_ports; /* UDP: ports in the range that are not reserved */
	/* of those: by IPv4 and IPv6; by owners whose V6ONLY is unknown (IPv4) */
	uint32_t udp_taken[2], udp_maybe;
	bool reliable;
	bool age_matters; /* some group has a TIME_WAIT of unknown age that tcp_tw_reuse may replace */
};

static uint32_t count_common(const struct port_set *set, const struct port_set *within)
{
	struct port_set common = *set;

	port_set_keep_set(&common, within);
	return port_set_count(&common);
}

static uint32_t count_first_parity(const struct port_set *candidates, struct port_range range)
{
	uint32_t count = 0;

	for (uint32_t p = range.lo; p <= range.hi; p += 2)
		count += port_set_has(candidates, (uint16_t)p);
	return count;
}

static struct judge judge_init(const struct netns_snapshot *netns, const struct kernel_laws *laws)
{
	const struct settings *settings = &netns->settings;
	struct judge judge = {.netns = netns, .laws = laws};
	uint32_t width = port_range_width(settings->range);
	struct port_set candidates, unreserved = {0};

	capacity_candidates(netns, &candidates);
	port_set_add_range(&unreserved, settings->range);
	port_set_remove_set(&unreserved, &settings->reserved);
	judge.candidates = port_set_count(&candidates);
	judge.odd = width % 2 == 1 && width > 1 &&
		    (port_set_has(&candidates, settings->range.hi) ||
		     (width > 3 && port_set_has(&candidates, settings->range.lo)));
	judge.udp_ports = port_set_count(&unreserved);
	judge.udp_taken[0] = count_common(&netns->binds.udp_v4, &unreserved);
	judge.udp_taken[1] = count_common(&netns->binds.udp_v6, &unreserved);
	judge.udp_maybe = count_common(&netns->binds.udp_v4_maybe, &unreserved);
	judge.reliable =
		laws->verified && !settings->step_width && (settings->known & SETTING_RESERVED) &&
		!(netns->gaps & (GAP_INTERRUPTED | GAP_CHANGED | GAP_PRIVATE_TABLE | GAP_VANISHED));
	judge.summary = (struct usage_netns){
		.range = settings->range,
		.ports = width,
		.reserved = width - judge.udp_ports,
		.blocked = judge.udp_ports - judge.candidates,
		.blocked_maybe = count_common(&netns->binds.maybe, &candidates),
		.knee = count_first_parity(&candidates, settings->range),
		.time_wait = netns->time_wait,
		.sockets = netns->sockets_read,
		.gaps = netns->gaps,
	};
	return judge;
}

static uint32_t minus(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

/* TIME_WAIT of the group that a new connection may take over now, and in @ret_unknown those that perhaps may. */
static uint32_t reusable(const struct judge *judge, const struct group *group,
			 uint32_t *ret_unknown)
{
	const struct settings *settings = &judge->netns->settings;
	const struct ip_address *local = &group->key.local, *remote = &group->key.remote;

	*ret_unknown = 0;
	if (!(settings->known & SETTING_TW_REUSE)) {
		*ret_unknown = group->counts.tw_aged + group->counts.tw_unknown;
		return 0;
	}
	if (time_wait_allowed(local, remote, false, settings, -1)) {
		*ret_unknown = group->counts.tw_unknown;
		return group->counts.tw_aged;
	}
	if (!time_wait_allowed(local, remote, true, settings, -1))
		return 0;
	*ret_unknown =
		group->counts.tw_unknown; /* whether they are bound to lo is not told apart */
	return group->counts.tw_aged_loopback;
}

/* The counting rule of rules/capacity.c on numbers instead of ports. */
static void judge_tcp(struct judge *judge, const struct group *group, struct usage_group *row)
{
	uint32_t unknown, taken_over = reusable(judge, group, &unknown);
	uint32_t occupied = minus(group->counts.on_counted, taken_over);
	uint32_t maybe = judge->summary.blocked_maybe;

	row->capacity = judge->candidates;
	row->left_max = minus(row->capacity, minus(occupied, unknown));
	/* Every connection sits on a port with an owner, so where buckets are in doubt the occupied ports are among them. */
	row->left = minus(row->capacity, maybe > occupied ? maybe : occupied);
	row->left = minus(row->left, judge->netns->binds.hidden + judge->odd);
	row->past_knee = occupied >= judge->summary.knee;
	judge->age_matters |= unknown > 0;
}

/* One port serves one socket, whatever the destination: what is left is the same for every group of a family. */
static void judge_udp(const struct judge *judge, const struct group *group, struct usage_group *row)
{
	bool v6 = group->key.local.family == IP_V6;

	row->capacity = judge->udp_ports;
	row->left_max = minus(judge->udp_ports, judge->udp_taken[v6]);
	row->left = v6 ? row->left_max : minus(row->left_max, judge->udp_maybe);
}

static void judge_inbound(struct usage_group *row)
{
	row->capacity = REMOTE_PORTS;
	row->left = row->left_max = minus(REMOTE_PORTS, row->in_use + row->time_wait);
}

static void judge_group(struct judge *judge, enum usage_kind kind, const struct group *group,
			struct usage_group *row)
{
	*row = (struct usage_group){
		.key = group->key,
		.time_wait = group->counts.sockets[STATE_TIME_WAIT],
		.in_use =
			group_counts_total(&group->counts) - group->counts.sockets[STATE_TIME_WAIT],
		.inode = group->counts.inode,
		.uid = group->counts.uid,
		.cgroup = group->counts.cgroup,
	};
	for (unsigned i = 0; i < SOCKET_STATES; i++)
		row->states[i] = group->counts.sockets[i];
	row->has_left = kind == USAGE_INBOUND || (kind == USAGE_DESTINATION &&
						  (judge->netns->settings.known & SETTING_RANGE));
	row->exact = judge->reliable;
	if (!row->has_left)
		return;
	if (kind == USAGE_INBOUND)
		judge_inbound(row);
	else if (group->key.protocol == PROTOCOL_TCP)
		judge_tcp(judge, group, row);
	else
		judge_udp(judge, group, row);
	row->exact = judge->reliable && row->left == row->left_max;
	row->percent = row->capacity ? 100.0 * (row->capacity - row->left) / row->capacity : 100.0;
}

/* What is used for certain, of 1. */
static double certain_share(const struct usage_group *group)
{
	if (!group->capacity)
		return 1;
	return (double)(group->capacity - group->left_max) / group->capacity;
}

/* Without BPF many may be full: those that certainly are fullest go first among them. */
static int fuller_first(const void *a, const void *b)
{
	const struct usage_group *x = a, *y = b;

	if (x->percent < y->percent || x->percent > y->percent)
		return x->percent < y->percent ? 1 : -1;
	if (certain_share(x) < certain_share(y) || certain_share(x) > certain_share(y))
		return certain_share(x) < certain_share(y) ? 1 : -1;
	if (x->in_use != y->in_use)
		return x->in_use < y->in_use ? 1 : -1;
	if (x->time_wait != y->time_wait)
		return x->time_wait < y->time_wait ? 1 : -1;
	return 0;
}

static void add_others(const struct group_table *groups, struct usage_result *result)
{
	uint32_t waiting = groups->other.sockets[STATE_TIME_WAIT],
		 total = group_counts_total(&groups->other);

	if (groups->floor > result->floor)
		result->floor = groups->floor;
	if (!total)
		return;
	result->has_other = true;
	result->other_groups += groups->other_groups;
	result->other_in_use += total - waiting;
	result->other_time_wait += waiting;
}

int usage_judge(const struct snapshot *snapshot, enum usage_kind kind, struct usage_result *ret)
{
	struct usage_result result = {.n_netns = snapshot->n_netns, .floor = 1};
	size_t rows = 0;

	for (size_t i = 0; i < snapshot->n_netns; i++)
		rows += snapshot->netns[i].groups.slot ? snapshot->netns[i].groups.count : 0;
	result.netns = calloc(snapshot->n_netns + 1, sizeof(*result.netns));
	result.group = calloc(rows + 1, sizeof(*result.group));
	if (!result.netns || !result.group) {
		usage_result_done(&result);
		return -ENOMEM;
	}
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		const struct netns_snapshot *netns = &snapshot->netns[i];
		struct judge judge = judge_init(netns, &snapshot->laws);

		result.netns[i] = judge.summary;
		result.sockets += netns->sockets_read;
		if (!netns->groups.slot)
			continue;
		for (uint32_t g = 0; g < netns->groups.count; g++) {
			struct usage_group *row = &result.group[result.groups++];

			judge_group(&judge, kind, &netns->groups.slot[g], row);
			row->netns = (uint32_t)i;
		}
		/* What is not known and changes nothing is no reason to doubt. */
		if (kind == USAGE_DESTINATION && !judge.age_matters && !netns->groups.other_groups)
			result.netns[i].gaps &= ~(uint32_t)GAP_TW_AGE;
		add_others(&netns->groups, &result);
	}
	qsort(result.group, result.groups, sizeof(*result.group), fuller_first);
	*ret = result;
	return 0;
}

void usage_result_done(struct usage_result *result)
{
	free(result->group);
	free(result->netns);
	*result = (struct usage_result){0};
}
