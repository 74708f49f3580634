#include "pick.h"

#include <errno.h>

#include "error.h"

#define PRIVILEGED_BELOW 1024u

/* What was read cannot be relied on as a whole, or lacks sockets. */
#define GAPS_UNRELIABLE                                                                            \
	(GAP_INTERRUPTED | GAP_CHANGED | GAP_PRIVATE_TABLE | GAP_VANISHED | GAP_BOUND_HIDDEN |     \
	 GAP_SETTINGS)

/* kube-apiserver --service-node-port-range, as it is unless somebody changed it */
static const struct port_range node_ports = {30000, 32767};

const char *pick_reason_name(enum pick_reason reason)
{
	static const char *const names[PICK_REASONS] = {
		[PICK_PRIVILEGED] = "privileged", [PICK_EPHEMERAL] = "ephemeral",
		[PICK_IN_USE] = "in_use",         [PICK_CONFIGURED] = "configured",
		[PICK_NAMED] = "named",           [PICK_NODEPORT] = "nodeport",
	};

	return names[reason];
}

/* --- sets of ports, one for each reason ------------------------------------------------------------------------- */

static void add_privileged(const struct settings *settings, struct port_set *set)
{
	uint32_t start = PRIVILEGED_BELOW;

	if (settings->known & SETTING_UNPRIVILEGED_START && settings->unprivileged_start > start)
		start = settings->unprivileged_start;
	port_set_add_range(set, (struct port_range){1, (uint16_t)(start - 1)});
}

static void add_ephemeral(const struct settings *settings, struct port_set *set)
{
	port_set_add_range(set, settings->range);
	if (settings->known & SETTING_RESERVED)
		port_set_remove_set(set, &settings->reserved);
}

static void add_in_use(const struct netns_snapshot *netns, const struct pick_query *query,
		       struct port_set *set)
{
	if (query->tcp)
		port_set_add_set(set, &netns->binds.held);
	if (query->udp)
		port_set_add_set(set, &netns->binds.udp_v6);
	for (size_t i = 0; i < netns->sockets.count; i++) {
		const struct socket_record *record = &netns->sockets.record[i];

		if (record->protocol == PROTOCOL_UDP ? query->udp : query->tcp)
			port_set_add(set, record->local_port);
	}
}

static void add_reason(const struct netns_snapshot *netns, const struct pick_query *query,
		       enum pick_reason reason, struct port_set *set)
{
	switch (reason) {
	case PICK_PRIVILEGED:
		if (!query->privileged)
			add_privileged(&netns->settings, set);
		break;
	case PICK_EPHEMERAL:
		add_ephemeral(&netns->settings, set);
		break;
	case PICK_IN_USE:
		add_in_use(netns, query, set);
		break;
	case PICK_CONFIGURED:
		if (query->configured)
			*set = *query->configured;
		break;
	case PICK_NAMED:
		if (query->named)
			*set = *query->named;
		break;
	case PICK_NODEPORT:
		port_set_add_range(set, node_ports);
		break;
	case PICK_REASONS:
		break;
	}
}

/* --- the verdict ------------------------------------------------------------------------------------------------ */

static void sort_ports(const struct netns_snapshot *netns, const struct pick_query *query,
		       struct pick_result *result)
{
	struct port_set *left = &result->ports[PICK_PLAIN];

	port_set_add_range(left, result->looked_at);
	for (unsigned reason = 0; reason < PICK_REASONS; reason++) {
		struct port_set set = {0};
		uint32_t before = port_set_count(left);

		add_reason(netns, query, (enum pick_reason)reason, &set);
		if (reason == PICK_NODEPORT) {
			result->ports[PICK_LAST_RESORT] = *left;
			port_set_keep_set(&result->ports[PICK_LAST_RESORT], &set);
		}
		port_set_remove_set(left, &set);
		result->excluded[reason] = before - port_set_count(left);
	}
	result->safe = port_set_count(left);
	if (netns->settings.known & SETTING_RESERVED) {
		result->ports[PICK_RESERVED] = *left;
		port_set_keep_set(&result->ports[PICK_RESERVED], &netns->settings.reserved);
		port_set_remove_set(left, &netns->settings.reserved);
	}
}

int pick_judge(const struct netns_snapshot *netns, const struct pick_query *query,
	       struct pick_result *ret, struct eph_error *reterr)
{
	if (!(netns->settings.known & SETTING_RANGE))
		return error_set(reterr, -ENODATA, "pick",
				 "the ephemeral range is not known: no port can be called safe");
	if (netns->sockets_port)
		return error_set(reterr, -ENODATA, "pick",
				 "only the sockets on port %u are in this snapshot",
				 netns->sockets_port);
	*ret = (struct pick_result){
		.looked_at = query->range,
		.ephemeral = netns->settings.range,
		.inexact_because = netns->gaps & GAPS_UNRELIABLE,
	};
	if (!ret->looked_at.lo)
		ret->looked_at.lo = 1;
	sort_ports(netns, query, ret);
	return 0;
}

/* The port that has @index others of the set below it. */
static uint16_t nth_port(const struct port_set *set, uint32_t index)
{
	unsigned word = 0, count;
	int port;

	while (index >= (count = (unsigned)__builtin_popcountll(set->word[word]))) {
		index -= count;
		word++;
	}
	port = port_set_next(set, (int)word * 64);
	while (index--)
		port = port_set_next(set, port + 1);
	return (uint16_t)port;
}

uint16_t pick_draw(struct pick_result *result, uint64_t random, enum pick_rank *ret_rank)
{
	for (unsigned rank = 0; rank < PICK_RANKS; rank++) {
		struct port_set *ports = &result->ports[rank];
		uint32_t count = port_set_count(ports);
		uint16_t port;

		if (!count)
			continue;
		port = nth_port(ports, (uint32_t)(random % count));
		port_set_remove(ports, port);
		*ret_rank = (enum pick_rank)rank;
		return port;
	}
	return 0;
}
