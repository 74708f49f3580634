#include "kernel_connect.h"

#include <errno.h>
#include <netinet/in.h>

#include "random_bits.h"
#include "socket_window.h"

static bool is_short_of_ports(int error)
{
	return error == EADDRNOTAVAIL || error == EAGAIN;
}

static int each_source(const struct connect_request *request, const struct source_list *sources)
{
	unsigned start = random_below(sources->count);
	int error = EADDRNOTAVAIL;

	for (unsigned i = 0; i < sources->count && is_short_of_ports(error); i++) {
		const struct ip_address *from = &sources->address[(start + i) % sources->count];

		error = -socket_set_source(request->fd, request->address->sa_family, from);
		if (!error && connect(request->fd, request->address, request->length) < 0)
			error = errno;
	}
	return error;
}

static int search(const struct connect_request *request)
{
	const struct source_list *sources = sources_for(&request->pool->sources, &request->to);

	if (sources->count && !request->from.family)
		return each_source(request, sources);
	return connect(request->fd, request->address, request->length) < 0 ? errno : 0;
}

/* The next attempt on this socket begins as this one did. */
static void give_back(const struct connect_request *request)
{
	const struct eph_pool *pool = request->pool;

	if (pool->range_given)
		(void)socket_set_window(request->fd, (struct port_range){0, 0});
	if (sources_for(&pool->sources, &request->to)->count && !request->from.family)
		socket_drop_source(request->fd, request->address->sa_family);
}

int kernel_connect(const struct connect_request *request)
{
	const struct eph_pool *pool = request->pool;
	struct known_counts *counts = &pool->known->counts;
	int error = 0;

	if (socket_has_port(request->fd))
		return connect(request->fd, request->address, request->length);
	if (pool->range_given)
		error = -socket_set_window(request->fd, pool->range);
	if (!error)
		error = search(request);
	if (error && error != EINPROGRESS && error != EINTR)
		give_back(request);
	atomic_fetch_add_explicit(&counts->windows, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(!error || error == EINPROGRESS || error == EINTR
					  ? &counts->connections
				  : is_short_of_ports(error) ? &counts->refused
							     : &counts->failed,
				  1, memory_order_relaxed);
	errno = error;
	return error ? -1 : 0;
}
