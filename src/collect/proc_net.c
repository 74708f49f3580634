/*
 * The last resort: /proc/net/tcp, tcp6, udp and udp6, where sock_diag is missing or forbidden (a sandbox, a kernel without
 * the module). It shows neither sockets that are only bound, nor devices, options or cookies.
 */
#include "collector.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "netns.h"
#include "procfs.h"
#include "rows.h"
#include "text_proc_net.h"

#define BUFFER_BYTES 32768 /* the kernel hands out less per read */

struct proc_net {
	char buffer[BUFFER_BYTES];
};

struct table {
	const char *path;
	enum socket_protocol protocol;
	bool v6;
};

static const struct table tables[] = {
	{"/proc/thread-self/net/tcp", PROTOCOL_TCP, false},
	{"/proc/thread-self/net/tcp6", PROTOCOL_TCP, true},
	{"/proc/thread-self/net/udp", PROTOCOL_UDP, false},
	{"/proc/thread-self/net/udp6", PROTOCOL_UDP, true},
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* One namespace being read: from where, for what, and who takes the rows. */
struct reading {
	struct proc_net *proc;
	const struct collect_request *request; /* NULL for binds() */
	struct snapshot *snapshot;
	struct netns_snapshot *netns;
	bool barred; /* the namespace could not be entered any more */
};

typedef int (*reader)(struct reading *reading);
typedef int (*table_row)(void *context, const struct socket_record *record);

/* An open file keeps showing the namespace it was opened in. Return: the descriptor or negative errno. */
static int open_in(struct reading *reading, const char *path)
{
	int back, fd, r = netns_enter(reading->netns->fd, &back);

	reading->barred = r < 0;
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : fd;
	netns_leave(&back);
	return r;
}

/* The whole lines in @text. Return: how many bytes they have, or negative errno. */
static ssize_t take_lines(const struct table *table, const char *text, size_t length, bool *heading,
			  table_row row, void *context)
{
	const char *line = text, *end = text + length, *newline;
	struct socket_record record;
	int r = 0;

	while (r >= 0 && line < end && (newline = memchr(line, '\n', (size_t)(end - line)))) {
		if (!*heading)
			r = text_proc_net_line(line, (size_t)(newline - line), table->protocol,
					       table->v6, &record);
		if (r == 0 && !*heading)
			r = row(context, &record);
		*heading = false;
		line = newline + 1;
	}
	return r < 0 ? r : line - text;
}

static int read_lines(struct proc_net *proc, const struct table *table, int fd, table_row row,
		      void *context)
{
	bool heading = true;
	size_t held = 0;

	for (;;) {
		ssize_t got = read(fd, proc->buffer + held, sizeof(proc->buffer) - held), taken;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : held ? -EBADMSG : 0;
		held += (size_t)got;
		taken = take_lines(table, proc->buffer, held, &heading, row, context);
		if (taken < 0)
			return (int)taken;
		held -= (size_t)taken;
		memmove(proc->buffer, proc->buffer + taken, held);
		if (held == sizeof(proc->buffer))
			return -EBADMSG;
	}
}

/* Both families, unless no IPv4 socket is wanted. IPv4 is also looked for among the AF_INET6 sockets, v4-mapped. Without
 * IPv6 in the kernel its files are missing. */
static int read_protocol(struct reading *reading, enum socket_protocol protocol, bool v4,
			 table_row row, void *context)
{
	int r = 0;

	for (size_t i = 0; i < TABLES && r == 0; i++) {
		const struct table *table = &tables[i];
		CLEANUP(fd_closep) int fd = -1;

		if (table->protocol != protocol || (!table->v6 && !v4))
			continue;
		fd = open_in(reading, table->path);
		if (fd == -ENOENT && table->v6)
			continue;
		r = fd < 0 ? fd : read_lines(reading->proc, table, fd, row, context);
	}
	return r;
}

static int read_all(struct proc_net *proc, const struct collect_request *request,
		    struct snapshot *snapshot, reader read, struct eph_error *reterr)
{
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		struct netns_snapshot *netns = &snapshot->netns[i];
		struct reading reading = {
			.proc = proc, .request = request, .snapshot = snapshot, .netns = netns};
		int r = read(&reading);

		if (reading.barred)
			netns->gaps |= GAP_VANISHED;
		else if (r < 0)
			return error_set(reterr, r, "procfs", "cannot list sockets%s%s: %s",
					 netns->name[0] ? " of namespace " : "", netns->name,
					 strerror(-r));
	}
	return 0;
}

static int proc_net_open(void **ret_state, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int fd = open(tables[0].path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		int r = -errno;

		return error_set(reterr, r, "procfs", "%s: %s", tables[0].path, strerror(-r));
	}
	*ret_state = malloc(sizeof(struct proc_net));
	return *ret_state ? 0 : error_set(reterr, -ENOMEM, "procfs", "out of memory");
}

static void proc_net_close(void *state)
{
	free(state);
}

/* binds() */

/* listen() closes a bucket. Of all other owners it is not known whether bind() named the port. */
static int bind_row(void *context, const struct socket_record *record)
{
	struct netns_snapshot *netns = context;

	if (record->local_port == 0)
		return 0;
	netns->time_wait += (record->flags & SOCKET_MINI) != 0;
	if (record->protocol == PROTOCOL_UDP)
		rows_bind_udp(&netns->binds, record);
	else if (record->state == STATE_LISTEN)
		port_set_add(&netns->binds.listening, record->local_port);
	else
		port_set_add(&netns->binds.maybe, record->local_port);
	return 0;
}

static int read_binds(struct reading *reading)
{
	struct netns_snapshot *netns = reading->netns;
	struct bind_table *binds = &netns->binds;
	int r;

	*binds = (struct bind_table){0};
	netns->time_wait = 0;
	r = read_protocol(reading, PROTOCOL_TCP, true, bind_row, netns);
	if (r == 0)
		r = read_protocol(reading, PROTOCOL_UDP, true, bind_row, netns);
	binds->closed = binds->listening;
	port_set_remove_set(&binds->maybe, &binds->closed);
	binds->held = binds->closed;
	port_set_add_set(&binds->held, &binds->maybe);
	port_set_remove_set(&binds->udp_v4_maybe, &binds->udp_v4);
	return r;
}

static int proc_net_binds(void *state, struct snapshot *snapshot, struct eph_error *reterr)
{
	int r = read_all(state, NULL, snapshot, read_binds, reterr);

	if (r < 0)
		return r;
	snapshot->laws.bound_visible = LAW_NO; /* not here, whatever sock_diag could report */
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		struct netns_snapshot *netns = &snapshot->netns[i];

		rows_bind_doubts(netns);
		if (procfs_possibly_bound(netns->fd, &netns->binds.hidden) < 0)
			netns->binds.hidden = UINT16_MAX;
		if (netns->binds.hidden > 0)
			netns->gaps |= GAP_BOUND_HIDDEN;
	}
	return 0;
}

/* groups() */

static int group_row(void *context, const struct socket_record *record)
{
	struct reading *reading = context;

	if (record->protocol == PROTOCOL_TCP && record->state == STATE_LISTEN)
		return 0;
	grouping_read(&reading->request->what, &reading->snapshot->laws, reading->netns, record);
	return 0;
}

static int group_pass(void *context)
{
	struct reading *reading = context;
	const struct grouping *what = &reading->request->what;
	int r = 0;

	if (what->tcp)
		r = read_protocol(reading, PROTOCOL_TCP, what->v4, group_row, reading);
	if (r == 0 && what->udp)
		r = read_protocol(reading, PROTOCOL_UDP, what->v4, group_row, reading);
	return r;
}

static int read_groups(struct reading *reading)
{
	int r = grouping_run(reading->netns, group_pass, reading);

	if (reading->netns->time_wait > 0)
		reading->netns->gaps |= GAP_TW_AGE;
	return r;
}

static int proc_net_groups(void *state, const struct collect_request *request,
			   struct snapshot *snapshot, struct eph_error *reterr)
{
	return read_all(state, request, snapshot, read_groups, reterr);
}

/* sockets() */

static int socket_row(void *context, const struct socket_record *record)
{
	struct reading *reading = context;

	reading->netns->sockets_read++;
	return rows_want(reading->request, record) ? rows_add(reading->netns, record) : 0;
}

static int read_sockets(struct reading *reading)
{
	const struct collect_request *request = reading->request;
	struct netns_snapshot *netns = reading->netns;
	bool both = !request->what.tcp && !request->what.udp;
	int r = 0;

	rows_begin(netns);
	if (both || request->what.tcp)
		r = read_protocol(reading, PROTOCOL_TCP, true, socket_row, reading);
	if (r == 0 && (both || request->what.udp))
		r = read_protocol(reading, PROTOCOL_UDP, true, socket_row, reading);
	rows_end(netns, request, r);
	return r;
}

static int proc_net_sockets(void *state, const struct collect_request *request,
			    struct snapshot *snapshot, struct eph_error *reterr)
{
	snapshot->laws.bound_visible = LAW_NO;
	return read_all(state, request, snapshot, read_sockets, reterr);
}

const struct collector collector_procfs = {
	.name = "procfs",
	.open = proc_net_open,
	.close = proc_net_close,
	.binds = proc_net_binds,
	.groups = proc_net_groups,
	.sockets = proc_net_sockets,
};
