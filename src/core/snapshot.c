#include "snapshot.h"

#include <stdlib.h>

#include "fd.h"

const char *snapshot_gap_name(uint32_t gap)
{
	static const char *const names[GAP_COUNT] = {
		"bucket-state-unknown",  "bound-sockets-invisible",
		"time-wait-age-unknown", "v6only-unknown",
		"dump-interrupted",      "changed-while-read",
		"private-table",         "vrf",
		"namespace-vanished",    "settings-unreadable",
		"kernel-not-verified",   "odd-range",
		"order-dependent",       "source-unknown",
		"step-law-unknown",      "options-unknown",
		"addresses-cut",         "states-unknown",
		"listeners-not-shown",   "range-assumed",
		"sharing-uncertain",     "release-unknown",
		"reserved-unknown",
	};
	int bit = __builtin_ffs((int)gap) - 1;

	return bit >= 0 && bit < GAP_COUNT ? names[bit] : "unknown";
}

struct snapshot *snapshot_new(void)
{
	return calloc(1, sizeof(struct snapshot));
}

struct snapshot *snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return NULL;
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		socket_table_done(&snapshot->netns[i].sockets);
		group_table_done(&snapshot->netns[i].groups);
		fd_closep(&snapshot->netns[i].fd);
	}
	free(snapshot->netns);
	process_table_done(&snapshot->processes);
	free(snapshot);
	return NULL;
}

void snapshot_freep(struct snapshot **snapshot)
{
	*snapshot = snapshot_free(*snapshot);
}

struct netns_snapshot *snapshot_add_netns(struct snapshot *snapshot)
{
	struct netns_snapshot *grown =
		reallocarray(snapshot->netns, snapshot->n_netns + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	snapshot->netns = grown;
	grown += snapshot->n_netns++;
	*grown = (struct netns_snapshot){.fd = -1};
	return grown;
}

bool netns_accepted(const struct netns_snapshot *netns, const struct socket_record *record)
{
	if (record->protocol != PROTOCOL_TCP || record->state == STATE_LISTEN ||
	    record->state == STATE_BOUND || record->state == STATE_CLOSE)
		return false;
	if (record->known & SOCKET_ACCEPTED)
		return record->flags & SOCKET_ACCEPTED;
	return port_set_has(&netns->binds.listening, record->local_port);
}

bool netns_outgoing(const struct netns_snapshot *netns, const struct socket_record *record)
{
	if (!port_range_has(netns->settings.range, record->local_port))
		return false;
	if (record->protocol == PROTOCOL_UDP)
		return true;
	return record->state != STATE_LISTEN && record->state != STATE_BOUND &&
	       record->state != STATE_CLOSE && !netns_accepted(netns, record);
}
