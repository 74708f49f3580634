#include "connect_causes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PORTS 28232u /* 32768-60999 */

/* Causes that hold ports, in the order in which a port that several sockets hold is counted. */
static const enum connect_cause_id holding[] = {CONNECT_LISTENERS, CONNECT_BOUND,
						CONNECT_BIND_POOL, CONNECT_BLOCKED_OTHER,
						CONNECT_IN_USE,    CONNECT_UDP_POOL};
#define HOLDING (sizeof(holding) / sizeof(holding[0]))

struct pooled {
	const struct socket_record *record;
};

struct tally {
	const struct snapshot *snapshot;
	const struct netns_snapshot *netns;
	const struct capacity_query *query;
	struct port_range range;
	uint32_t *by_process[HOLDING]; /* sockets of each process; behind the last: of nobody */
	uint32_t sockets[HOLDING], time_wait[HOLDING];
	uint8_t kind_of_port[UINT16_MAX + 1]; /* blocked ports: index into `holding` + 1 */
	struct pooled *pool;                  /* sockets that were bound before they connected */
	size_t pool_count;
};

struct connect_cause *connect_add_cause(struct connect_result *result, enum connect_cause_id id,
					bool certain)
{
	struct connect_cause *cause;

	if (result->n_causes == CONNECT_CAUSES_MAX)
		return NULL;
	cause = &result->cause[result->n_causes++];
	*cause = (struct connect_cause){.id = id, .certain = certain};
	return cause;
}

static unsigned kind_of(enum connect_cause_id id)
{
	unsigned kind = 0;

	while (holding[kind] != id)
		kind++;
	return kind;
}

static bool has(const struct socket_record *record, uint16_t flag)
{
	return (record->known & record->flags & flag) != 0;
}

/* How the socket came to a port whose bucket is closed. */
static enum connect_cause_id why_blocked(const struct netns_snapshot *netns,
					 const struct socket_record *record)
{
	if (record->state == STATE_LISTEN)
		return CONNECT_LISTENERS;
	if (record->state == STATE_BOUND || record->state == STATE_CLOSE)
		return CONNECT_BOUND;
	if (has(record, SOCKET_CONNECT_BOUND) || netns_accepted(netns, record))
		return CONNECT_BLOCKED_OTHER;
	if (has(record, SOCKET_EXPLICIT | SOCKET_ADDRESS_BOUND) ||
	    (record->known & SOCKET_CONNECT_BOUND))
		return CONNECT_BIND_POOL;
	return CONNECT_BLOCKED_OTHER;
}

static bool is_towards(const struct capacity_query *query, const struct socket_record *record)
{
	return record->remote_port == query->to_port &&
	       ip_address_equal(&record->remote, &query->to) &&
	       (query->from.family == IP_NONE || ip_address_equal(&record->local, &query->from));
}

/* A UDP socket that keeps the new one off its port (rules/capacity.c decides; here it is only named). */
static bool is_in_udp_pool(const struct capacity_query *query, const struct socket_record *record)
{
	bool bound = query->bound && query->from.family != IP_NONE;

	if (bound && !ip_address_is_any(&record->local))
		return ip_address_equal(&record->local, &query->from);
	return socket_meets_any(record, query->to.family == IP_V6 ? IP_V6 : IP_V4) != 0;
}

/* Which cause the socket belongs to. Return: false when it holds no port that the query could have had. */
static bool cause_of(const struct tally *tally, const struct socket_record *record,
		     enum connect_cause_id *ret)
{
	const struct netns_snapshot *netns = tally->netns;

	if (record->protocol != tally->query->protocol ||
	    !port_range_has(tally->range, record->local_port) ||
	    port_set_has(&netns->settings.reserved, record->local_port))
		return false;
	if (record->protocol == PROTOCOL_UDP) {
		*ret = CONNECT_UDP_POOL;
		return is_in_udp_pool(tally->query, record);
	}
	if (port_set_has(&netns->binds.closed, record->local_port)) {
		*ret = why_blocked(netns, record);
		return true;
	}
	*ret = CONNECT_IN_USE;
	return !(record->flags & SOCKET_MINI) && is_towards(tally->query, record);
}

static void count_holders(struct tally *tally, unsigned kind, const struct socket_record *record)
{
	const struct process_table *processes = &tally->snapshot->processes;
	const struct process_link *link = NULL;
	size_t count = 0;

	if (record->inode && tally->snapshot->has_processes)
		link = process_table_find(processes, record->inode, &count);
	tally->sockets[kind]++;
	tally->time_wait[kind] += (record->flags & SOCKET_MINI) != 0;
	tally->by_process[kind][link ? link->process : processes->processes]++;
}

static void count_socket(struct tally *tally, const struct socket_record *record)
{
	enum connect_cause_id id;
	uint8_t *kind_of_port = &tally->kind_of_port[record->local_port];
	unsigned kind;

	if (!cause_of(tally, record, &id))
		return;
	kind = kind_of(id);
	count_holders(tally, kind, record);
	if (!*kind_of_port || kind + 1 < *kind_of_port)
		*kind_of_port = (uint8_t)(kind + 1);
	if (id == CONNECT_BIND_POOL)
		tally->pool[tally->pool_count++].record = record;
}

static void tally_done(struct tally *tally)
{
	for (unsigned kind = 0; kind < HOLDING; kind++)
		free(tally->by_process[kind]);
	free(tally->pool);
	free(tally);
}

/* Return: NULL when out of memory. */
static struct tally *count_sockets(const struct snapshot *snapshot,
				   const struct capacity_query *query, struct port_range range)
{
	const struct netns_snapshot *netns = &snapshot->netns[0];
	struct tally *tally = calloc(1, sizeof(*tally));
	bool failed;

	if (!tally)
		return NULL;
	*tally = (struct tally){
		.snapshot = snapshot, .netns = netns, .query = query, .range = range};
	tally->pool = calloc(netns->sockets.count + 1, sizeof(*tally->pool));
	failed = !tally->pool;
	for (unsigned kind = 0; kind < HOLDING; kind++) {
		tally->by_process[kind] =
			calloc(snapshot->processes.processes + 1, sizeof(uint32_t));
		failed |= !tally->by_process[kind];
	}
	if (failed) {
		tally_done(tally);
		return NULL;
	}
	for (size_t i = 0; i < netns->sockets.count; i++)
		count_socket(tally, &netns->sockets.record[i]);
	return tally;
}

/* The ports of a blocking cause. A port that no socket read explains is told by the bind table, else it is "other". */
static uint32_t count_blocked(const struct tally *tally, enum connect_cause_id id)
{
	const struct bind_table *binds = &tally->netns->binds;
	uint32_t ports = 0;

	for (uint32_t p = tally->range.lo; p <= tally->range.hi; p++) {
		uint16_t port = (uint16_t)p;
		uint8_t kind = tally->kind_of_port[port];
		enum connect_cause_id why = CONNECT_BLOCKED_OTHER;

		if (!port_set_has(&binds->closed, port) ||
		    port_set_has(&tally->netns->settings.reserved, port))
			continue;
		if (kind)
			why = holding[kind - 1];
		else if (port_set_has(&binds->listening, port))
			why = CONNECT_LISTENERS;
		else if (port_set_has(&binds->bound, port))
			why = CONNECT_BOUND;
		ports += why == id;
	}
	return ports;
}

/* The four processes with the most sockets. */
static void name_holders(const struct tally *tally, unsigned kind, struct connect_cause *cause)
{
	uint32_t processes = (uint32_t)tally->snapshot->processes.processes;
	uint32_t *count = tally->by_process[kind], named = 0;

	while (cause->n_holders < CONNECT_HOLDERS_MAX) {
		uint32_t best = 0;

		for (uint32_t i = 1; i <= processes; i++)
			if (count[i] > count[best])
				best = i;
		if (!count[best])
			break;
		cause->holder[cause->n_holders++] = (struct connect_holder){
			best == processes ? CONNECT_NOBODY : best, count[best]};
		named += count[best];
		count[best] = 0;
	}
	cause->more_sockets = tally->sockets[kind] - named;
}

static void add_holding(const struct tally *tally, enum connect_cause_id id, uint32_t ports,
			struct connect_result *result)
{
	unsigned kind = kind_of(id);
	struct connect_cause *cause = ports ? connect_add_cause(result, id, true) : NULL;

	if (!cause)
		return;
	cause->ports = ports;
	cause->sockets = tally->sockets[kind];
	cause->time_wait = tally->time_wait[kind];
	name_holders(tally, kind, cause);
}

static void add_plain(enum connect_cause_id id, uint32_t ports, struct connect_result *result)
{
	struct connect_cause *cause = ports ? connect_add_cause(result, id, true) : NULL;

	if (cause)
		cause->ports = ports;
}

static int compare_pool(const void *a, const void *b)
{
	const struct socket_record *x = ((const struct pooled *)a)->record;
	const struct socket_record *y = ((const struct pooled *)b)->record;
	int order = memcmp(&x->local, &y->local, sizeof(x->local));

	if (!order)
		order = memcmp(&x->remote, &y->remote, sizeof(x->remote));
	return order ? order : x->remote_port - y->remote_port;
}

static bool same_destination(const struct socket_record *a, const struct socket_record *b)
{
	return a->remote_port == b->remote_port && ip_address_equal(&a->remote, &b->remote);
}

/* One source of the sorted pool, from @start on. Return: where the next begins. */
static size_t describe_source(const struct tally *tally, size_t start, struct connect_pool *ret)
{
	const struct pooled *pool = tally->pool;
	uint32_t run = 0;
	size_t i = start;

	*ret = (struct connect_pool){.source = pool[start].record->local};
	for (; i < tally->pool_count && ip_address_equal(&pool[i].record->local, &ret->source);
	     i++) {
		if (i == start || !same_destination(pool[i].record, pool[i - 1].record)) {
			ret->destinations++;
			run = 0;
		}
		ret->sockets++;
		if (++run > ret->fullest_sockets) {
			ret->fullest_sockets = run;
			ret->fullest = pool[i].record->remote;
			ret->fullest_port = pool[i].record->remote_port;
		}
	}
	return i;
}

static void describe_pool(struct tally *tally, struct connect_pool *ret)
{
	qsort(tally->pool, tally->pool_count, sizeof(*tally->pool), compare_pool);
	for (size_t i = 0; i < tally->pool_count;) {
		struct connect_pool one;

		i = describe_source(tally, i, &one);
		if (one.sockets > ret->sockets)
			*ret = one;
	}
}

static int compare_causes(const void *a, const void *b)
{
	const struct connect_cause *x = a, *y = b;

	if (x->ports != y->ports)
		return x->ports < y->ports ? 1 : -1;
	return (int)x->id - (int)y->id;
}

static void add_causes(const struct tally *tally, struct connect_result *result)
{
	const struct capacity_result *capacity = &result->capacity;

	if (tally->query->protocol == PROTOCOL_UDP) {
		add_holding(tally, CONNECT_UDP_POOL, capacity->blocked, result);
	} else {
		add_holding(tally, CONNECT_IN_USE, capacity->in_use, result);
		add_plain(CONNECT_TIME_WAIT, capacity->time_wait, result);
		for (enum connect_cause_id id = CONNECT_LISTENERS; id <= CONNECT_BLOCKED_OTHER;
		     id++)
			add_holding(tally, id, count_blocked(tally, id), result);
	}
	add_plain(CONNECT_RESERVED, capacity->reserved, result);
	qsort(result->cause, result->n_causes, sizeof(result->cause[0]), compare_causes);
}

static bool is_past_knee(const struct capacity_result *capacity)
{
	return capacity->protocol == PROTOCOL_TCP && capacity->knee &&
	       capacity->in_use + capacity->time_wait >= capacity->knee;
}

static void note_source(const struct tally *tally, struct connect_result *result)
{
	const struct socket_table *sockets = &tally->netns->sockets;

	for (size_t i = 0; i < sockets->count && result->capacity.from.family == IP_NONE; i++)
		if (sockets->record[i].protocol == tally->query->protocol &&
		    is_towards(tally->query, &sockets->record[i])) {
			result->seen_source = sockets->record[i].local;
			return;
		}
}

int connect_add_ports(const struct snapshot *snapshot, const struct capacity_query *query,
		      struct connect_result *result)
{
	const struct capacity_result *capacity = &result->capacity;
	uint32_t width = port_range_width(capacity->range);
	bool half_free = capacity->left >= width / 2 && result->answer == CONNECT_OK;
	struct tally *tally = count_sockets(snapshot, query, capacity->range);

	if (!tally)
		return -ENOMEM;
	result->blockers_seen = query->protocol == PROTOCOL_UDP || tally->netns->sockets_complete;
	describe_pool(tally, &result->pool);
	note_source(tally, result);
	if (!half_free)
		add_causes(tally, result);
	else if (result->pool.sockets)
		add_holding(tally, CONNECT_BIND_POOL, count_blocked(tally, CONNECT_BIND_POOL),
			    result);
	if (is_past_knee(capacity) && capacity->left)
		connect_add_cause(result, CONNECT_PAST_KNEE, true);
	if (width < DEFAULT_PORTS && result->answer != CONNECT_OK)
		connect_add_cause(result, CONNECT_NARROW_RANGE, true);
	tally_done(tally);
	return 0;
}
