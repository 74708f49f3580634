#include "held_port.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "netlink_message.h"
#include "netns.h"

#define RECEIVE_BYTES 8192

struct taking {
	const struct netlink_query *query;
	struct socket_table *table;
};

static int open_in(int netns_fd, struct mnl_socket **ret)
{
	int back, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return r;
	*ret = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	r = *ret ? 0 : -errno;
	netns_leave(&back);
	return r;
}

/* Kernels differ in what they filter themselves. */
static int take(void *context, const struct socket_record *record)
{
	const struct taking *taking = context;
	const struct netlink_query *query = taking->query;

	if (record->local_port != query->local_port || record->remote_port ||
	    !(query->states & NETLINK_STATE(record->state)))
		return 0;
	return socket_table_add(taking->table, record);
}

static int dump(struct mnl_socket *socket, const struct netlink_query *query, uint32_t sequence,
		struct socket_table *table)
{
	_Alignas(struct nlmsghdr) char request[NETLINK_REQUEST_BYTES] = {0}, buffer[RECEIVE_BYTES];
	struct taking taking = {query, table};
	size_t length = netlink_request(query, sequence, request);
	bool interrupted = false;
	int r = 0;

	if (mnl_socket_sendto(socket, request, length) < 0)
		return -errno;
	while (r == 0) {
		ssize_t got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		r = netlink_rows(buffer, (size_t)got, query, sequence, &interrupted, take, &taking);
	}
	return r < 0 ? r : 0;
}

/* TCP in one walk over the kernel's tables, if it knows the older request. */
static int dump_families(struct mnl_socket *socket, struct netlink_query *query,
			 struct socket_table *table)
{
	int r = -EOPNOTSUPP;

	query->family = AF_UNSPEC;
	if (query->protocol == PROTOCOL_TCP)
		r = dump(socket, query, 1, table);
	if (r != -EOPNOTSUPP && r != -EINVAL && r != -ENOENT)
		return r;
	query->family = AF_INET;
	r = dump(socket, query, 2, table);
	query->family = AF_INET6;
	return r < 0 ? r : dump(socket, query, 3, table);
}

int held_port_read(int netns_fd, uint8_t protocol, uint16_t port, bool bound,
		   struct socket_table *table)
{
	struct netlink_query query = {.protocol = protocol, .local_port = port};
	struct mnl_socket *socket;
	int r = open_in(netns_fd, &socket);

	if (r < 0)
		return r;
	if (protocol == PROTOCOL_UDP)
		query.states = NETLINK_STATE(STATE_CLOSE);
	else
		query.states =
			NETLINK_STATE(STATE_LISTEN) | (bound ? NETLINK_STATE(STATE_BOUND) : 0);
	r = dump_families(socket, &query, table);
	mnl_socket_close(socket);
	return r;
}
