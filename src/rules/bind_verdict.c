#include "bind_verdict.h"

#include <errno.h>

#include "error.h"
#include "overlap.h"

/* What was read cannot be relied on as a whole. */
#define GAPS_UNRELIABLE (GAP_INTERRUPTED | GAP_CHANGED | GAP_PRIVATE_TABLE | GAP_VANISHED)

#define UDP_CHAIN_SHORT 10u /* up to so many sockets in its hash chain, UDP looks at the chain itself */

/* What may come of it: a set, as more than one outcome is possible where something is not known. */
enum outcome {
	OUTCOME_FREE = 1u << 0,
	OUTCOME_IN_USE = 1u << 1,
};

struct judge {
	const struct netns_snapshot *netns;
	const struct kernel_laws *laws;
	const struct bind_query *query;
	struct overlap_side side; /* of the new socket */
	bool without_waiting;	  /* as if all TIME_WAIT had ended */
	struct bind_result *result;
};

const char *bind_how_name(enum bind_how how)
{
	static const char *const names[BIND_HOWS] = {
		[BIND_HOW_LISTENING] = "listening", [BIND_HOW_BOUND] = "bound",
		[BIND_HOW_OUTGOING] = "outgoing",   [BIND_HOW_ACCEPTED] = "accepted",
		[BIND_HOW_TIME_WAIT] = "time-wait", [BIND_HOW_KERNEL] = "kernel",
		[BIND_HOW_SELF] = "self-connected",
	};

	return how < BIND_HOWS ? names[how] : "unknown";
}

const char *bind_answer_name(enum bind_answer answer)
{
	static const char *const names[] = {"free", "in-use", "forbidden"};

	return names[answer];
}

const char *bind_advice_name(enum bind_advice_id id)
{
	static const char *const names[] = {"reuseaddr", "reuseport", "v6only", "address", "wait"};

	return names[id];
}

/* --- owners of the port ----------------------------------------------------------------------------------------- */

/* A connection being set up by a listener holds no port of its own; one whose lock is known is a whole socket. */
static bool is_request(const struct socket_record *record)
{
	return record->state == STATE_NEW_SYN_RECV ||
	       (record->state == STATE_SYN_RECV && !(record->known & SOCKET_EXPLICIT));
}

static bool is_owner(const struct judge *judge, const struct socket_record *record)
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

		if (is_owner(judge, record) && record->state == STATE_LISTEN)
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

static void add_blocker(const struct judge *judge, size_t index, bool certain)
{
	const struct socket_record *record = &judge->netns->sockets.record[index];
	struct bind_result *result = judge->result;
	struct bind_blocker *blocker = &result->blocker[result->n_blockers];

	if (result->n_blockers == BIND_BLOCKERS_MAX) {
		result->more_blockers++;
		return;
	}
	*blocker = (struct bind_blocker){.socket = (uint32_t)index,
					 .how = how_of(judge, record),
					 .certain = certain};
	if (blocker->how == BIND_HOW_TIME_WAIT)
		blocker->seconds_left = record->expires_ms / 1000 + (record->expires_ms % 1000 != 0);
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

static enum law meets(const struct judge *judge, const struct socket_record *owner)
{
	struct overlap_side theirs = overlap_socket(owner);

	if (devices_differ(judge, owner))
		return LAW_NO;
	switch (overlap_addresses(&judge->side, &theirs)) {
	case OVERLAP_NO:
		return LAW_NO;
	case OVERLAP_YES:
		return LAW_YES;
	case OVERLAP_UNKNOWN:
		break;
	}
	judge->result->inexact_because |= GAP_V6ONLY;
	return LAW_UNKNOWN;
}

/* Both with SO_REUSEPORT, and of the same user; TIME_WAIT belongs to nobody. */
static enum law shares_port(const struct judge *judge, const struct socket_record *owner)
{
	bool same = owner->flags & SOCKET_MINI || owner->uid == judge->query->uid;

	return both_have(judge->query->reuseport && same, owner, SOCKET_REUSEPORT);
}

/* inet_bind_conflict() and the addresses: does this owner keep the new socket off its port? */
static enum law tcp_conflict(const struct judge *judge, const struct socket_record *owner)
{
	enum law overlap = meets(judge, owner), port = shares_port(judge, owner), address = LAW_NO;

	if (owner->state != STATE_LISTEN)
		address = both_have(judge->query->reuseaddr, owner, SOCKET_REUSEADDR);
	if (overlap == LAW_NO || address == LAW_YES || port == LAW_YES)
		return LAW_NO;
	if (address == LAW_UNKNOWN || port == LAW_UNKNOWN)
		judge->result->inexact_because |= GAP_OPTIONS;
	else if (overlap == LAW_YES)
		return LAW_YES;
	return LAW_UNKNOWN;
}

/* --- TCP -------------------------------------------------------------------------------------------------------- */

/* The two passes put those first that a person can do something about. */
static unsigned judge_owners(const struct judge *judge, bool held)
{
	unsigned outcome = OUTCOME_FREE;

	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];
		enum law conflict;

		if (!is_owner(judge, owner) ||
		    (owner->state == STATE_LISTEN || owner->state == STATE_BOUND) != held)
			continue;
		conflict = tcp_conflict(judge, owner);
		if (conflict == LAW_NO)
			continue;
		add_blocker(judge, i, conflict == LAW_YES);
		outcome |= OUTCOME_IN_USE;
		if (conflict == LAW_YES)
			outcome &= ~(unsigned)OUTCOME_FREE;
	}
	return outcome;
}

/*
 * sk_reuseport_match(): the bucket remembers a socket like ours, so nobody looks at the owners. Only this can let a socket
 * have a port that an owner keeps it off. The bucket's wildcard matches, ours does not.
 */
static bool bucket_remembers(const struct judge *judge, const struct bind_bucket *bucket)
{
	const struct overlap_side fast = {.address = bucket->fast_address,
					  .af_inet6 = bucket->fast_af_inet6,
					  .v6only = bucket->fast_v6only,
					  .wildcard = true};
	struct overlap_side ours = judge->side;

	ours.wildcard = false;
	if (!bucket->exists || bucket->fastreuseport <= 0 || bucket->fast_uid != judge->query->uid)
		return false;
	return bucket->fastreuseport == 1 || overlap_addresses(&fast, &ours) == OVERLAP_YES;
}

static unsigned judge_tcp(const struct judge *judge)
{
	const struct bind_bucket *bucket = &judge->netns->bucket[0];
	struct bind_result *result = judge->result;
	unsigned listeners = judge_owners(judge, true), others = judge_owners(judge, false);
	unsigned outcome = ((listeners | others) & OUTCOME_IN_USE) | (listeners & others & OUTCOME_FREE);

	if (!(outcome & OUTCOME_IN_USE))
		return outcome;
	if (!bucket->protocol) {
		if (!judge->query->reuseport)
			return outcome;
		result->inexact_because |= GAP_BUCKET_STATE;
		return outcome | OUTCOME_FREE;
	}
	result->more_blockers += bucket->unlisted;
	if (judge->query->reuseport && bucket_remembers(judge, bucket)) {
		result->by_fast_path = true;
		return OUTCOME_FREE;
	}
	/* Before 6.8 a bucket whose sockets all have SO_REUSEADDR lets in another; listen() then looks at all of them. */
	if (judge->query->reuseaddr && bucket->fastreuse > 0) {
		result->listen_fails = judge->query->listens && !judge->query->reuseport;
		result->by_fast_path = !result->listen_fails;
		return result->listen_fails ? outcome : OUTCOME_FREE;
	}
	return outcome;
}

/* --- UDP -------------------------------------------------------------------------------------------------------- */

/* Which part of the owners is looked at. */
enum udp_part {
	UDP_ALL,	  /* the chain of the port */
	UDP_SAME_ADDRESS, /* the chain of port and address */
	UDP_WILDCARD,	  /* the chain of port and wildcard */
};

static bool in_part(const struct judge *judge, const struct socket_record *owner, enum udp_part part)
{
	switch (part) {
	case UDP_ALL:
		break;
	case UDP_SAME_ADDRESS:
		return ip_address_equal(&owner->local, &judge->side.address);
	case UDP_WILDCARD:
		return ip_address_is_any(&owner->local);
	}
	return true;
}

/* Is the owner passed over, because the two do not meet or both have SO_REUSEADDR? */
static enum law udp_passed(const struct judge *judge, const struct socket_record *owner)
{
	enum law overlap = meets(judge, owner);
	enum law address = both_have(judge->query->reuseaddr, owner, SOCKET_REUSEADDR);

	if (overlap == LAW_NO || address == LAW_YES)
		return LAW_YES;
	if (address == LAW_UNKNOWN)
		judge->result->inexact_because |= GAP_OPTIONS;
	return overlap == LAW_YES && address == LAW_NO ? LAW_NO : LAW_UNKNOWN;
}

static unsigned udp_decision(const struct judge *judge, const struct socket_record *owner)
{
	switch (shares_port(judge, owner)) {
	case LAW_YES:
		return OUTCOME_FREE;
	case LAW_NO:
		return OUTCOME_IN_USE;
	case LAW_UNKNOWN:
		break;
	}
	judge->result->inexact_because |= GAP_OPTIONS;
	return OUTCOME_FREE | OUTCOME_IN_USE;
}

/*
 * udp_lib_lport_inuse(): the first owner in the chain that is not passed over decides. Where the order is not known, any
 * of them may be the first.
 */
static unsigned judge_chain(const struct judge *judge, enum udp_part part, bool ordered)
{
	unsigned outcome = 0;
	bool reached = true; /* the end of the chain may be */

	for (size_t i = 0; i < judge->netns->sockets.count && (reached || !ordered); i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];
		enum law passed;

		if (!is_owner(judge, owner) || !in_part(judge, owner, part))
			continue;
		passed = udp_passed(judge, owner);
		if (passed == LAW_YES)
			continue;
		outcome |= udp_decision(judge, owner);
		if (passed == LAW_NO)
			reached = false;
	}
	return outcome | (reached ? OUTCOME_FREE : 0);
}

/* Does the order in which the sockets were read say how they hang in their chain? netlink's does not, and a chain of one
 * address is in another order when a socket came to it by connect(). */
static bool order_is_known(const struct judge *judge, enum udp_part part)
{
	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];

		if (!is_owner(judge, owner) || !in_part(judge, owner, part))
			continue;
		if (!(owner->known & SOCKET_REUSEPORT) ||
		    (part == UDP_SAME_ADDRESS && !(owner->flags & SOCKET_ADDRESS_BOUND)))
			return false;
	}
	return true;
}

static unsigned judge_part(const struct judge *judge, enum udp_part part)
{
	uint32_t before = judge->result->inexact_because;
	unsigned outcome = judge_chain(judge, part, order_is_known(judge, part));

	if (outcome == (OUTCOME_FREE | OUTCOME_IN_USE) && judge->result->inexact_because == before)
		judge->result->inexact_because |= GAP_ORDER;
	return outcome;
}

/* With a long chain, a socket with an address of its own is compared through the chains of that address and of the
 * wildcard; either may refuse. */
static unsigned judge_long_chain(const struct judge *judge)
{
	unsigned address, wildcard;

	if (ip_address_is_any(&judge->side.address))
		return judge_part(judge, UDP_ALL);
	address = judge_part(judge, UDP_SAME_ADDRESS);
	if (!(address & OUTCOME_FREE))
		return address;
	wildcard = judge_part(judge, UDP_WILDCARD);
	return ((address | wildcard) & OUTCOME_IN_USE) | (address & wildcard & OUTCOME_FREE);
}

static void add_udp_blockers(const struct judge *judge)
{
	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];
		enum law passed;
		unsigned decision;

		if (!is_owner(judge, owner))
			continue;
		passed = udp_passed(judge, owner);
		decision = udp_decision(judge, owner);
		if (passed != LAW_YES && decision & OUTCOME_IN_USE)
			add_blocker(judge, i, passed == LAW_NO && decision == OUTCOME_IN_USE);
	}
}

static unsigned judge_udp(const struct judge *judge)
{
	const struct bind_bucket *chain = &judge->netns->bucket[1];
	unsigned outcome, other;

	if (chain->protocol && chain->chain > UDP_CHAIN_SHORT) {
		outcome = judge_long_chain(judge);
	} else {
		outcome = judge_part(judge, UDP_ALL);
		other = chain->protocol ? outcome : judge_long_chain(judge);
		if (other != outcome)
			judge->result->inexact_because |= GAP_ORDER;
		outcome |= other;
	}
	if (outcome & OUTCOME_IN_USE)
		add_udp_blockers(judge);
	return outcome;
}

/* --- what refuses before any owner is looked at ----------------------------------------------------------------- */

static bool lacks_privilege(const struct bind_query *query, const struct settings *settings)
{
	uint32_t start = settings->known & SETTING_UNPRIVILEGED_START ? settings->unprivileged_start
								      : 1024;

	return query->port < start && !query->privileged;
}

/* __inet_bind() */
static int forbidden_v4(const struct bind_query *query, const struct settings *settings)
{
	if (!query->address_is_local && !query->freebind)
		return EADDRNOTAVAIL;
	return lacks_privilege(query, settings) ? EACCES : 0;
}

/* __inet6_bind(): another order. */
static int forbidden_v6(const struct bind_query *query, const struct settings *settings)
{
	const uint8_t *bytes = query->address.bytes;
	bool real = query->address.family == IP_V6 && !ip_address_is_any(&query->address);
	bool multicast = real && bytes[0] == 0xff;
	bool link_local = real && ((bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) ||
				   (multicast && ((bytes[1] & 0x0f) == 1 || (bytes[1] & 0x0f) == 2)));

	if (multicast && query->protocol == PROTOCOL_TCP)
		return EINVAL;
	if (lacks_privilege(query, settings))
		return EACCES;
	if (query->address.family == IP_V4 && query->v6only)
		return EINVAL;
	if (link_local && !query->device)
		return EINVAL;
	if (real && query->device && query->device_is_absent)
		return ENODEV;
	return query->address_is_local || query->freebind || multicast ? 0 : EADDRNOTAVAIL;
}

/* --- the verdict ------------------------------------------------------------------------------------------------ */

static void conclude(const struct judge *judge, unsigned outcome)
{
	const struct netns_snapshot *netns = judge->netns;
	struct bind_result *result = judge->result;
	bool tcp = judge->query->protocol == PROTOCOL_TCP;
	uint32_t gaps = netns->gaps & (GAPS_UNRELIABLE | (judge->query->device ? GAP_VRF : 0));

	if (outcome == OUTCOME_FREE || outcome == OUTCOME_IN_USE)
		result->inexact_because = 0; /* what was not known did not matter */
	if (tcp && outcome == OUTCOME_FREE && !netns->bucket[0].protocol &&
	    judge->laws->bound_visible != LAW_YES)
		gaps |= GAP_BOUND_HIDDEN;
	if (!judge->laws->bind_verified)
		gaps |= GAP_KERNEL;
	result->inexact_because |= gaps;
	result->exact = !result->inexact_because;
	if (outcome & OUTCOME_IN_USE) {
		result->verdict = BIND_IN_USE;
		result->error = EADDRINUSE;
		return;
	}
	result->verdict = BIND_FREE;
	result->listen_fails = false;
	result->n_blockers = 0;
	result->more_blockers = 0;
}

static void conclude_forbidden(const struct judge *judge, int error)
{
	struct bind_result *result = judge->result;

	result->verdict = BIND_FORBIDDEN;
	result->error = error;
	if (error == EACCES && !(judge->netns->settings.known & SETTING_UNPRIVILEGED_START))
		result->inexact_because |= GAP_SETTINGS;
	if (!judge->laws->bind_verified)
		result->inexact_because |= GAP_KERNEL;
	result->exact = !result->inexact_because;
}

static struct overlap_side side_of(const struct bind_query *query)
{
	struct overlap_side side = {.address = query->address,
				    .af_inet6 = query->af_inet6,
				    .v6only = query->af_inet6 && query->v6only,
				    .wildcard = true,
				    .stand_in = query->protocol == PROTOCOL_UDP};

	if (side.address.family == IP_NONE)
		side.address.family = query->af_inet6 ? IP_V6 : IP_V4;
	/* bind() to an IPv6 address of its own makes the socket V6ONLY. */
	if (side.address.family == IP_V6 && !ip_address_is_any(&side.address))
		side.v6only = true;
	return side;
}

static void judge_query(struct judge *judge)
{
	const struct settings *settings = &judge->netns->settings;
	const struct bind_query *query = judge->query;
	struct bind_result *result = judge->result;
	int error;

	*result = (struct bind_result){0};
	judge->side = side_of(query);
	result->in_ephemeral_range = settings->known & SETTING_RANGE &&
				     port_range_has(settings->range, query->port);
	result->reserved = port_set_has(&settings->reserved, query->port);
	result->privileged_port = settings->known & SETTING_UNPRIVILEGED_START &&
				  query->port < settings->unprivileged_start;
	error = query->af_inet6 ? forbidden_v6(query, settings) : forbidden_v4(query, settings);
	if (error)
		conclude_forbidden(judge, error);
	else
		conclude(judge, query->protocol == PROTOCOL_TCP ? judge_tcp(judge) : judge_udp(judge));
}

static int check_query(const struct netns_snapshot *netns, const struct bind_query *query,
		       struct eph_error *reterr)
{
	if (query->protocol != PROTOCOL_TCP && query->protocol != PROTOCOL_UDP)
		return error_set(reterr, -EINVAL, "bind", "protocol %u is neither TCP nor UDP",
				 query->protocol);
	if (!query->port)
		return error_set(reterr, -EINVAL, "bind", "port 0 leaves the choice to the kernel");
	if (query->address.family == IP_V6 && !query->af_inet6)
		return error_set(reterr, -EINVAL, "bind",
				 "an IPv6 address needs a socket of that family");
	if (!netns->sockets_complete && netns->sockets_port != query->port)
		return error_set(reterr, -ENODATA, "bind",
				 "the sockets on port %u are not in this snapshot", query->port);
	return 0;
}

int bind_verdict(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		 const struct bind_query *query, struct bind_result *ret, struct eph_error *reterr)
{
	struct judge judge = {.netns = netns, .laws = laws, .query = query, .result = ret};
	int r = check_query(netns, query, reterr);

	if (r == 0)
		judge_query(&judge);
	return r;
}

/* --- advice ----------------------------------------------------------------------------------------------------- */

static bool would_succeed(const struct judge *like, const struct bind_query *query, bool later)
{
	struct bind_result result;
	struct judge judge = {.netns = like->netns,
			      .laws = like->laws,
			      .query = query,
			      .without_waiting = later,
			      .result = &result};

	judge_query(&judge);
	return result.verdict == BIND_FREE && result.exact;
}

/* The longest time that something in TIME_WAIT on the port still has, rounded up. */
static uint32_t seconds_of_waiting(const struct judge *judge)
{
	uint32_t ms = 0;

	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *record = &judge->netns->sockets.record[i];

		if (is_owner(judge, record) && record->flags & SOCKET_MINI && record->expires_ms > ms)
			ms = record->expires_ms;
	}
	return ms / 1000 + 1;
}

struct advising {
	const struct judge *judge;
	struct bind_advice *advice;
	unsigned count;
};

static void advise(struct advising *advising, enum bind_advice_id id, const struct bind_query *query)
{
	if (advising->count < BIND_ADVICE_MAX && would_succeed(advising->judge, query, false))
		advising->advice[advising->count++] =
			(struct bind_advice){.id = id, .address = query->address};
}

static void advise_addresses(struct advising *advising, const struct ip_address *local, size_t n_local)
{
	struct bind_query query = *advising->judge->query;
	enum ip_family family = query.af_inet6 ? IP_V6 : IP_V4;

	if (!ip_address_is_any(&advising->judge->side.address))
		return;
	for (size_t i = 0; i < n_local && advising->count + 1 < BIND_ADVICE_MAX; i++) {
		query.address = local[i];
		if (local[i].family == family && !ip_address_is_any(&local[i]))
			advise(advising, BIND_ADVICE_ADDRESS, &query);
	}
}

unsigned bind_advise(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		     const struct bind_query *query, const struct ip_address *local, size_t n_local,
		     struct bind_advice ret[BIND_ADVICE_MAX])
{
	const struct judge judge = {.netns = netns, .laws = laws, .query = query, .side = side_of(query)};
	struct advising advising = {.judge = &judge, .advice = ret};
	struct bind_query other = *query;

	if (check_query(netns, query, NULL) < 0)
		return 0;
	other.reuseaddr = true;
	if (!query->reuseaddr)
		advise(&advising, BIND_ADVICE_REUSEADDR, &other);
	other = *query;
	other.reuseport = true;
	if (!query->reuseport)
		advise(&advising, BIND_ADVICE_REUSEPORT, &other);
	other = *query;
	other.v6only = true;
	if (query->af_inet6 && !query->v6only)
		advise(&advising, BIND_ADVICE_V6ONLY, &other);
	advise_addresses(&advising, local, n_local);
	if (advising.count < BIND_ADVICE_MAX && query->protocol == PROTOCOL_TCP &&
	    would_succeed(&judge, query, true))
		ret[advising.count++] = (struct bind_advice){.id = BIND_ADVICE_WAIT,
							     .seconds = seconds_of_waiting(&judge)};
	return advising.count;
}
