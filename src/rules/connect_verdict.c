#include "connect_verdict.h"

#include <errno.h>
#include <string.h>

#include "connect_causes.h"
#include "error.h"

#define BLOCKED_WORTH_READING 10u /* blocked ports are at least this part of the range */

const char *connect_answer_name(enum connect_answer answer)
{
	static const char *const name[] = {"ok", "exhausted", "not-exhaustion", "not-settled"};

	return name[answer];
}

const char *connect_cause_name(enum connect_cause_id id)
{
	static const char *const name[CONNECT_CAUSES] = {
		[CONNECT_IN_USE] = "in-use",
		[CONNECT_TIME_WAIT] = "time-wait",
		[CONNECT_LISTENERS] = "blocked-by-listeners",
		[CONNECT_BOUND] = "blocked-by-bound-sockets",
		[CONNECT_BIND_POOL] = "bind-before-connect",
		[CONNECT_BLOCKED_OTHER] = "blocked",
		[CONNECT_UDP_POOL] = "udp-pool",
		[CONNECT_RESERVED] = "reserved",
		[CONNECT_NARROW_RANGE] = "narrow-range",
		[CONNECT_PAST_KNEE] = "past-knee",
		[CONNECT_SOURCE_NOT_LOCAL] = "source-not-local",
		[CONNECT_IPV6_DISABLED] = "ipv6-disabled",
		[CONNECT_IPV6_ABSENT] = "ipv6-absent",
		[CONNECT_LOOPBACK_DOWN] = "loopback-down",
		[CONNECT_NO_SOURCE] = "no-source-address",
		[CONNECT_NO_ROUTE] = "no-route",
		[CONNECT_NO_SCOPE] = "link-local-without-interface",
		[CONNECT_MANY_HOSTS] = "broadcast-or-multicast",
		[CONNECT_POLICY] = "policy",
		[CONNECT_REFUSED] = "refused",
		[CONNECT_NOT_SEEN] = "not-seen",
		[CONNECT_ROUTE_UNKNOWN] = "route-unknown",
	};

	return name[id];
}

static bool is_multicast(const struct ip_address *address)
{
	return address->family == IP_V6 ? address->bytes[0] == 0xff : address->bytes[0] >> 4 == 0xe;
}

static bool is_link_local(const struct ip_address *address)
{
	return address->family == IP_V6 && address->bytes[0] == 0xfe &&
	       (address->bytes[1] & 0xc0) == 0x80;
}

/* The errno of connect() before, for UDP after, it looks for a port. Multicast over IPv6 is refused before routing. */
static int route_errno(const struct capacity_query *query, const struct connect_facts *facts)
{
	bool multicast = is_multicast(&query->to);

	if (query->protocol == PROTOCOL_TCP && multicast && query->to.family == IP_V6)
		return ENETUNREACH;
	if (facts->route_error)
		return facts->route_error;
	if (!facts->many_hosts)
		return 0;
	if (query->protocol == PROTOCOL_TCP)
		return ENETUNREACH;
	return multicast ? 0 : EACCES; /* UDP to a broadcast address, without SO_BROADCAST */
}

bool connect_refused(const struct capacity_query *query, const struct connect_facts *facts)
{
	if (!facts->asked)
		return false;
	return facts->bind_error ||
	       (query->protocol == PROTOCOL_TCP && route_errno(query, facts) != 0);
}

bool connect_needs_blockers(const struct capacity_result *capacity)
{
	if (capacity->protocol != PROTOCOL_TCP || !capacity->blocked)
		return false;
	return !capacity->left ||
	       capacity->blocked * BLOCKED_WORTH_READING >= port_range_width(capacity->range);
}

/* Why IPv6 has no address, most telling first. Return: whether a reason was found. */
static bool add_ipv6_off(const struct connect_facts *facts, bool loopback,
			 struct connect_result *result)
{
	bool off =
		facts->ipv6_disabled == LAW_YES || (loopback && facts->lo_ipv6_disabled == LAW_YES);

	if (off)
		connect_add_cause(result, CONNECT_IPV6_DISABLED, true);
	return off;
}

static void add_no_address(const struct capacity_query *query, const struct connect_facts *facts,
			   struct connect_result *result)
{
	bool loopback = ip_address_is_loopback(&query->to) || ip_address_is_loopback(&query->from);

	if (query->to.family == IP_V6 && add_ipv6_off(facts, loopback, result))
		return;
	if (loopback && facts->loopback_up == LAW_NO)
		connect_add_cause(result, CONNECT_LOOPBACK_DOWN, true);
	else if (result->by_bind)
		connect_add_cause(result, CONNECT_SOURCE_NOT_LOCAL, true);
	else
		connect_add_cause(result, CONNECT_NO_SOURCE, true);
}

/* To the loopback address no route leads when the address is gone. */
static void add_no_route(const struct capacity_query *query, const struct connect_facts *facts,
			 struct connect_result *result)
{
	if (facts->many_hosts || is_multicast(&query->to))
		connect_add_cause(result, CONNECT_MANY_HOSTS, true);
	else if (ip_address_is_loopback(&query->to))
		add_no_address(query, facts, result);
	else
		connect_add_cause(result, CONNECT_NO_ROUTE, true);
}

/* What stands behind @error, as far as the facts show it. */
static void add_network_cause(const struct capacity_query *query, const struct connect_facts *facts,
			      int error, struct connect_result *result)
{
	if (error == EAFNOSUPPORT && facts->ipv6_absent == LAW_YES)
		connect_add_cause(result, CONNECT_IPV6_ABSENT, true);
	else if (error == EADDRNOTAVAIL)
		add_no_address(query, facts, result);
	else if (error == ENETUNREACH || error == EHOSTUNREACH)
		add_no_route(query, facts, result);
	else if (error == EINVAL && (is_link_local(&query->to) || is_link_local(&query->from)))
		connect_add_cause(result, CONNECT_NO_SCOPE, true);
	else if (error == EACCES && facts->many_hosts)
		connect_add_cause(result, CONNECT_MANY_HOSTS, true);
	else if (error == EACCES || error == EPERM)
		connect_add_cause(result, CONNECT_POLICY, true);
	else
		connect_add_cause(result, CONNECT_REFUSED, true);
}

static void refuse(const struct capacity_query *query, const struct connect_facts *facts,
		   struct connect_result *result)
{
	result->answer = CONNECT_NOT_EXHAUSTION;
	result->by_bind = facts->bind_error != 0;
	result->error = result->by_bind ? facts->bind_error : route_errno(query, facts);
	add_network_cause(query, facts, result->error, result);
}

/* With the ports counted: which of the two ways a fresh socket goes. */
static enum connect_answer judge_ports(const struct capacity_result *capacity)
{
	if (!capacity->left_max)
		return CONNECT_EXHAUSTED;
	return capacity->left ? CONNECT_OK : CONNECT_NOT_SETTLED;
}

static void add_hypotheses(struct connect_result *result)
{
	const struct capacity_result *capacity = &result->capacity;

	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1) {
		struct connect_cause *cause;

		if (!(capacity->inexact_because & bit) || bit == GAP_KERNEL)
			continue;
		cause = connect_add_cause(result, CONNECT_NOT_SEEN, false);
		if (!cause)
			return;
		cause->gap = bit;
		cause->ports = capacity->left_max - capacity->left;
	}
}

static int judge(const struct snapshot *snapshot, const struct capacity_query *query,
		 const struct connect_facts *facts, struct connect_result *result)
{
	int later = query->protocol == PROTOCOL_UDP && facts->asked ? route_errno(query, facts) : 0;
	int r;

	result->answer = judge_ports(&result->capacity);
	if (result->answer != CONNECT_OK)
		result->error = query->protocol == PROTOCOL_UDP ? EAGAIN : EADDRNOTAVAIL;
	if (later && result->answer == CONNECT_OK) {
		refuse(query, facts, result);
		return 0;
	}
	r = connect_add_ports(snapshot, query, result);
	if (r < 0)
		return r;
	if (later)
		add_network_cause(query, facts, later, result);
	if (result->answer == CONNECT_NOT_SETTLED)
		add_hypotheses(result);
	if (!facts->asked || facts->route_unknown)
		connect_add_cause(result, CONNECT_ROUTE_UNKNOWN, false);
	return 0;
}

int connect_verdict(const struct snapshot *snapshot, const struct capacity_query *query,
		    const struct connect_facts *facts, struct connect_result *ret,
		    struct eph_error *reterr)
{
	struct connect_result result = {
		.facts = *facts,
		.capacity = {.protocol = query->protocol,
			     .from = query->from,
			     .to = query->to,
			     .to_port = query->to_port},
	};
	int r;

	if (connect_refused(query, facts)) {
		refuse(query, facts, &result);
		*ret = result;
		return 0;
	}
	r = capacity_count(&snapshot->netns[0], &snapshot->laws, query, &result.capacity, reterr);
	if (r < 0)
		return r;
	result.has_capacity = true;
	r = judge(snapshot, query, facts, &result);
	if (r < 0)
		return error_set(reterr, r, "connect", "out of memory");
	*ret = result;
	return 0;
}
