#include "rows.h"

#include <string.h>

void rows_bind_udp(struct bind_table *binds, const struct socket_record *record)
{
	int meets = socket_meets_any(record, IP_V4);

	port_set_add(&binds->udp_v6, record->local_port);
	if (meets != 0)
		port_set_add(meets > 0 ? &binds->udp_v4 : &binds->udp_v4_maybe, record->local_port);
}

void rows_bind_doubts(struct netns_snapshot *netns)
{
	if (port_set_next(&netns->binds.maybe, 0) >= 0)
		netns->gaps |= GAP_BUCKET_STATE;
	if (port_set_next(&netns->binds.udp_v4_maybe, 0) >= 0)
		netns->gaps |= GAP_V6ONLY;
}

void rows_begin(struct netns_snapshot *netns)
{
	socket_table_done(&netns->sockets);
	memset(netns->bucket, 0, sizeof(netns->bucket));
	netns->sockets_complete = false;
	netns->sockets_port = 0;
	netns->sockets_read = 0;
	netns->time_wait = 0;
}

bool rows_want(const struct collect_request *request, const struct socket_record *record)
{
	if (request->local_port && record->local_port != request->local_port)
		return false;
	return record->protocol != PROTOCOL_TCP || request->remote.family == IP_NONE ||
	       (ip_address_equal(&record->remote, &request->remote) &&
		record->remote_port == request->remote_port);
}

int rows_add(struct netns_snapshot *netns, const struct socket_record *record)
{
	netns->time_wait += (record->flags & SOCKET_MINI) != 0;
	return socket_table_add(&netns->sockets, record);
}

void rows_end(struct netns_snapshot *netns, const struct collect_request *request, int r)
{
	bool whole = r == 0 && request->remote.family == IP_NONE &&
		     request->what.tcp == request->what.udp;

	netns->sockets_complete =
		whole && !request->local_port && !(netns->gaps & GAP_BOUND_HIDDEN);
	netns->sockets_port = whole ? request->local_port : 0;
	if (netns->time_wait > 0)
		netns->gaps |= GAP_TW_AGE;
}
