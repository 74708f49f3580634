#include "observe_elsewhere.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "held_port.h"
#include "netns.h"
#include "process.h"
#include "procfs.h"

/* Of so many TCP sockets of all namespaces, bound ones are found in time: the kernel looks at all of them. */
#define BOUND_AMONG 20000u

/* The namespace that was asked about, so that it is not taken for another one, and then the others. */
static struct snapshot *open_others(const struct snapshot *snapshot, uint64_t deadline_us,
				    struct elsewhere *ret)
{
	struct snapshot *others = snapshot_new();
	struct netns_snapshot *own = others ? snapshot_add_netns(others) : NULL;
	int r;

	if (!own)
		return snapshot_free(others);
	own->id = snapshot->netns[0].id;
	r = netns_open_others(others, deadline_us, &ret->skipped, NULL);
	ret->timed_out = r == 1;
	return others;
}

static void note(struct elsewhere *to, const struct netns_snapshot *netns,
		 const struct socket_record *record)
{
	struct elsewhere_socket *socket = &to->socket[to->count];

	if (to->count == ELSEWHERE_MAX) {
		to->more++;
		return;
	}
	socket->record = *record;
	snprintf(socket->netns, sizeof(socket->netns), "%s", netns->name);
	to->count++;
}

static void read_netns(const struct netns_snapshot *netns, uint8_t protocol, uint16_t port,
		       bool bound, struct elsewhere *ret)
{
	struct socket_table table = {.count = 0};

	if (held_port_read(netns->fd, protocol, port, bound, &table) < 0)
		ret->skipped++;
	for (size_t i = 0; i < table.count; i++)
		note(ret, netns, &table.record[i]);
	socket_table_done(&table);
}

static void name_holders(struct elsewhere *elsewhere)
{
	struct process_table table = {.processes = 0};
	uint32_t inode[ELSEWHERE_MAX];
	bool whole;

	for (unsigned i = 0; i < elsewhere->count; i++)
		inode[i] = elsewhere->socket[i].record.inode;
	if (elsewhere->count && process_find(&table, inode, elsewhere->count, &whole, NULL) == 0)
		for (unsigned i = 0; i < elsewhere->count; i++) {
			size_t links = 0;
			const struct process_link *link =
				inode[i] ? process_table_find(&table, inode[i], &links) : NULL;

			if (link && links)
				elsewhere->socket[i].process = table.process[link->process];
		}
	process_table_done(&table);
}

void observe_elsewhere(const struct snapshot *snapshot, uint8_t protocol, uint16_t port,
		       struct elsewhere *ret)
{
	uint64_t deadline_us = netns_clock_us() + ELSEWHERE_MAX_MS * 1000;
	CLEANUP(snapshot_freep) struct snapshot *others = NULL;
	struct procfs_sockstat stat;
	bool bound = procfs_read_sockstat(&stat) == 0 && stat.tcp_alloc <= BOUND_AMONG;

	*ret = (struct elsewhere){.looked = true};
	others = open_others(snapshot, deadline_us, ret);
	for (size_t i = 1; others && i < others->n_netns; i++) {
		if (netns_clock_us() >= deadline_us) {
			ret->timed_out = true;
			break;
		}
		read_netns(&others->netns[i], protocol, port, bound, ret);
	}
	name_holders(ret);
}
