/* eph_connect() and eph_release(): which way a socket goes. */
#include <errno.h>
#include <netinet/in.h>

#include "flat_connect.h"
#include "socket_window.h"

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
	if (socket_name(request->fd, &request->from, &port) < 0 || port)
		return true;
	if (ip_address_is_any(&request->from))
		request->from = (struct ip_address){.family = IP_NONE};
	return false;
}

static bool is_protocol(int fd, int protocol)
{
	socklen_t size = sizeof(int);
	int is;

	return getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &is, &size) == 0 && is == protocol;
}

int eph_connect(struct eph_pool *pool, int fd, const struct sockaddr *address, socklen_t length)
{
	struct connect_request request = {
		.pool = pool, .fd = fd, .address = address, .length = length};

	if (!socket_endpoint(address, length, &request.to, &request.to_port) || !request.to_port)
		return pass(pool, fd, address, length);
	/* Asking for the protocol is a third of what we cost, so it is asked for the first socket towards a service only. A UDP
	 * socket that is taken for TCP gets a port of its own, as it would anyway. */
	if (!known_ports_has_flow(pool->known, IPPROTO_TCP, NULL, &request.to, request.to_port) &&
	    !is_protocol(fd, IPPROTO_TCP))
		return pass(pool, fd, address, length);
	if (is_chosen(&request))
		return pass(pool, fd, address, length);
	return flat_connect(&request);
}

void eph_release(struct eph_pool *pool, int fd)
{
	struct owned_port port = owned_ports_take(pool->owned, fd);

	if (!port.port || port.flow >= KNOWN_FLOW_SETS * KNOWN_FLOW_WAYS)
		return;
	known_flow_free(&pool->known->flows[port.flow], port.port);
	atomic_fetch_add_explicit(&pool->known->freed, 1, memory_order_relaxed);
}
