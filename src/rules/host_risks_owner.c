/* Who is behind a risk of a destination: TIME_WAIT has no owner, so what is still open tells. */
#include <stdlib.h>

#include "host_risks_search.h"
#include "number.h"
#include "strbuf.h"

#define OWNERS_MAX   64u
#define OWNERS_SHOWN 3u

struct owner {
	const struct process_record *process; /* NULL: not seen */
	uint32_t uid, sockets;
};

struct owners {
	struct owner owner[OWNERS_MAX];
	unsigned count;
	uint32_t sockets, others; /* others: of owners that did not fit */
};

static int by_sockets(const void *left, const void *right)
{
	const struct owner *a = left, *b = right;

	return (a->sockets < b->sockets) - (a->sockets > b->sockets);
}

static void count_owner(const struct host_search *search, struct owners *owners,
			const struct socket_record *record)
{
	const struct process_record *process = host_risks_process(search, record->inode);
	unsigned i;

	owners->sockets++;
	for (i = 0; i < owners->count; i++)
		if (owners->owner[i].process == process &&
		    (process || owners->owner[i].uid == record->uid))
			break;
	if (i == OWNERS_MAX) {
		owners->others++;
		return;
	}
	if (i == owners->count)
		owners->owner[owners->count++] = (struct owner){process, record->uid, 0};
	owners->owner[i].sockets++;
}

/* Live outgoing sockets with a file, to the destination of @group, or with @any_port to its address. */
static void count_owners(const struct host_search *search, const struct usage_group *group,
			 bool any_port, struct owners *ret)
{
	const struct socket_table *sockets = &search->netns->sockets;
	bool udp = group->key.protocol == PROTOCOL_UDP;

	*ret = (struct owners){.count = 0};
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_record *record = &sockets->record[i];

		if (!record->inode || record->protocol != group->key.protocol ||
		    (record->flags & SOCKET_MINI) || !netns_outgoing(search->netns, record))
			continue;
		/* A port of UDP is taken from every destination. */
		if (udp ? record->local.family != group->key.local.family
			: !ip_address_equal(&record->remote, &group->key.remote) ||
				    (!any_port && record->remote_port != group->key.remote_port))
			continue;
		count_owner(search, ret, record);
	}
	qsort(ret->owner, ret->count, sizeof(ret->owner[0]), by_sockets);
}

/* "redis-cli (pid 4012): 12, uid 33: 3, and 2 more" */
static void add_owners(const struct owners *owners, struct strbuf *out)
{
	uint32_t shown = 0;

	for (unsigned i = 0; i < owners->count && i < OWNERS_SHOWN; i++) {
		const struct owner *owner = &owners->owner[i];

		strbuf_puts(out, i ? ", " : "");
		if (owner->process)
			strbuf_printf(out, "%s (pid %d", owner->process->command,
				      (int)owner->process->pid);
		else
			strbuf_printf(out, "a process that could not be seen (uid %u", owner->uid);
		if (owner->process && owner->process->unit[0])
			strbuf_printf(out, ", %s", owner->process->unit);
		strbuf_printf(out, ") with %s", GROUPED(owner->sockets));
		shown += owner->sockets;
	}
	if (owners->sockets > shown)
		strbuf_printf(out, ", others with %s", GROUPED(owners->sockets - shown));
}

static void tell(struct host_search *search, struct risk *risk, const struct usage_group *group)
{
	struct strbuf line = STRBUF_INIT;
	struct owners owners;

	count_owners(search, group, false, &owners);
	if (owners.sockets) {
		strbuf_puts(&line, "open now: ");
	} else {
		count_owners(search, group, true, &owners);
		strbuf_puts(&line, owners.sockets
					   ? "nothing is open there now, and TIME_WAIT has no "
					     "owner; to other ports of that address: "
					   : "nothing is open there now, and TIME_WAIT has no "
					     "owner: look while connections are made");
	}
	add_owners(&owners, &line);
	risk_evidence(search->result, risk, "%s", line.text);
	strbuf_done(&line);
}

void host_risks_of_owners(struct host_search *search)
{
	if (!search->netns->sockets_complete || !search->snapshot->has_processes)
		return;
	for (size_t i = 0; i < search->result->count; i++) {
		struct risk *risk = &search->result->risk[i];

		if (risk->netns == search->index && risk->group < search->usage->groups)
			tell(search, risk, &search->usage->group[risk->group]);
	}
}
