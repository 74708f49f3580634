/* eph_capacity() and eph_bind_verdict() of the C library: one observation each, judged by rules/. */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "ephemports.h"

#include "alloc.h"
#include "error.h"
#include "observe.h"
#include "observe_bind.h"

static int read_protocol(int protocol, uint8_t *ret, struct eph_error *reterr)
{
	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return error_set(reterr, -EPROTONOSUPPORT, "protocol",
				 "%d: IPPROTO_TCP or IPPROTO_UDP was expected", protocol);
	*ret = protocol == IPPROTO_TCP ? PROTOCOL_TCP : PROTOCOL_UDP;
	return 0;
}

struct endpoint {
	struct ip_address address;
	uint16_t port;
	uint32_t scope; /* of a link-local address */
};

static int read_endpoint(const struct sockaddr *address, const char *what, struct endpoint *ret,
			 struct eph_error *reterr)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	*ret = (struct endpoint){.port = 0};
	if (!address || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
		return error_set(reterr, -EAFNOSUPPORT, what,
				 "an address of AF_INET or AF_INET6 was expected");
	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		ret->address = ip_address_v4(&v4.sin_addr);
		ret->port = ntohs(v4.sin_port);
		return 0;
	}
	memcpy(&v6, address, sizeof(v6));
	ret->address = ip_address_v6(&v6.sin6_addr);
	ret->port = ntohs(v6.sin6_port);
	ret->scope = IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) ? v6.sin6_scope_id : 0;
	return 0;
}

/* connect() to "any address" goes to this host, over IPv4 to the address that it comes from. */
static int read_destination(const struct endpoint *to, const struct endpoint *from,
			    struct capacity_query *query, struct eph_error *reterr)
{
	query->to = to->address;
	query->to_port = to->port;
	query->device = to->scope;
	query->from = from->address;
	query->bound = from->address.family != IP_NONE;
	if (!ip_address_is_any(&to->address))
		return 0;
	if (from->address.family == IP_V4) {
		query->to = from->address;
		return 0;
	}
	return ip_address_parse(to->address.family == IP_V6 ? "::1" : "127.0.0.1", &query->to,
				reterr);
}

static void fill_capacity(const struct capacity_result *result, const struct snapshot *snapshot,
			  struct eph_capacity *ret)
{
	struct eph_capacity answer = {
		.sz = ret->sz,
		.range_ports = port_range_width(result->range),
		.reserved = result->reserved,
		.blocked = result->blocked,
		.in_use = result->in_use,
		.time_wait = result->time_wait,
		.left_max = result->left_max,
		.left = result->left,
		.exact = result->exact,
	};

	memcpy(answer.collector, snapshot->collector, sizeof(answer.collector) - 1);
	memcpy(ret, &answer, ret->sz < sizeof(answer) ? ret->sz : sizeof(answer));
}

int eph_capacity(const struct sockaddr *destination, const struct sockaddr *from, int protocol,
		 struct eph_capacity *ret, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct observe_options options = {.netns = NULL};
	struct capacity_query query = {.reuse_time_wait = -1};
	struct endpoint to, source = {.port = 0};
	struct capacity_result result;
	int r = read_protocol(protocol, &query.protocol, reterr);

	if (!r && ret->sz < offsetof(struct eph_capacity, collector))
		r = error_set(reterr, -EINVAL, "capacity", "sz: the size of the structure");
	if (!r)
		r = read_endpoint(destination, "destination", &to, reterr);
	if (!r && from)
		r = read_endpoint(from, "from", &source, reterr);
	if (!r && from && ip_address_is_any(&source.address))
		source.address = (struct ip_address){.family = IP_NONE};
	if (!r)
		r = read_destination(&to, &source, &query, reterr);
	if (r)
		return r;
	query.af_inet6 = destination->sa_family == AF_INET6;
	r = observe_capacity(&options, &query, &snapshot, &result, reterr);
	if (r == 0)
		fill_capacity(&result, snapshot, ret);
	return r;
}

static void fill_bind(const struct bind_result *result, const struct snapshot *snapshot,
		      struct eph_bind_answer *ret)
{
	struct eph_bind_answer answer = {
		.sz = ret->sz,
		.error = result->error,
		.exact = result->exact,
		.holders = result->n_blockers + (uint32_t)result->more_blockers,
	};

	for (unsigned i = 0; i < result->n_blockers; i++)
		if (result->blocker[i].seconds_left > answer.seconds_left)
			answer.seconds_left = result->blocker[i].seconds_left;
	memcpy(answer.collector, snapshot->collector, sizeof(answer.collector) - 1);
	memcpy(ret, &answer, ret->sz < sizeof(answer) ? ret->sz : sizeof(answer));
}

int eph_bind_verdict(const struct sockaddr *address, int protocol, unsigned flags,
		     struct eph_bind_answer *ret, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct observe_options options = {.netns = NULL};
	struct bind_query query = {
		.reuseaddr = flags & EPH_BIND_REUSEADDR,
		.reuseport = flags & EPH_BIND_REUSEPORT,
		.v6only = flags & EPH_BIND_V6ONLY,
		.listens = protocol == IPPROTO_TCP && !(flags & EPH_BIND_NO_LISTEN),
		.uid = geteuid(),
		.privileged = geteuid() == 0,
	};
	char device[IF_NAMESIZE];
	struct observed_bind seen;
	struct endpoint local;
	int r = read_protocol(protocol, &query.protocol, reterr);

	if (!r && ret->sz < offsetof(struct eph_bind_answer, collector))
		r = error_set(reterr, -EINVAL, "bind", "sz: the size of the structure");
	if (!r)
		r = read_endpoint(address, "address", &local, reterr);
	if (!r && !local.port)
		r = error_set(reterr, -EINVAL, "address", "port 0: a port was expected");
	if (r)
		return r;
	query.address = local.address;
	query.port = local.port;
	query.af_inet6 = address->sa_family == AF_INET6;
	r = observe_bind(&options, local.scope ? if_indextoname(local.scope, device) : NULL, &query,
			 &snapshot, &seen, reterr);
	if (r == 0)
		fill_bind(&seen.result, snapshot, ret);
	return r;
}
