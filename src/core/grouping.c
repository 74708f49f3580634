#include "grouping.h"

#include "time_wait.h"

static bool wanted(const struct grouping *grouping, const struct netns_snapshot *netns,
		   const struct socket_record *record)
{
	if (!(record->protocol == PROTOCOL_TCP ? grouping->tcp : grouping->udp))
		return false;
	if (!(record->local.family == IP_V6 ? grouping->v6 : grouping->v4))
		return false;
	if (grouping->by == GROUP_INBOUND ? !netns_accepted(netns, record)
					  : !netns_outgoing(netns, record))
		return false;
	return filter_match(grouping->filter, record);
}

static struct group_counts counts_of(const struct netns_snapshot *netns,
				     const struct kernel_laws *laws,
				     const struct socket_record *record)
{
	struct group_counts counts = {
		.inode = record->inode, .uid = record->uid, .cgroup = record->cgroup};
	uint8_t state = record->flags & SOCKET_MINI ? STATE_TIME_WAIT : record->state;

	counts.sockets[state < SOCKET_STATES ? state : STATE_CLOSE] = 1;
	if (record->protocol != PROTOCOL_TCP || !port_set_has(&netns->counted, record->local_port))
		return counts;
	counts.on_counted = 1;
	if (!(record->flags & SOCKET_MINI))
		return counts;
	switch (time_wait_aged(record, &netns->settings, laws)) {
	case LAW_YES:
		counts.tw_aged = 1;
		counts.tw_aged_loopback = record->device == 1;
		break;
	case LAW_UNKNOWN:
		counts.tw_unknown = 1;
		break;
	case LAW_NO:
		break;
	}
	return counts;
}

void grouping_count(const struct grouping *grouping, const struct kernel_laws *laws,
		    struct netns_snapshot *netns, const struct socket_record *record)
{
	struct group_counts counts;
	struct group_key key = {.protocol = record->protocol};
	uint32_t owners[GROUPING_OWNERS_MAX];
	unsigned n_owners;

	if (!wanted(grouping, netns, record))
		return;
	counts = counts_of(netns, laws, record);
	switch (grouping->by) {
	case GROUP_BY_DESTINATION:
		key.local = record->local;
		key.remote = record->remote;
		key.remote_port = record->remote_port;
		break;
	case GROUP_BY_SOURCE:
		key.local = record->local;
		break;
	case GROUP_INBOUND:
		key.local = record->local;
		key.local_port = record->local_port;
		key.remote = record->remote;
		break;
	case GROUP_BY_OWNER:
		n_owners = grouping->owner(grouping->owner_context, record, owners,
					   GROUPING_OWNERS_MAX);
		for (unsigned i = 0; i < n_owners; i++) {
			key.owner = owners[i];
			group_table_count(&netns->groups, &key, &counts);
		}
		return;
	}
	group_table_count(&netns->groups, &key, &counts);
}

void grouping_read(const struct grouping *grouping, const struct kernel_laws *laws,
		   struct netns_snapshot *netns, const struct socket_record *record)
{
	netns->sockets_read++;
	netns->time_wait += (record->flags & SOCKET_MINI) != 0;
	grouping_count(grouping, laws, netns, record);
}

int grouping_run(struct netns_snapshot *netns, int (*pass)(void *context), void *context)
{
	int r;

	group_table_done(&netns->groups);
	r = group_table_init(&netns->groups, GROUP_LIMIT);
	if (r < 0)
		return r;
	do {
		netns->sockets_read = netns->time_wait = 0;
		r = pass(context);
	} while (r == 0 && group_table_again(&netns->groups));
	group_table_finish(&netns->groups);
	return r;
}
