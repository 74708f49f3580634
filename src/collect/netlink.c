#include "collector.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "error.h"
#include "kernel_names.h"
#include "netlink_kept.h"
#include "netlink_message.h"
#include "netns.h"
#include "procfs.h"
#include "rows.h"

/* the kernel fills at most so much per read; more of ours changes nothing */
#define RECEIVE_BYTES 32768
#define ATTEMPTS      4 /* how often a namespace whose dump was interrupted is read anew */

struct netlink {
	struct netlink_kept kept;
	uint32_t sequence;
	bool each_family; /* the kernel does not know the request for both families at once */
	_Alignas(struct nlmsghdr) char buffer[RECEIVE_BYTES];
};

/* One namespace being read: from where, for what, and who takes the rows. */
struct reading {
	struct netlink *netlink;
	struct mnl_socket *socket;
	const struct collect_request *request; /* NULL for binds() */
	struct snapshot *snapshot;
	struct netns_snapshot *netns;
	bool interrupted;
	bool barred; /* the namespace could not be entered any more */
};

typedef int (*reader)(struct reading *reading);

static int open_in(int netns_fd, struct mnl_socket **ret, bool *ret_barred)
{
	int back, r = netns_enter(netns_fd, &back);

	*ret_barred = r < 0;
	if (r < 0)
		return r;
	*ret = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
	r = *ret ? 0 : -errno;
	netns_leave(&back);
	return r;
}

static int dump(struct reading *reading, const struct netlink_query *query, netlink_row row,
		void *context)
{
	_Alignas(struct nlmsghdr) char request[NETLINK_REQUEST_BYTES] = {0};
	char *buffer = reading->netlink->buffer;
	uint32_t sequence = ++reading->netlink->sequence;
	size_t length = netlink_request(query, sequence, request);
	int r = 0;

	if (mnl_socket_sendto(reading->socket, request, length) < 0)
		return -errno;
	while (r == 0) {
		ssize_t got = mnl_socket_recvfrom(reading->socket, buffer, RECEIVE_BYTES);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		r = netlink_rows(buffer, (size_t)got, query, sequence, &reading->interrupted, row,
				 context);
	}
	return r < 0 ? r : 0;
}

/* Both families, unless no IPv4 socket can match. IPv4 is also looked for among the AF_INET6 sockets, v4-mapped. One walk
 * does for both if the kernel knows the older request; it refuses before the first row if it does not. */
static int dump_families(struct reading *reading, struct netlink_query query, bool v4,
			 netlink_row row, void *context)
{
	int r = -EOPNOTSUPP;

	v4 &= query.remote.family != IP_V6;
	query.family = AF_UNSPEC;
	if (v4 && query.protocol == PROTOCOL_TCP && !reading->netlink->each_family)
		r = dump(reading, &query, row, context);
	if (r != -EOPNOTSUPP && r != -EINVAL && r != -ENOENT)
		return r;
	reading->netlink->each_family |= v4 && query.protocol == PROTOCOL_TCP;
	query.family = AF_INET;
	r = v4 ? dump(reading, &query, row, context) : 0;
	query.family = AF_INET6;
	return r < 0 ? r : dump(reading, &query, row, context);
}

/* Errors that say "not now": the next attempt may succeed. */
static bool passing(int error)
{
	return error == -EINTR || error == -EAGAIN || error == -EBUSY || error == -ENOBUFS;
}

/* Read one namespace, anew when the kernel interrupted the dump. Each attempt has its own socket: what is left of the
 * dump before must not answer. */
static int read_netns(struct reading *reading, reader read)
{
	int r = 0;

	for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
		r = open_in(reading->netns->fd, &reading->socket, &reading->barred);
		if (r < 0)
			return r;
		reading->interrupted = false;
		r = read(reading);
		mnl_socket_close(reading->socket);
		reading->interrupted |= passing(r);
		if (!reading->interrupted)
			return r;
	}
	reading->netns->gaps |= GAP_INTERRUPTED;
	return passing(r) ? 0 : r;
}

static int read_all(struct netlink *netlink, const struct collect_request *request,
		    struct snapshot *snapshot, reader read, struct eph_error *reterr)
{
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		struct reading reading = {.netlink = netlink,
					  .request = request,
					  .snapshot = snapshot,
					  .netns = &snapshot->netns[i]};
		int r = read_netns(&reading, read);

		if (reading.barred)
			snapshot->netns[i].gaps |= GAP_VANISHED;
		else if (r < 0)
			return error_set(reterr, r, "netlink", "cannot list sockets%s%s: %s",
					 snapshot->netns[i].name[0] ? " of namespace " : "",
					 snapshot->netns[i].name, strerror(-r));
	}
	return 0;
}

static int netlink_open(void **ret_state, struct eph_error *reterr)
{
	struct mnl_socket *socket;
	bool barred;
	int r = open_in(-1, &socket, &barred);

	if (r < 0)
		return error_set(reterr, r, "netlink", "no sock_diag socket: %s", strerror(-r));
	mnl_socket_close(socket);
	*ret_state = calloc(1, sizeof(struct netlink));
	return *ret_state ? 0 : error_set(reterr, -ENOMEM, "netlink", "out of memory");
}

static void netlink_close(void *state)
{
	struct netlink *netlink = state;

	if (netlink)
		kept_forget(&netlink->kept);
	free(netlink);
}

/* binds() */

struct bind_owners {
	struct bind_table *binds;
	struct netlink_kept *keeping;
	struct kept *kept; /* NULL: not kept */
	struct cookies cookies;
	struct port_set named;     /* TCP, connected, bind() named the port */
	struct port_set automatic; /* TCP, connected or TIME_WAIT, it did not */
	uint64_t time_wait;
};

static int bind_row(void *context, const struct socket_record *record)
{
	struct bind_owners *owners = context;

	if (record->state != STATE_LISTEN && record->state != STATE_BOUND &&
	    !cookies_have(&owners->cookies, record->cookie))
		kept_add(owners->keeping, owners->kept, record);
	if (record->local_port == 0)
		return 0;
	owners->time_wait += (record->flags & SOCKET_MINI) != 0;
	if (record->protocol == PROTOCOL_UDP)
		rows_bind_udp(owners->binds, record);
	else if (record->state == STATE_LISTEN)
		port_set_add(&owners->binds->listening, record->local_port);
	else if (record->state == STATE_BOUND)
		port_set_add(&owners->binds->bound, record->local_port);
	else
		port_set_add(record->flags & SOCKET_EXPLICIT ? &owners->named : &owners->automatic,
			     record->local_port);
	return 0;
}

/* Asked only where it matters: the kernel's type information is megabytes. */
static bool buckets_reopen(struct kernel_laws *laws)
{
	if (laws->bucket_reopens == LAW_UNKNOWN)
		laws->bucket_reopens = kernel_names_has("tw_connect_bind");
	return laws->bucket_reopens != LAW_NO;
}

/*
 * What owners tell of buckets. bind() and listen() close a bucket, and a listener keeps it closed. A bound or connected
 * owner whose port was named has closed it too, but kernels that open buckets again may have done so since, if it was
 * connected while connections shared the port (docs/laws.md, "it may open"). What connect() put there may be in either.
 */
static void judge_buckets(struct bind_owners *owners, struct kernel_laws *laws)
{
	struct bind_table *binds = owners->binds;
	struct port_set named = owners->named;

	port_set_remove_set(&named, &owners->automatic);
	port_set_add_set(&named, &binds->bound);
	port_set_remove_set(&named, &binds->listening);
	binds->held = owners->named;
	port_set_add_set(&binds->held, &owners->automatic);
	port_set_add_set(&binds->held, &binds->bound);
	port_set_add_set(&binds->held, &binds->listening);
	binds->closed = binds->listening;
	if (port_set_next(&named, 0) >= 0 && !buckets_reopen(laws))
		port_set_add_set(&binds->closed, &named);
	binds->maybe = binds->held;
	port_set_remove_set(&binds->maybe, &binds->closed);
	port_set_remove_set(&binds->udp_v4_maybe, &binds->udp_v4);
}

/* What the dump with EXPLICIT told of must not be kept twice. */
static void remember_kept(struct bind_owners *owners)
{
	if (owners->kept && owners->kept->whole &&
	    cookies_remember(&owners->cookies, &owners->kept->sockets) < 0)
		kept_drop(owners->keeping, owners->kept);
}

static int dump_binds(struct reading *reading, struct bind_owners *owners)
{
	struct netlink_query query = {.protocol = PROTOCOL_TCP, .states = NETLINK_STATES_HELD};
	int r = dump_families(reading, query, true, bind_row, owners);

	query.states = NETLINK_STATES_ALL & ~NETLINK_STATES_HELD;
	query.lock = NETLINK_LOCK_EXPLICIT;
	if (r == 0)
		r = dump_families(reading, query, true, bind_row, owners);
	remember_kept(owners);
	query.lock = NETLINK_LOCK_AUTO;
	if (r == 0)
		r = dump_families(reading, query, true, bind_row, owners);
	query = (struct netlink_query){.protocol = PROTOCOL_UDP, .states = NETLINK_STATES_ALL};
	if (r == 0)
		r = dump_families(reading, query, true, bind_row, owners);
	return r;
}

static int read_binds(struct reading *reading)
{
	struct bind_table *binds = &reading->netns->binds;
	CLEANUP(freep) struct bind_owners *owners = calloc(1, sizeof(*owners));
	int r;

	if (!owners)
		return -ENOMEM;
	*binds = (struct bind_table){0};
	owners->binds = binds;
	owners->keeping = &reading->netlink->kept;
	owners->kept = kept_of(&reading->netlink->kept, reading->snapshot, reading->netns);
	kept_restart(owners->keeping, owners->kept);
	r = dump_binds(reading, owners);
	if (r < 0)
		kept_drop(owners->keeping, owners->kept);
	cookies_done(&owners->cookies);
	judge_buckets(owners, &reading->snapshot->laws);
	reading->netns->time_wait = owners->time_wait;
	return r;
}

static bool any_bound(const struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->n_netns; i++)
		if (port_set_next(&snapshot->netns[i].binds.bound, 0) >= 0)
			return true;
	return false;
}

/*
 * Does this kernel report bound sockets? A reported one says so. Without any there may simply be none: then the kernel's
 * own type information knows the state or not. Binding a socket to see whether it is reported would tell too, but closes
 * a port to everybody for that moment; this reads only.
 */
static void judge_hidden(struct snapshot *snapshot)
{
	bool probed = snapshot->laws.bound_visible != LAW_UNKNOWN;

	if (any_bound(snapshot))
		snapshot->laws.bound_visible = LAW_YES;
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		struct netns_snapshot *netns = &snapshot->netns[i];

		if (snapshot->laws.bound_visible == LAW_YES)
			return;
		if (procfs_possibly_bound(netns->fd, &netns->binds.hidden) < 0 ||
		    netns->binds.hidden == 0)
			continue;
		if (!probed)
			snapshot->laws.bound_visible = kernel_names_has("TCP_BOUND_INACTIVE");
		probed = true;
		if (snapshot->laws.bound_visible == LAW_YES)
			netns->binds.hidden = 0;
		else
			netns->gaps |= GAP_BOUND_HIDDEN;
	}
}

static int netlink_binds(void *state, struct snapshot *snapshot, struct eph_error *reterr)
{
	struct netlink *netlink = state;
	int r;

	kept_begin(&netlink->kept, snapshot);
	r = read_all(state, NULL, snapshot, read_binds, reterr);
	if (r < 0)
		return r;
	for (size_t i = 0; i < snapshot->n_netns; i++)
		rows_bind_doubts(&snapshot->netns[i]);
	judge_hidden(snapshot);
	return 0;
}

/* groups() */

static int group_row(void *context, const struct socket_record *record)
{
	struct reading *reading = context;

	grouping_read(&reading->request->what, &reading->snapshot->laws, reading->netns, record);
	return 0;
}

/* What dump_families() would hand over. */
static int kept_pass(struct reading *reading, const struct socket_table *sockets)
{
	const struct grouping *what = &reading->request->what;

	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_record *record = &sockets->record[i];

		if ((record->protocol == PROTOCOL_TCP ? what->tcp : what->udp) &&
		    (what->v4 || (record->flags & SOCKET_AF_INET6)))
			group_row(reading, record);
	}
	return 0;
}

static int group_pass(void *context)
{
	struct reading *reading = context;
	const struct grouping *what = &reading->request->what;
	const struct kept *kept =
		kept_of(&reading->netlink->kept, reading->snapshot, reading->netns);
	struct netlink_query tcp = {.protocol = PROTOCOL_TCP,
				    .states = NETLINK_STATES_ALL & ~NETLINK_STATES_HELD};
	struct netlink_query udp = {.protocol = PROTOCOL_UDP, .states = NETLINK_STATES_ALL};
	int r = 0;

	if (kept && kept->whole)
		return kept_pass(reading, &kept->sockets);
	if (what->tcp)
		r = dump_families(reading, tcp, what->v4, group_row, reading);
	if (r == 0 && what->udp)
		r = dump_families(reading, udp, what->v4, group_row, reading);
	return r;
}

static int read_groups(struct reading *reading)
{
	int r = grouping_run(reading->netns, group_pass, reading);

	if (reading->netns->time_wait > 0)
		reading->netns->gaps |= GAP_TW_AGE;
	return r;
}

static int netlink_groups(void *state, const struct collect_request *request,
			  struct snapshot *snapshot, struct eph_error *reterr)
{
	return read_all(state, request, snapshot, read_groups, reterr);
}

/* sockets() */

struct taking {
	struct reading *reading;
	struct cookies cookies; /* of sockets that bind() named a port for */
};

static int socket_row(void *context, const struct socket_record *record)
{
	struct taking *taking = context;
	const struct collect_request *request = taking->reading->request;
	struct netns_snapshot *netns = taking->reading->netns;

	netns->sockets_read++;
	if (!rows_want(request, record) || cookies_have(&taking->cookies, record->cookie))
		return 0;
	return rows_add(netns, record);
}

static int take_protocols(struct taking *taking, enum netlink_lock lock)
{
	const struct collect_request *request = taking->reading->request;
	bool both = !request->what.tcp && !request->what.udp;
	struct netlink_query tcp = {.protocol = PROTOCOL_TCP,
				    .states = NETLINK_STATES_ALL,
				    .lock = lock,
				    .remote = request->remote,
				    .remote_port =
					    request->remote.family ? request->remote_port : 0,
				    .local_port = request->local_port};
	struct netlink_query udp = {.protocol = PROTOCOL_UDP,
				    .states = NETLINK_STATES_ALL,
				    .lock = lock,
				    .local_port = request->local_port};
	int r = 0;

	if (both || request->what.tcp)
		r = dump_families(taking->reading, tcp, true, socket_row, taking);
	if (r == 0 && (both || request->what.udp))
		r = dump_families(taking->reading, udp, true, socket_row, taking);
	return r;
}

static int read_sockets(struct reading *reading)
{
	struct taking taking = {.reading = reading};
	struct netns_snapshot *netns = reading->netns;
	int r;

	rows_begin(netns);
	r = take_protocols(&taking, NETLINK_LOCK_EXPLICIT);
	if (r == 0)
		r = cookies_remember(&taking.cookies, &netns->sockets);
	if (r == 0)
		r = take_protocols(&taking, NETLINK_LOCK_AUTO);
	cookies_done(&taking.cookies);
	rows_end(netns, reading->request, r);
	return r;
}

static int netlink_sockets(void *state, const struct collect_request *request,
			   struct snapshot *snapshot, struct eph_error *reterr)
{
	/* Whether somebody is bound to the one port is the question: is such a socket reported at all? */
	if (request->local_port && snapshot->laws.bound_visible == LAW_UNKNOWN)
		snapshot->laws.bound_visible = kernel_names_has("TCP_BOUND_INACTIVE");
	/* One release younger, and has no name of its own; what a bucket is like cannot be seen from here either way. */
	if (request->local_port && snapshot->laws.mapped_sees_any == LAW_UNKNOWN)
		snapshot->laws.mapped_sees_any = snapshot->laws.bound_visible;
	return read_all(state, request, snapshot, read_sockets, reterr);
}

const struct collector collector_netlink = {
	.name = "netlink",
	.open = netlink_open,
	.close = netlink_close,
	.binds = netlink_binds,
	.groups = netlink_groups,
	.sockets = netlink_sockets,
};
