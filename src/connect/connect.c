/* eph_connect() and eph_release(): which way a socket goes. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "clock_ms.h"
#include "explicit_connect.h"
#include "flat_connect.h"
#include "kernel_connect.h"
#include "random_bits.h"
#include "socket_window.h"
#include "udp_connect.h"

/* How long after a refusal ports in TIME_WAIT are tried before others (EPH_TIME_WAIT_REUSE). */
#define TIME_WAIT_FIRST_MS 1000

static int pass(struct eph_pool *pool, int fd, const struct sockaddr *address, socklen_t length)
{
	atomic_fetch_add_explicit(&pool->known->counts.passed, 1, memory_order_relaxed);
	return connect(fd, address, length);
}

/* Did the program choose a port itself? Fills @request->from when it chose an address. */
static bool is_chosen(struct connect_request *request)
{
	uint16_t port = 0;

	/* Without sources there is nothing to bind, and connect() searches no port for a socket that has one. */
	if (!sources_for(&request->pool->sources, &request->to)->count)
		return false;
	if (socket_name(request->fd, &request->from, &port) < 0 ||
	    (port && socket_has_port(request->fd)))
		return true;
	if (ip_address_is_any(&request->from))
		request->from = (struct ip_address){.family = IP_NONE};
	return false;
}

/* Which protocol is it? Asking the socket is a third of what we cost. Towards a service that only TCP is known to talk to, one
 * socket in sixteen is asked: a UDP socket that is taken for TCP gets a port that it cannot share. */
static int protocol_of(const struct connect_request *request)
{
	const struct known_ports *known = request->pool->known;
	int protocol;
	socklen_t size = sizeof(protocol);

	if (request->pool->windows && random_bits() % 16 &&
	    known_ports_has_flow(known, IPPROTO_TCP, NULL, &request->to, request->to_port) &&
	    !known_ports_has_flow(known, IPPROTO_UDP, NULL, &request->to, request->to_port))
		return IPPROTO_TCP;
	return getsockopt(request->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) < 0 ? -1
										      : protocol;
}

/* All ports rest in TIME_WAIT: to ask for each before one of them is taken would take milliseconds for each connection. */
static bool was_refused(const struct connect_request *request)
{
	const struct known_flow *any = known_ports_flow(
		request->pool->known, IPPROTO_TCP, request->from.family ? &request->from : NULL,
		&request->to, request->to_port);

	return known_flow_was_refused(any, clock_ms(), TIME_WAIT_FIRST_MS);
}

static bool is_refused(int r)
{
	return r < 0 && errno == EADDRNOTAVAIL;
}

static int reuse_connect(const struct connect_request *request)
{
	struct known_counts *counts = &request->pool->known->counts;
	int r, on = 1;

	/* Its TIME_WAIT can be had again only if it has this now (inet_bind_conflict). */
	(void)setsockopt(request->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (was_refused(request)) {
		r = explicit_connect_time_wait(request);
		if (!is_refused(r))
			return r;
	}
	r = flat_connect(request);
	if (!is_refused(r))
		return r;
	r = explicit_connect_time_wait(request);
	/* It was not refused after all. */
	if (!is_refused(r))
		atomic_fetch_sub_explicit(&counts->refused, 1, memory_order_relaxed);
	return r;
}

static int tcp_connect(const struct connect_request *request)
{
	if (!request->pool->windows)
		return explicit_connect(request);
	return request->pool->time_wait == EPH_TIME_WAIT_REUSE ? reuse_connect(request)
							       : flat_connect(request);
}

/* Is a connection under way, or there? Then connect() is called again to hear how it went. */
static bool is_under_way(int fd)
{
	struct ip_address own;
	uint8_t state;
	socklen_t length = sizeof(state);
	uint16_t port;

	/* The name of a TCP socket shows the port of an attempt that failed. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) == 0)
		return state != TCP_CLOSE;
	return socket_name(fd, &own, &port) == 0 && port;
}

/* The descriptor had a port from us: its connection failed, or it was closed unseen and is another socket now. The window of
 * the attempt must not stay: it is of one port, which another may have taken. */
static void start_anew(struct eph_pool *pool, int fd)
{
	if (owned_ports_get(pool->owned, fd).window.lo)
		(void)socket_set_window(fd, (struct port_range){0, 0});
	eph_release(pool, fd);
}

/* The socket is to be as new: it may listen then, or send. */
static int dissolve(struct eph_pool *pool, int fd, const struct sockaddr *address, socklen_t length)
{
	int r = connect(fd, address, length);

	if (r == 0 && owned_ports_get(pool->owned, fd).port)
		start_anew(pool, fd);
	return r;
}

int eph_connect(struct eph_pool *pool, int fd, const struct sockaddr *address, socklen_t length)
{
	struct connect_request request = {
		.pool = pool, .fd = fd, .address = address, .length = length};
	int protocol, r;

	if (address && length >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC)
		return dissolve(pool, fd, address, length);
	if (!socket_endpoint(address, length, &request.to, &request.to_port) || !request.to_port)
		return pass(pool, fd, address, length);
	if (owned_ports_get(pool->owned, fd).port) {
		if (is_under_way(fd))
			return connect(fd, address, length);
		start_anew(pool, fd);
	}
	protocol = protocol_of(&request);
	if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || is_chosen(&request))
		return pass(pool, fd, address, length);
	if (pool_leaves_search(pool))
		return kernel_connect(&request);
	if (protocol == IPPROTO_UDP)
		return udp_connect(&request);
	r = tcp_connect(&request);
	/* TCP never says that: it was a UDP socket. */
	return r < 0 && errno == EAGAIN ? udp_connect(&request) : r;
}

void eph_release(struct eph_pool *pool, int fd)
{
	struct owned_port port = owned_ports_take(pool->owned, fd);

	if (!port.port || port.flow >= KNOWN_FLOW_SETS * KNOWN_FLOW_WAYS)
		return;
	known_flow_free(&pool->known->flows[port.flow], port.port);
	atomic_fetch_add_explicit(&pool->known->freed, 1, memory_order_relaxed);
}
