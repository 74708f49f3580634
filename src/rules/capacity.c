#include "capacity.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "overlap.h"
#include "time_wait.h"

/* What was read cannot be relied on as a whole: the numbers stand, but not as exact. */
#define GAPS_UNRELIABLE (GAP_INTERRUPTED | GAP_CHANGED | GAP_PRIVATE_TABLE | GAP_VANISHED)
/* Nothing at all is known of the sockets: no connection is certain to succeed. */
#define GAPS_BLIND (GAP_PRIVATE_TABLE | GAP_VANISHED)

#define FREES_SECONDS_MAX 121u /* TIME_WAIT lasts 60 s; a sum of two for good measure */

/* Ports on which the 4-tuple of the query exists already, by what a new connect() would find there. */
struct tuples {
	struct port_set live;     /* a connection, or one being set up */
	struct port_set waiting;  /* TIME_WAIT that does not give way now */
	struct port_set yielding; /* TIME_WAIT that gives way */
	/* TIME_WAIT that gives way if it is old enough, which the collector cannot tell. */
	struct port_set aged_unknown;
	/* TIME_WAIT that gives way if a setting allows it that could not be read. */
	struct port_set reuse_unknown;
	/* Some connection to the destination; the source of ours is not known. */
	struct port_set source_unknown;
	/* A connection that is in the way unless it is bound to another device, which the collector does not see. */
	struct port_set device_unknown;
	/* Of a waiting port: the seconds until it is usable. */
	uint8_t free_after_s[UINT16_MAX + 1];
};

enum fate {
	FATE_RESERVED,
	FATE_BLOCKED,
	FATE_IN_USE,
	FATE_TIME_WAIT,
	FATE_FREE,
};

struct port_verdict {
	enum fate fate;
	uint32_t doubt;        /* FATE_FREE: why it may turn out not to be (enum snapshot_gap) */
	bool replaces_waiting; /* FATE_FREE: by taking over a TIME_WAIT */
};

/* inet_sk_get_local_port_range(): a half that lies outside is ignored, and the upper is tested against the raised lower. */
struct port_range capacity_range(struct port_range netns_range, bool has_window,
				 struct port_range window)
{
	struct port_range range = netns_range;

	if (!has_window)
		return range;
	if (port_range_has(range, window.lo))
		range.lo = window.lo;
	if (port_range_has(range, window.hi))
		range.hi = window.hi;
	return range;
}

void capacity_candidates(const struct netns_snapshot *netns, struct port_set *ret)
{
	port_set_clear(ret);
	port_set_add_range(ret, netns->settings.range);
	port_set_remove_set(ret, &netns->settings.reserved);
	port_set_remove_set(ret, &netns->binds.closed);
}

/* The option is off while it is {0, 0}; once set it makes the search strict, even if both halves are ignored. */
static bool is_windowed(const struct capacity_query *query)
{
	return query->has_window && (query->window.lo || query->window.hi);
}

static bool has_tuple(const struct socket_record *record)
{
	return record->protocol == PROTOCOL_TCP && record->state != STATE_LISTEN &&
	       record->state != STATE_BOUND && record->state != STATE_CLOSE;
}

/*
 * inet_match(), but for the local address. The device rule is not symmetric: an entry bound to a device stands only in
 * the way of a socket bound to the same one, an entry bound to none stands in everybody's way.
 */
static bool remote_matches(const struct capacity_query *query, const struct socket_record *record)
{
	return record->remote_port == query->to_port &&
	       ip_address_equal(&record->remote, &query->to) &&
	       (record->device == 0 || record->device == query->device);
}

static bool source_is_known(const struct capacity_query *query)
{
	return query->from.family != IP_NONE && !ip_address_is_any(&query->from);
}

/* tcp_twsk_unique(): the setting. LAW_UNKNOWN when it could not be read and would decide. */
static enum law reuse_is_allowed(const struct settings *settings,
				 const struct capacity_query *query,
				 const struct socket_record *record)
{
	if (query->reuse_time_wait < 0 && !(settings->known & SETTING_TW_REUSE))
		return LAW_UNKNOWN;
	return time_wait_allowed(&query->from, &query->to, record->device == 1, settings,
				 query->reuse_time_wait)
		       ? LAW_YES
		       : LAW_NO;
}

/* When a TIME_WAIT that holds its port now will let go: old enough to be replaced, or at its end. Rounded up. */
static uint32_t seconds_until_free(const struct settings *settings, const struct kernel_laws *laws,
				   const struct socket_record *record, enum law allowed)
{
	uint32_t ms = record->expires_ms, known = SOCKET_TIMESTAMPS | SOCKET_AGE;

	if (allowed == LAW_YES && record->state == STATE_TIME_WAIT &&
	    (record->known & known) == known && (record->flags & SOCKET_TIMESTAMPS)) {
		uint32_t needed =
			laws->entry_stamp == LAW_YES ? settings->tw_reuse_delay_ms + 1 : 1000;
		uint32_t age =
			laws->entry_stamp == LAW_YES ? record->age_ms : record->ts_age_s * 1000;
		uint32_t wait = needed > age ? needed - age : 0;

		if (wait < ms)
			ms = wait;
	}
	return ms / 1000 + (ms % 1000 != 0);
}

static void note_time_wait(struct tuples *tuples, const struct netns_snapshot *netns,
			   const struct kernel_laws *laws, const struct capacity_query *query,
			   const struct socket_record *record)
{
	enum law aged = time_wait_aged(record, &netns->settings, laws);
	enum law allowed = reuse_is_allowed(&netns->settings, query, record);
	uint32_t seconds;

	if (aged == LAW_NO || allowed == LAW_NO) {
		seconds = seconds_until_free(&netns->settings, laws, record, allowed);
		tuples->free_after_s[record->local_port] =
			(uint8_t)(seconds < FREES_SECONDS_MAX ? seconds : FREES_SECONDS_MAX);
		port_set_add(&tuples->waiting, record->local_port);
		return;
	}
	if (aged == LAW_YES && allowed == LAW_YES)
		port_set_add(&tuples->yielding, record->local_port);
	if (aged == LAW_UNKNOWN)
		port_set_add(&tuples->aged_unknown, record->local_port);
	if (allowed == LAW_UNKNOWN)
		port_set_add(&tuples->reuse_unknown, record->local_port);
}

/* __inet_check_established() for every port at once: what stands in the table of connections towards the destination. */
static void check_established(const struct netns_snapshot *netns, const struct kernel_laws *laws,
			      const struct capacity_query *query, struct tuples *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < netns->sockets.count; i++) {
		const struct socket_record *record = &netns->sockets.record[i];

		if (!has_tuple(record) || !remote_matches(query, record))
			continue;
		if (!source_is_known(query))
			port_set_add(&ret->source_unknown, record->local_port);
		else if (!ip_address_equal(&record->local, &query->from))
			continue;
		else if (record->flags & SOCKET_DEVICE_HIDDEN)
			port_set_add(&ret->device_unknown, record->local_port);
		else if (record->flags & SOCKET_MINI)
			note_time_wait(ret, netns, laws, query, record);
		else
			port_set_add(&ret->live, record->local_port);
	}
}

/* What __inet_hash_connect() finds when it looks at @port: reservation, then bind bucket, then 4-tuple. */
static struct port_verdict check_port(const struct netns_snapshot *netns,
				      const struct tuples *tuples, uint16_t port)
{
	struct port_verdict verdict = {.fate = FATE_FREE};
	bool live = port_set_has(&tuples->live, port),
	     held = live || port_set_has(&tuples->waiting, port);
	bool yields = port_set_has(&tuples->yielding, port);

	if (port_set_has(&netns->settings.reserved, port))
		return (struct port_verdict){.fate = FATE_RESERVED};
	if (port_set_has(&netns->binds.closed, port))
		return (struct port_verdict){.fate = FATE_BLOCKED};
	if (port_set_has(&tuples->aged_unknown, port))
		verdict.doubt |= GAP_TW_AGE;
	if (port_set_has(&tuples->reuse_unknown, port))
		verdict.doubt |= GAP_SETTINGS;
	verdict.replaces_waiting = yields || verdict.doubt;
	if (held && !verdict.replaces_waiting)
		return (struct port_verdict){.fate = live ? FATE_IN_USE : FATE_TIME_WAIT};
	/* two entries match (one bound to the device, one to none): the first in the chain decides */
	if (held)
		verdict.doubt |= GAP_ORDER;
	if (port_set_has(&tuples->source_unknown, port))
		verdict.doubt |= GAP_SOURCE;
	if (port_set_has(&tuples->device_unknown, port))
		verdict.doubt |= GAP_OPTIONS;
	if (port_set_has(&netns->binds.maybe, port))
		verdict.doubt |= GAP_BUCKET_STATE;
	return verdict;
}

/*
 * Searching by parity, the kernel makes an odd number of ports even by leaving out one end, chosen by a hash with a
 * secret; of three ports always the upper one. The last call before the refusal may thus overlook one free end.
 */
static bool may_overlook_an_end(struct port_range range, bool lo_is_free, bool hi_is_free)
{
	uint32_t width = port_range_width(range);

	if (width % 2 == 0 || width == 1)
		return false;
	return hi_is_free || (width > 3 && lo_is_free);
}

/* The reason why one free end may be overlooked, or 0. */
static uint32_t odd_range_gap(const struct kernel_laws *laws, const struct capacity_query *query,
			      struct port_range range, bool lo_is_free, bool hi_is_free)
{
	if (!may_overlook_an_end(range, lo_is_free, hi_is_free))
		return 0;
	if (!is_windowed(query) || laws->step_one == LAW_NO)
		return GAP_ODD_RANGE;
	return laws->step_one == LAW_UNKNOWN ? GAP_WINDOW_UNKNOWN : 0;
}

/* Nothing when @gap is 0: there is no reason to. */
static void lower_left(struct capacity_result *result, uint32_t by, uint32_t gap)
{
	if (!gap || !by || !result->left)
		return;
	result->left -= by < result->left ? by : result->left;
	result->inexact_because |= gap;
}

/* Gaps that no port shows: the kernel's laws, the reading as a whole. */
static void judge_exactness(const struct netns_snapshot *netns, const struct kernel_laws *laws,
			    const struct capacity_query *query, struct capacity_result *result)
{
	result->inexact_because |= netns->gaps & GAPS_UNRELIABLE;
	if (query->device)
		result->inexact_because |= netns->gaps & GAP_VRF;
	if (!(netns->settings.known & SETTING_RESERVED))
		result->inexact_because |= GAP_SETTINGS;
	if (!laws->verified || netns->settings.step_width)
		result->inexact_because |= GAP_KERNEL;
	if (netns->gaps & GAPS_BLIND)
		result->left = 0;
	result->exact = result->left == result->left_max && !result->inexact_because;
}

/* The moments at which waiting ports become usable, gathered into at most CAPACITY_FREES_MAX steps. @frees counts the
 * ports by seconds. */
static void list_frees(const uint32_t frees[FREES_SECONDS_MAX + 1], struct capacity_result *result)
{
	uint32_t first = FREES_SECONDS_MAX + 1, last = 0, span, end = 0;

	for (uint32_t s = 0; s <= FREES_SECONDS_MAX; s++) {
		if (!frees[s])
			continue;
		first = s < first ? s : first;
		last = s;
	}
	if (first > last)
		return;
	span = (last - first) / CAPACITY_FREES_MAX + 1;
	for (uint32_t s = first; s <= last; s++) {
		if (!frees[s])
			continue;
		if (!result->n_frees || s >= end) {
			end = s + span;
			result->frees[result->n_frees++] = (struct capacity_frees){0};
		}
		result->frees[result->n_frees - 1].seconds = s;
		result->frees[result->n_frees - 1].ports += frees[s];
	}
}

/* __inet_hash_connect() repeated until it fails: each success uses up one free port and changes no other. */
static void count_tcp(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		      const struct capacity_query *query, struct capacity_result *result)
{
	uint32_t *const count[] = {
		[FATE_RESERVED] = &result->reserved, [FATE_BLOCKED] = &result->blocked,
		[FATE_IN_USE] = &result->in_use,     [FATE_TIME_WAIT] = &result->time_wait,
		[FATE_FREE] = &result->left_max,
	};
	bool every_port = is_windowed(query) && laws->step_one == LAW_YES;
	uint32_t frees[FREES_SECONDS_MAX + 1] = {0};
	bool lo_is_free = false, hi_is_free = false;
	struct tuples tuples;

	check_established(netns, laws, query, &tuples);
	for (uint32_t p = result->range.lo; p <= result->range.hi; p++) {
		struct port_verdict verdict = check_port(netns, &tuples, (uint16_t)p);
		bool certain = verdict.fate == FATE_FREE && !verdict.doubt;

		++*count[verdict.fate];
		if (verdict.fate == FATE_TIME_WAIT)
			frees[tuples.free_after_s[p]]++;
		result->left += certain;
		result->time_wait_reusable += verdict.replaces_waiting;
		result->inexact_because |= verdict.doubt;
		if (verdict.fate > FATE_BLOCKED && (every_port || (p - result->range.lo) % 2 == 0))
			result->knee++;
		lo_is_free |= certain && p == result->range.lo;
		hi_is_free |= certain && p == result->range.hi;
	}
	lower_left(result, 1, odd_range_gap(laws, query, result->range, lo_is_free, hi_is_free));
	lower_left(result, netns->binds.hidden, GAP_BOUND_HIDDEN);
	list_frees(frees, result);
}

static bool udp_wildcard(const struct capacity_query *query)
{
	return !query->bound || !source_is_known(query);
}

/* inet_rcv_saddr_equal() with both wildcards matching: the law of overlap.h. */
static enum overlap udp_overlaps(const struct capacity_query *query,
				 const struct socket_record *owner)
{
	struct overlap_side theirs = overlap_socket(owner);
	struct overlap_side ours = {
		.af_inet6 = query->af_inet6 || query->to.family == IP_V6,
		.v6only = query->v6only,
		.wildcard = true,
		.stand_in = true,
	};

	if (!udp_wildcard(query))
		ours.address = query->from;
	return overlap_addresses(&ours, &theirs);
}

/* Is @flag set on both? 1, 0, or -1 when the owner's is not known. */
static int both_have(bool ours, const struct socket_record *owner, uint16_t flag)
{
	if (!ours)
		return 0;
	if (!(owner->known & flag))
		return -1;
	return (owner->flags & flag) != 0;
}

/*
 * udp_lib_lport_inuse() for a port the kernel picks: does @owner keep a new socket off its port? 1 yes, 0 no, -1 not
 * known, with the reason in @gap.
 */
static int udp_conflicts(const struct capacity_query *query, const struct socket_record *owner,
			 uint32_t *gap)
{
	enum overlap overlaps = udp_overlaps(query, owner);
	int share_address = both_have(query->reuseaddr, owner, SOCKET_REUSEADDR);
	int share_port =
		both_have(query->reuseport && query->uid == owner->uid, owner, SOCKET_REUSEPORT);

	if (query->device && owner->device && query->device != owner->device)
		return 0;
	if (overlaps == OVERLAP_NO || share_address == 1 || share_port == 1)
		return 0;
	if (query->device && (owner->flags & SOCKET_DEVICE_HIDDEN)) {
		*gap = GAP_OPTIONS;
		return -1;
	}
	if (overlaps == OVERLAP_YES && share_address == 0 && share_port == 0)
		return 1;
	*gap = overlaps == OVERLAP_UNKNOWN ? GAP_V6ONLY : GAP_BUCKET_STATE;
	return -1;
}

static void check_udp_owners(const struct netns_snapshot *netns, const struct capacity_query *query,
			     struct port_set *taken, struct port_set *unsure, uint32_t *gaps)
{
	port_set_clear(taken);
	port_set_clear(unsure);
	for (size_t i = 0; i < netns->sockets.count; i++) {
		const struct socket_record *owner = &netns->sockets.record[i];
		uint32_t gap = 0;
		int conflicts;

		if (owner->protocol != PROTOCOL_UDP || !owner->local_port)
			continue;
		conflicts = udp_conflicts(query, owner, &gap);
		if (conflicts > 0)
			port_set_add(taken, owner->local_port);
		else if (conflicts < 0)
			port_set_add(unsure, owner->local_port);
		if (port_range_has(
			    capacity_range(netns->settings.range, query->has_window, query->window),
			    owner->local_port))
			*gaps |= gap;
	}
}

/* udp_lib_get_port(): tries every port, whatever the parity. The destination plays no part. */
static void count_udp(const struct netns_snapshot *netns, const struct capacity_query *query,
		      struct capacity_result *result)
{
	struct port_set taken, unsure;
	uint32_t gaps = 0;

	check_udp_owners(netns, query, &taken, &unsure, &gaps);
	for (uint32_t p = result->range.lo; p <= result->range.hi; p++) {
		uint16_t port = (uint16_t)p;

		if (port_set_has(&netns->settings.reserved, port)) {
			result->reserved++;
		} else if (port_set_has(&taken, port)) {
			result->blocked++;
		} else {
			result->left_max++;
			result->left += !port_set_has(&unsure, port);
		}
	}
	result->knee =
		result->left_max + result->blocked; /* no port is slower to find than another */
	result->unlimited = (query->reuseaddr || query->reuseport) && result->left_max;
	if (result->unlimited && result->left)
		result->left =
			result->left_max; /* one port is enough, it can be had again and again */
	if (result->left < result->left_max)
		result->inexact_because |= gaps;
}

static int check_query(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		       const struct capacity_query *query, struct eph_error *reterr)
{
	if (query->protocol != PROTOCOL_TCP && query->protocol != PROTOCOL_UDP)
		return error_set(reterr, -EINVAL, "capacity", "protocol %u is neither TCP nor UDP",
				 query->protocol);
	if (query->to.family == IP_NONE || !query->to_port)
		return error_set(reterr, -EINVAL, "capacity",
				 "the destination needs an address and a port");
	if (query->from.family != IP_NONE && query->from.family != query->to.family)
		return error_set(reterr, -EINVAL, "capacity",
				 "source and destination must both be IPv4 or both be IPv6");
	if (is_windowed(query) && laws->window == LAW_NO)
		return error_set(reterr, -EINVAL, "capacity",
				 "this kernel has no IP_LOCAL_PORT_RANGE");
	if (!(netns->settings.known & SETTING_RANGE))
		return error_set(reterr, -ENODATA, "capacity",
				 "the ephemeral range could not be read");
	return 0;
}

int capacity_count(const struct netns_snapshot *netns, const struct kernel_laws *laws,
		   const struct capacity_query *query, struct capacity_result *ret,
		   struct eph_error *reterr)
{
	struct capacity_result result = {.protocol = query->protocol,
					 .from = query->from,
					 .to = query->to,
					 .to_port = query->to_port};
	int r = check_query(netns, laws, query, reterr);

	if (r < 0)
		return r;
	result.range = capacity_range(netns->settings.range, query->has_window, query->window);
	if (query->protocol == PROTOCOL_TCP)
		count_tcp(netns, laws, query, &result);
	else
		count_udp(netns, query, &result);
	judge_exactness(netns, laws, query, &result);
	*ret = result;
	return 0;
}
