#include "os_capacity.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"

/* --- what is taken ----------------------------------------------------------------------------------------------- */

/* Of one protocol and family: the ports that may be chosen at all. */
struct part {
	struct port_range range;
	struct port_set blocked; /* held by a socket without a remote end, on any local address */
	struct port_set held;    /* by any socket with one */
	uint32_t reserved;
};

/* Ports that one group has room in, and how many of them are taken. */
struct count {
	uint32_t capacity, taken;
};

/* A local address that was counted. */
struct seen {
	uint8_t protocol;
	struct ip_address local;
	struct count count;
};

struct os_law {
	const struct os_rule *rule;
	const struct os_capacity_ranges *ranges;
	const struct grouping *what;
	const struct netns_snapshot *netns;
	const struct kernel_laws *laws;
	struct part part[2][2], any[2][2];
	struct seen *seen; /* as many as there are groups */
	size_t n_seen;
};

static unsigned protocol_index(uint8_t protocol)
{
	return protocol == PROTOCOL_UDP;
}

static struct port_range range_of(const struct os_capacity_ranges *ranges, uint8_t protocol,
				  bool v6)
{
	const struct port_range *range = ranges->range[protocol_index(protocol)];

	return range[range[v6].hi ? v6 : 0];
}

static bool has_remote(const struct socket_record *record)
{
	return record->remote_port != 0;
}

/* Who listens or is bound keeps its port from everybody whose address it meets. An IPv6 wildcard may take IPv4 too. */
static bool meets(const struct socket_record *record, bool v6)
{
	bool any = ip_address_is_any(&record->local);

	return (record->local.family == IP_V6) == v6 || record->local.family == IP_NONE ||
	       (any && record->local.family == IP_V6);
}

static void init_part(const struct os_law *law, uint8_t protocol, bool v6, struct part *part)
{
	const struct socket_table *sockets = &law->netns->sockets;
	const struct port_set *reserved = &law->ranges->reserved[protocol_index(protocol)];

	*part = (struct part){.range = range_of(law->ranges, protocol, v6)};
	part->reserved = port_set_count_in(reserved, part->range);
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_record *record = &sockets->record[i];

		if (record->protocol != protocol ||
		    !port_range_has(part->range, record->local_port) ||
		    port_set_has(reserved, record->local_port) || !meets(record, v6))
			continue;
		port_set_add(has_remote(record) || protocol == PROTOCOL_UDP ? &part->held
									    : &part->blocked,
			     record->local_port);
	}
	port_set_remove_set(&part->held, &part->blocked);
}

/* Where the sockets begin that are of @protocol and not before @local in their order. */
static size_t first_of(const struct socket_table *sockets, uint8_t protocol,
		       const struct ip_address *local)
{
	size_t low = 0, high = sockets->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct socket_record *record = &sockets->record[middle];
		bool before = record->protocol != protocol
				      ? record->protocol < protocol
				      : memcmp(&record->local, local, sizeof(*local)) < 0;

		if (before)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Add the ports that sockets with exactly this local address have; those without a remote end to @blocked. */
static void add_address(const struct os_law *law, uint8_t protocol, const struct ip_address *local,
			const struct part *part, struct part *own)
{
	const struct socket_table *sockets = &law->netns->sockets;
	const struct port_set *reserved = &law->ranges->reserved[protocol_index(protocol)];

	for (size_t i = first_of(sockets, protocol, local); i < sockets->count; i++) {
		const struct socket_record *record = &sockets->record[i];

		if (record->protocol != protocol || !ip_address_equal(&record->local, local))
			break;
		if (port_range_has(part->range, record->local_port) &&
		    !port_set_has(reserved, record->local_port))
			port_set_add(has_remote(record) || protocol == PROTOCOL_UDP ? &own->held
										    : &own->blocked,
				     record->local_port);
	}
}

/* What wildcard sockets take of every address. */
static void init_any(const struct os_law *law, uint8_t protocol, const struct part *part,
		     struct part *any)
{
	static const uint8_t zero[16];
	const struct ip_address wildcard[2] = {ip_address_v4(zero), ip_address_v6(zero)};

	*any = (struct part){.range = part->range};
	for (size_t i = 0; i < 2; i++)
		add_address(law, protocol, &wildcard[i], part, any);
}

static struct count count_address(const struct os_law *law, const struct group *group, unsigned udp,
				  bool v6)
{
	const struct part *part = &law->part[udp][v6];
	struct part own = law->any[udp][v6];

	add_address(law, group->key.protocol, &group->key.local, part, &own);
	port_set_remove_set(&own.held, &own.blocked);
	return (struct count){port_range_width(part->range) - part->reserved -
				      port_set_count(&own.blocked),
			      port_set_count(&own.held)};
}

/* The same for every group of an address: counted once, as there may be many of either. */
static struct count count_address_once(struct os_law *law, const struct group *group, unsigned udp,
				       bool v6)
{
	struct seen *seen = law->seen;

	for (size_t i = 0; i < law->n_seen; i++, seen++)
		if (seen->protocol == group->key.protocol &&
		    ip_address_equal(&seen->local, &group->key.local))
			return seen->count;
	*seen = (struct seen){group->key.protocol, group->key.local,
			      count_address(law, group, udp, v6)};
	law->n_seen++;
	return seen->count;
}

static uint32_t count_remote(const struct os_law *law, const struct group *group)
{
	const struct group_table *groups = &law->netns->groups;
	uint32_t taken = 0;

	for (uint32_t i = 0; i < groups->count; i++) {
		const struct group_key *key = &groups->slot[i].key;

		if (key->protocol == group->key.protocol &&
		    key->remote_port == group->key.remote_port &&
		    ip_address_equal(&key->remote, &group->key.remote))
			taken += groups->slot[i].counts.on_counted;
	}
	return taken;
}

static struct count count_group(struct os_law *law, enum os_counting counting,
				const struct group *group)
{
	bool udp = group->key.protocol == PROTOCOL_UDP, v6 = group->key.local.family == IP_V6;
	const struct part *part = &law->part[udp][v6];
	struct count count = {
		port_range_width(part->range) - part->reserved - port_set_count(&part->blocked), 0};

	switch (counting) {
	case OS_COUNTS_PER_HOST:
		count.taken = port_set_count(&part->held);
		break;
	case OS_COUNTS_PER_ADDRESS:
		return count_address_once(law, group, udp, v6);
	case OS_COUNTS_PER_REMOTE:
		count.taken = count_remote(law, group);
		break;
	case OS_COUNTS_PER_DESTINATION:
		count.taken = udp ? group_counts_total(&group->counts) : group->counts.on_counted;
		break;
	}
	if (count.taken > count.capacity)
		count.taken = count.capacity;
	return count;
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

static void judge_left(struct os_law *law, const struct group *group, struct usage_group *row)
{
	const enum os_counting *counting =
		group->key.protocol == PROTOCOL_UDP ? law->rule->udp : law->rule->tcp;
	struct count least = count_group(law, counting[0], group), most = least;

	if (counting[1] != counting[0])
		most = count_group(law, counting[1], group);
	row->capacity = most.capacity;
	row->left = least.capacity - least.taken;
	row->left_max = most.capacity - most.taken;
	if (law->rule->time_wait_may_end)
		row->left_max += group->counts.tw_unknown;
	if (row->left_max > row->capacity)
		row->left_max = row->capacity;
	if (row->left > row->left_max)
		row->left = row->left_max;
	row->percent = row->capacity ? 100.0 * (row->capacity - row->left) / row->capacity : 100.0;
	row->past_knee = law->rule->has_knee && group->key.protocol == PROTOCOL_TCP &&
			 most.taken * 2 >= row->capacity;
}

/* Of the remote ports of one peer, as rules/usage.c does. */
static void judge_inbound(struct usage_group *row)
{
	uint32_t taken = row->in_use + row->time_wait;

	row->capacity = UINT16_MAX;
	row->left = row->left_max = taken > UINT16_MAX ? 0 : UINT16_MAX - taken;
	row->percent = 100.0 * (row->capacity - row->left) / row->capacity;
}

static void judge_group(struct os_law *law, const struct group *group, struct usage_group *row)
{
	*row = (struct usage_group){
		.key = group->key,
		.time_wait = group->counts.sockets[STATE_TIME_WAIT],
		.in_use =
			group_counts_total(&group->counts) - group->counts.sockets[STATE_TIME_WAIT],
		.has_left = law->what->by == GROUP_BY_DESTINATION || law->what->by == GROUP_INBOUND,
	};
	for (unsigned i = 0; i < SOCKET_STATES; i++)
		row->states[i] = group->counts.sockets[i];
	if (law->what->by == GROUP_INBOUND)
		judge_inbound(row);
	else if (row->has_left)
		judge_left(law, group, row);
}

static int fuller_first(const void *a, const void *b)
{
	const struct usage_group *x = a, *y = b;

	if (x->percent < y->percent || x->percent > y->percent)
		return x->percent < y->percent ? 1 : -1;
	if (x->in_use != y->in_use)
		return x->in_use < y->in_use ? 1 : -1;
	if (x->time_wait != y->time_wait)
		return x->time_wait < y->time_wait ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* --- counting ---------------------------------------------------------------------------------------------------- */

static void fill_binds(struct netns_snapshot *netns)
{
	for (size_t i = 0; i < netns->sockets.count; i++) {
		const struct socket_record *record = &netns->sockets.record[i];

		if (record->protocol == PROTOCOL_TCP && record->state == STATE_LISTEN)
			port_set_add(&netns->binds.listening, record->local_port);
	}
}

struct counting {
	const struct os_law *law;
	struct netns_snapshot *netns;
};

/* The range of each protocol and family may be another. */
static int count_all(void *context)
{
	struct counting *counting = context;
	const struct os_law *law = counting->law;
	struct netns_snapshot *netns = counting->netns;

	for (size_t i = 0; i < netns->sockets.count; i++) {
		const struct socket_record *record = &netns->sockets.record[i];

		netns->settings.range =
			range_of(law->ranges, record->protocol, record->local.family == IP_V6);
		grouping_read(law->what, law->laws, netns, record);
	}
	netns->settings.range = law->ranges->range[0][0];
	return 0;
}

/* Ports of TCP that count: all that can be chosen. */
static void fill_counted(const struct os_law *law, struct netns_snapshot *netns)
{
	struct port_set own;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		own = (struct port_set){.word = {0}};
		port_set_add_range(&own, law->part[0][v6].range);
		port_set_remove_set(&own, &law->part[0][v6].blocked);
		port_set_add_set(&netns->counted, &own);
	}
	port_set_remove_set(&netns->counted, &law->ranges->reserved[0]);
}

static void sum_up(const struct os_law *law, struct usage_result *ret)
{
	const struct group_table *groups = &law->netns->groups;
	uint32_t waiting = groups->other.sockets[STATE_TIME_WAIT],
		 total = group_counts_total(&groups->other);

	ret->netns[0] = (struct usage_netns){
		.range = law->ranges->range[0][0],
		.ports = port_range_width(law->ranges->range[0][0]),
		.reserved = law->part[0][0].reserved,
		.blocked = port_set_count(&law->part[0][0].blocked),
		.time_wait = law->netns->time_wait,
		.sockets = law->netns->sockets_read,
		.gaps = law->netns->gaps,
	};
	ret->sockets = law->netns->sockets_read;
	ret->floor = groups->floor;
	ret->has_other = total > 0;
	ret->other_groups = groups->other_groups;
	ret->other_in_use = total - waiting;
	ret->other_time_wait = waiting;
}

static int judge_all(struct os_law *law, struct usage_result *ret)
{
	const struct group_table *groups = &law->netns->groups;

	*ret = (struct usage_result){.n_netns = 1};
	ret->netns = calloc(1, sizeof(*ret->netns));
	ret->group = calloc(groups->count + 1, sizeof(*ret->group));
	law->seen = calloc(groups->count + 1, sizeof(*law->seen));
	if (!ret->netns || !ret->group || !law->seen) {
		usage_result_done(ret);
		free(law->seen);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < groups->count; i++)
		judge_group(law, &groups->slot[i], &ret->group[ret->groups++]);
	free(law->seen);
	qsort(ret->group, ret->groups, sizeof(*ret->group), fuller_first);
	sum_up(law, ret);
	return 0;
}

int os_capacity_usage(const struct os_rule *rule, const struct os_capacity_ranges *ranges,
		      const struct grouping *what, struct snapshot *snapshot,
		      struct usage_result *ret)
{
	struct netns_snapshot *netns = &snapshot->netns[0];
	CLEANUP(freep) struct os_law *law = calloc(1, sizeof(*law));
	struct counting counting = {law, netns};
	int r;

	if (!law)
		return -ENOMEM;
	*law = (struct os_law){.rule = rule,
			       .ranges = ranges,
			       .what = what,
			       .netns = netns,
			       .laws = &snapshot->laws};
	netns->gaps |= rule->gaps | GAP_KERNEL;
	if (ranges->reserved_known)
		netns->gaps &= ~(uint32_t)GAP_RESERVED;
	for (unsigned i = 0; i < 4; i++) {
		uint8_t protocol = i / 2 ? PROTOCOL_UDP : PROTOCOL_TCP;

		init_part(law, protocol, i % 2, &law->part[i / 2][i % 2]);
		init_any(law, protocol, &law->part[i / 2][i % 2], &law->any[i / 2][i % 2]);
	}
	fill_binds(netns);
	fill_counted(law, netns);
	r = grouping_run(netns, count_all, &counting);
	return r < 0 ? r : judge_all(law, ret);
}
