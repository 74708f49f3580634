#include "bind_verdict.h"

#include <errno.h>
#include <string.h>

#include "bind_judge.h"
#include "error.h"

/* What was read cannot be relied on as a whole. */
#define GAPS_UNRELIABLE (GAP_INTERRUPTED | GAP_CHANGED | GAP_PRIVATE_TABLE | GAP_VANISHED)

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

/* --- TCP -------------------------------------------------------------------------------------------------------- */

/*
 * inet_bind2_bucket_match_addr_any() before 6.9: an AF_INET6 socket on a v4-mapped address does not look at the owners of
 * 0.0.0.0, AF_INET ones among them, if it was an AF_INET6 socket that made their part of the bucket.
 */
static enum law overlooks(const struct judge *judge, const struct socket_record *owner)
{
	const struct bind_bucket *bucket = &judge->netns->bucket[0];
	const struct ip_address *ours = &judge->side.address;

	if (judge->laws->mapped_sees_any == LAW_YES || !judge->query->af_inet6 ||
	    ours->family != IP_V4 || ip_address_is_any(ours) || owner->local.family != IP_V4 ||
	    !ip_address_is_any(&owner->local))
		return LAW_NO;
	if (!bucket->any_v4_made_by)
		return LAW_UNKNOWN;
	return bucket->any_v4_made_by == 6 ? LAW_YES : LAW_NO;
}

/* inet_bind_conflict() and the addresses: does this owner keep the new socket off its port? */
static enum law tcp_conflict(const struct judge *judge, const struct socket_record *owner)
{
	enum law overlap = bind_judge_meets(judge, owner),
		 port = bind_judge_shares_port(judge, owner), address = LAW_NO,
		 overlooked = overlooks(judge, owner);

	if (owner->state != STATE_LISTEN)
		address = bind_judge_shares_address(judge, owner);
	if (overlap == LAW_NO || address == LAW_YES || port == LAW_YES || overlooked == LAW_YES)
		return LAW_NO;
	if (overlooked == LAW_UNKNOWN)
		judge->result->inexact_because |= GAP_BUCKET_STATE;
	else if (address == LAW_UNKNOWN || port == LAW_UNKNOWN)
		judge->result->inexact_because |= GAP_OPTIONS;
	else if (overlap == LAW_YES)
		return LAW_YES;
	return LAW_UNKNOWN;
}

/* The two passes put those first that a person can do something about. */
static unsigned judge_owners(const struct judge *judge, bool held)
{
	unsigned outcome = OUTCOME_FREE;

	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];
		enum law conflict;

		if (!bind_judge_is_owner(judge, owner) ||
		    (owner->state == STATE_LISTEN || owner->state == STATE_BOUND) != held)
			continue;
		conflict = tcp_conflict(judge, owner);
		if (conflict == LAW_NO)
			continue;
		bind_judge_add_blocker(judge, i, conflict == LAW_YES);
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
	unsigned outcome =
		((listeners | others) & OUTCOME_IN_USE) | (listeners & others & OUTCOME_FREE);

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

/* --- what refuses before any owner is looked at ----------------------------------------------------------------- */

static bool lacks_privilege(const struct bind_query *query, const struct settings *settings)
{
	uint32_t start =
		settings->known & SETTING_UNPRIVILEGED_START ? settings->unprivileged_start : 1024;

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
	bool link_local =
		real && ((bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) ||
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
	memset(result->count, 0, sizeof(result->count));
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
	result->in_ephemeral_range =
		settings->known & SETTING_RANGE && port_range_has(settings->range, query->port);
	result->reserved = port_set_has(&settings->reserved, query->port);
	result->privileged_port = settings->known & SETTING_UNPRIVILEGED_START &&
				  query->port < settings->unprivileged_start;
	error = query->af_inet6 ? forbidden_v6(query, settings) : forbidden_v4(query, settings);
	if (error)
		conclude_forbidden(judge, error);
	else
		conclude(judge, query->protocol == PROTOCOL_TCP ? judge_tcp(judge)
								: bind_judge_udp(judge));
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

/* The longest time that a TIME_WAIT that is in the way still has, rounded up. */
static uint32_t seconds_of_waiting(const struct judge *like)
{
	struct bind_result result = {.error = 0};
	struct judge judge = *like;
	uint32_t ms = 0;

	judge.result = &result;
	for (size_t i = 0; i < judge.netns->sockets.count; i++) {
		const struct socket_record *record = &judge.netns->sockets.record[i];

		if (record->flags & SOCKET_MINI && bind_judge_is_owner(&judge, record) &&
		    tcp_conflict(&judge, record) != LAW_NO && record->expires_ms > ms)
			ms = record->expires_ms;
	}
	return ms / 1000 + 1;
}

struct advising {
	const struct judge *judge;
	struct bind_advice *advice;
	unsigned count;
};

static void advise(struct advising *advising, enum bind_advice_id id,
		   const struct bind_query *query)
{
	if (advising->count < BIND_ADVICE_MAX && would_succeed(advising->judge, query, false))
		advising->advice[advising->count++] =
			(struct bind_advice){.id = id, .address = query->address};
}

static void advise_addresses(struct advising *advising, const struct ip_address *local,
			     size_t n_local)
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
	const struct judge judge = {
		.netns = netns, .laws = laws, .query = query, .side = side_of(query)};
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
