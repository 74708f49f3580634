#include "bind_judge.h"

/* --- owners of the port ----------------------------------------------------------------------------------------- */

/* A connection being set up by a listener holds no port of its own; one whose lock is known is a whole socket. */
static bool is_request(const struct socket_record *record)
{
	return record->state == STATE_NEW_SYN_RECV ||
	       (record->state == STATE_SYN_RECV && !(record->known & SOCKET_EXPLICIT));
}

bool bind_judge_is_owner(const struct judge *judge, const struct socket_record *record)
{
	if (record->protocol != judge->query->protocol || record->local_port != judge->query->port)
		return false;
	if (record->protocol == PROTOCOL_UDP)
		return true;
	if (judge->without_waiting && record->flags & SOCKET_MINI)
		return false;
	return record->l3_master == 0 && !is_request(record);
}

static bool has_listener(const struct judge *judge)
{
	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *record = &judge->netns->sockets.record[i];

		if (bind_judge_is_owner(judge, record) && record->state == STATE_LISTEN)
			return true;
	}
	return port_set_has(&judge->netns->binds.listening, judge->query->port);
}

static bool is_self_connected(const struct socket_record *record)
{
	return record->remote_port == record->local_port &&
	       ip_address_equal(&record->remote, &record->local);
}

static bool was_accepted(const struct judge *judge, const struct socket_record *record)
{
	if (record->known & SOCKET_ACCEPTED)
		return record->flags & SOCKET_ACCEPTED;
	if (record->flags & SOCKET_CONNECT_BOUND)
		return false;
	return !(record->flags & SOCKET_EXPLICIT) && has_listener(judge);
}

/* connect() chose the port, or, where the kernel does not say so, nothing shows that bind() did. */
static bool was_chosen(const struct judge *judge, const struct socket_record *record)
{
	if (record->known & SOCKET_CONNECT_BOUND)
		return record->flags & SOCKET_CONNECT_BOUND;
	return !(record->flags & SOCKET_EXPLICIT) &&
	       port_range_has(judge->netns->settings.range, record->local_port);
}

static enum bind_how how_of(const struct judge *judge, const struct socket_record *record)
{
	bool connected = record->remote_port != 0;

	if (record->flags & SOCKET_MINI)
		return BIND_HOW_TIME_WAIT;
	if (!record->inode && (record->state == STATE_LISTEN || !connected))
		return BIND_HOW_KERNEL;
	if (record->state == STATE_LISTEN)
		return BIND_HOW_LISTENING;
	if (connected && is_self_connected(record))
		return BIND_HOW_SELF;
	if (record->protocol == PROTOCOL_UDP)
		return record->flags & SOCKET_EXPLICIT || !connected ? BIND_HOW_BOUND
								     : BIND_HOW_OUTGOING;
	if (record->state == STATE_BOUND)
		return BIND_HOW_BOUND;
	if (was_accepted(judge, record))
		return BIND_HOW_ACCEPTED;
	return was_chosen(judge, record) ? BIND_HOW_OUTGOING : BIND_HOW_BOUND;
}

/* A connection that was accepted has the port of its listener, and a closed one may have been accepted. */
static enum law port_is_automatic(const struct socket_record *record, enum bind_how how)
{
	if (how == BIND_HOW_TIME_WAIT || how == BIND_HOW_ACCEPTED)
		return LAW_UNKNOWN;
	if (how == BIND_HOW_OUTGOING && record->known & (SOCKET_EXPLICIT | SOCKET_CONNECT_BOUND))
		return LAW_YES;
	if (!(record->known & SOCKET_EXPLICIT))
		return LAW_UNKNOWN;
	return record->flags & SOCKET_EXPLICIT ? LAW_NO : LAW_YES;
}

void bind_judge_add_blocker(const struct judge *judge, size_t index, bool certain)
{
	const struct socket_record *record = &judge->netns->sockets.record[index];
	struct bind_result *result = judge->result;
	struct bind_blocker *blocker = &result->blocker[result->n_blockers];
	enum bind_how how = how_of(judge, record);

	result->count[how]++;
	if (result->n_blockers == BIND_BLOCKERS_MAX) {
		result->more_blockers++;
		return;
	}
	*blocker = (struct bind_blocker){.socket = (uint32_t)index, .how = how, .certain = certain};
	blocker->automatic = port_is_automatic(record, blocker->how);
	if (blocker->how == BIND_HOW_TIME_WAIT)
		blocker->seconds_left =
			record->expires_ms / 1000 + (record->expires_ms % 1000 != 0);
	else
		blocker->orphan = record->inode == 0 && blocker->how != BIND_HOW_KERNEL;
	result->n_blockers++;
}

/* --- one owner against the new socket --------------------------------------------------------------------------- */

/* Is @flag set on both? */
static enum law both_have(bool ours, const struct socket_record *owner, uint16_t flag)
{
	if (!ours)
		return LAW_NO;
	if (!(owner->known & flag))
		return LAW_UNKNOWN;
	return owner->flags & flag ? LAW_YES : LAW_NO;
}

/* Both bound to a device, and not to the same. */
static bool devices_differ(const struct judge *judge, const struct socket_record *owner)
{
	return judge->query->device && owner->device && judge->query->device != owner->device;
}

enum law bind_judge_meets(const struct judge *judge, const struct socket_record *owner)
{
	struct overlap_side theirs = overlap_socket(owner);

	if (devices_differ(judge, owner))
		return LAW_NO;
	switch (overlap_addresses(&judge->side, &theirs)) {
	case OVERLAP_NO:
		return LAW_NO;
	case OVERLAP_YES:
		if (!judge->query->device || !(owner->flags & SOCKET_DEVICE_HIDDEN))
			return LAW_YES;
		judge->result->inexact_because |= GAP_OPTIONS;
		return LAW_UNKNOWN;
	case OVERLAP_UNKNOWN:
		break;
	}
	judge->result->inexact_because |= GAP_V6ONLY;
	return LAW_UNKNOWN;
}

enum law bind_judge_shares_port(const struct judge *judge, const struct socket_record *owner)
{
	bool same = owner->flags & SOCKET_MINI || owner->uid == judge->query->uid;

	return both_have(judge->query->reuseport && same, owner, SOCKET_REUSEPORT);
}

enum law bind_judge_shares_address(const struct judge *judge, const struct socket_record *owner)
{
	return both_have(judge->query->reuseaddr, owner, SOCKET_REUSEADDR);
}
