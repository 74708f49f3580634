/* Single sockets: programs that bind before they connect, and sockets that are connected to themselves. */
#include <stdlib.h>

#include "host_risks_search.h"
#include "number.h"

#define POOL_PERCENT_WARNING 5u  /* of the range */
#define POOL_PORTS_LEAST     16u /* below that it is no habit */
#define PROGRAMS_SHOWN       5u
#define SELF_SHOWN           5u

/* Does this connection hold a port that was bound, by port 0 or by number, before it connected? Its bucket is closed:
 * every connection then shares the one pool of its source address. */
static bool is_bound_before(const struct netns_snapshot *netns, const struct socket_record *record)
{
	if (record->protocol != PROTOCOL_TCP || record->state == STATE_TIME_WAIT ||
	    !netns_outgoing(netns, record) ||
	    !port_set_has(&netns->binds.closed, record->local_port) ||
	    port_set_has(&netns->binds.listening, record->local_port))
		return false;
	return !(record->known & record->flags & SOCKET_CONNECT_BOUND);
}

struct pool {
	const struct process_record *process; /* NULL: nobody known */
	struct ip_address address;
	uint32_t sockets;
};

static int by_sockets(const void *left, const void *right)
{
	const struct pool *a = left, *b = right;

	return (a->sockets < b->sockets) - (a->sockets > b->sockets);
}

#define POOLS_MAX 64u

struct pools {
	struct pool pool[POOLS_MAX];
	unsigned count;
	uint32_t sockets;
};

static void count_socket(const struct host_search *search, struct pools *pools,
			 const struct socket_record *record)
{
	const struct process_record *process = host_risks_process(search, record->inode);
	unsigned i;

	pools->sockets++;
	for (i = 0; i < pools->count; i++)
		if (pools->pool[i].process == process &&
		    ip_address_equal(&pools->pool[i].address, &record->local))
			break;
	if (i == POOLS_MAX)
		return;
	if (i == pools->count)
		pools->pool[pools->count++] = (struct pool){process, record->local, 0};
	pools->pool[i].sockets++;
}

static void describe_pools(struct host_search *search, struct pools *pools, uint32_t blocked)
{
	uint32_t width = port_range_width(search->netns->settings.range);
	bool large = (uint64_t)blocked * 100 >= (uint64_t)width * POOL_PERCENT_WARNING;
	char address[IP_ADDRESS_TEXT_BYTES];
	struct risk *risk;

	qsort(pools->pool, pools->count, sizeof(pools->pool[0]), by_sockets);
	risk = risk_list_add(search->result, search->index, "bind-before-connect",
			     large ? RISK_WARNING : RISK_INFO,
			     "%s bound before connecting: the pool is per source address, not "
			     "per destination",
			     COUNTED(pools->sockets, "connection"));
	for (unsigned i = 0; i < pools->count && i < PROGRAMS_SHOWN; i++) {
		const struct pool *pool = &pools->pool[i];

		if (pool->process)
			risk_evidence(search->result, risk, "%s (pid %d): %s from %s",
				      pool->process->command, (int)pool->process->pid,
				      GROUPED(pool->sockets),
				      ip_address_format(&pool->address, address));
		else
			risk_evidence(search->result, risk,
				      "a process that could not be seen: %s from %s",
				      GROUPED(pool->sockets),
				      ip_address_format(&pool->address, address));
	}
	if (pools->count > PROGRAMS_SHOWN)
		risk_evidence(search->result, risk, "and %u more", pools->count - PROGRAMS_SHOWN);
	risk_evidence(search->result, risk,
		      "bind() to an address with port 0 takes a port away from all destinations: "
		      "%s of %s are taken so",
		      GROUPED(blocked), GROUPED(width));
	risk_advice(
		search->result, risk, NULL,
		"set IP_BIND_ADDRESS_NO_PORT before bind(): connect() then chooses the port, and "
		"each destination has the whole range");
}

static void find_bound_before(struct host_search *search)
{
	const struct socket_table *sockets = &search->netns->sockets;
	struct port_set ports = {0};
	struct pools pools = {.count = 0};
	uint32_t blocked;

	for (size_t i = 0; i < sockets->count; i++) {
		if (!is_bound_before(search->netns, &sockets->record[i]))
			continue;
		port_set_add(&ports, sockets->record[i].local_port);
		count_socket(search, &pools, &sockets->record[i]);
	}
	blocked = port_set_count(&ports);
	if (blocked >= POOL_PORTS_LEAST)
		describe_pools(search, &pools, blocked);
}

static void find_self_connected(struct host_search *search)
{
	const struct socket_table *sockets = &search->netns->sockets;
	struct port_set ports = {0};
	struct risk *risk = NULL;
	unsigned shown = 0;

	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_record *record = &sockets->record[i];
		const struct process_record *process;
		char address[IP_ADDRESS_TEXT_BYTES];

		if (record->protocol != PROTOCOL_TCP || record->state == STATE_TIME_WAIT ||
		    !record->local_port || record->local_port != record->remote_port ||
		    !ip_address_equal(&record->local, &record->remote))
			continue;
		port_set_add(&ports, record->local_port);
		if (!risk)
			risk = risk_list_add(search->result, search->index, "self-connected",
					     RISK_WARNING,
					     "a socket is connected to itself and keeps its port");
		process = host_risks_process(search, record->inode);
		if (shown++ < SELF_SHOWN)
			risk_evidence(
				search->result, risk, "%s port %u: %s",
				ip_address_format(&record->local, address), record->local_port,
				process ? process->command : "a process that could not be seen");
	}
	if (!risk)
		return;
	risk_evidence(search->result, risk,
		      "its source port happened to be the port it connects to while no service "
		      "was listening; the service cannot start until it closes");
	risk_advice_reserve(search->result, risk, &ports, false,
			    "end the process, and reserve the port");
}

void host_risks_of_sockets(struct host_search *search)
{
	find_bound_before(search);
	find_self_connected(search);
}
