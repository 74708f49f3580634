#include "explicit_connect.h"

#include <errno.h>
#include <netinet/in.h>

#include "alloc.h"
#include "clock_ms.h"
#include "fd.h"
#include "random_bits.h"
#include "routed.h"
#include "socket_window.h"
#include "tuples.h"

/* Ports asked for one by one, before all of a word are asked for at once. */
#define SINGLE_PORTS 8

/* Ports asked for at each refusal that rests on earlier answers, so that a program that tries in a loop hears of one that
 * others gave back. */
#define PORTS_ASKED_ANYWAY 0xffu

/* No protocol: what is known of a flow's TIME_WAIT. */
#define TIME_WAIT_FLOW 255

/* One connect() in search of its port. Steps return 0 or an errno of connect(2); EADDRNOTAVAIL is "not here". */
struct hunt {
	const struct connect_request *request;
	struct eph_pool *pool;
	const struct source_list *sources;
	struct ip_address routed; /* the only source, when there is no list */
	struct tuples tuples;     /* of the source in hand */
	struct known_flow *any, *flow;
	struct known_flow *
		asked; /* when the kernel was asked: `flow`, or one that only knows that of TIME_WAIT */
	int diag;      /* sock_diag, -1: cannot be asked */
	bool time_waits;     /* may one give way? */
	bool time_wait_only; /* nothing else is asked for: windows have been tried */
	bool young_ones;     /* also a young one, and FIN_WAIT2 */
	uint32_t age_ms;     /* that an answer of the kernel may have */
	int reuseaddr;       /* as the program had it */
	uint64_t binds;      /* attempts made */
	uint16_t port;       /* that the socket is bound to, 0 none */
};

static unsigned sources_of(const struct hunt *hunt)
{
	return hunt->sources->count ? hunt->sources->count : 1;
}

static void use_source(struct hunt *hunt, unsigned index)
{
	struct known_ports *known = hunt->pool->known;
	struct tuples *tuples = &hunt->tuples;

	tuples->from = hunt->sources->count ? hunt->sources->address[index] : hunt->routed;
	hunt->flow =
		known_ports_flow(known, IPPROTO_TCP, &tuples->from, &tuples->to, tuples->to_port);
	hunt->asked = hunt->time_wait_only ? known_ports_flow(known, TIME_WAIT_FLOW, &tuples->from,
							      &tuples->to, tuples->to_port)
					   : hunt->flow;
}

/* Which of @ports of a word are free, and which may take the place of a TIME_WAIT. Without sock_diag bind() and connect()
 * judge alone. */
static void look(const struct hunt *hunt, unsigned word, uint64_t ports, uint64_t *ret_free,
		 uint64_t *ret_time_wait)
{
	struct tuples_seen seen = {0};

	if (hunt->diag >= 0 && ports)
		(void)tuples_look(hunt->diag, &hunt->tuples, word, ports, &seen);
	*ret_free = ports & ~seen.live & ~seen.time_wait;
	*ret_time_wait = !hunt->time_waits ? 0 : hunt->young_ones ? seen.time_wait : seen.old;
}

static int bind_and_connect(struct hunt *hunt, uint16_t port)
{
	const struct connect_request *request = hunt->request;
	uint32_t scope = hunt->tuples.device;
	int r;

	hunt->binds++;
	r = socket_bind(request->fd, request->address->sa_family, &hunt->tuples.from, port, scope);
	if (r == -EADDRINUSE)
		return EADDRNOTAVAIL;
	if (r < 0)
		return -r;
	hunt->port = port;
	return connect(request->fd, request->address, request->length) < 0 ? errno : 0;
}

/* Take @port of the source in hand, if the kernel says that it is free. */
static int try_port(struct hunt *hunt, uint16_t port, bool from_time_wait)
{
	struct tuple_locks *locks = &hunt->pool->known->locks;
	int lock = tuple_lock(locks, hunt->flow, port, clock_ms()), error = EADDRNOTAVAIL;
	uint64_t bit = UINT64_C(1) << (port & 63), is_free, time_wait;

	if (lock < 0)
		return EADDRNOTAVAIL;
	look(hunt, port >> 6, bit, &is_free, &time_wait);
	known_flow_take(hunt->flow, (struct port_range){port, port});
	if (from_time_wait ? time_wait : is_free)
		error = bind_and_connect(hunt, port);
	tuple_unlock(locks, lock, hunt->flow, port);
	return error;
}

/* Ports that others have are learnt a word at a time. */
static void learn_word(struct hunt *hunt, uint16_t port)
{
	const struct eph_pool *pool = hunt->pool;
	unsigned word = port >> 6;
	uint64_t is_free, time_wait, ports = pool->usable.word[word];

	look(hunt, word, ports, &is_free, &time_wait);
	for (uint64_t left = ports & ~is_free; left; left &= left - 1) {
		uint16_t taken = (uint16_t)(word << 6 | (unsigned)__builtin_ctzll(left));

		known_flow_take(hunt->flow, (struct port_range){taken, taken});
	}
}

/* Ports that are not known to be taken. Each that fails is known afterwards, so this ends. */
static int try_known(struct hunt *hunt)
{
	const struct eph_pool *pool = hunt->pool;
	uint32_t tries = 2 * port_range_width(pool->range);
	int port, error = EADDRNOTAVAIL;

	for (uint32_t i = 0; i < tries && error == EADDRNOTAVAIL && !hunt->port; i++) {
		port = known_flow_pick(hunt->flow, &pool->usable, pool->range, random_bits());
		if (port < 0)
			break;
		error = try_port(hunt, (uint16_t)port, false);
		if (error == EADDRNOTAVAIL && !hunt->port && i >= SINGLE_PORTS)
			learn_word(hunt, (uint16_t)port);
	}
	return error;
}

static int try_each(struct hunt *hunt, unsigned word, uint64_t ports, bool from_time_wait)
{
	int error = EADDRNOTAVAIL;

	for (; ports && error == EADDRNOTAVAIL && !hunt->port; ports &= ports - 1)
		error = try_port(hunt, (uint16_t)(word << 6 | (unsigned)__builtin_ctzll(ports)),
				 from_time_wait);
	return error;
}

static int ask_word(struct hunt *hunt, unsigned word, uint32_t now)
{
	uint64_t is_free, time_wait;
	int error = EADDRNOTAVAIL;

	look(hunt, word, hunt->pool->usable.word[word], &is_free, &time_wait);
	if (!hunt->time_wait_only)
		error = try_each(hunt, word, is_free, false);
	if (error == EADDRNOTAVAIL && !hunt->port)
		error = try_each(hunt, word, time_wait, true);
	if (error == EADDRNOTAVAIL)
		known_flow_asked(hunt->asked, (int)word, now);
	return error;
}

/* All is known to be taken: the kernel is asked for every port of which that was learnt too long ago. */
static int ask_kernel(struct hunt *hunt)
{
	struct port_range range = hunt->pool->range;
	unsigned first = range.lo >> 6, words = (range.hi >> 6) - first + 1u;
	unsigned start = random_below(words);
	uint32_t now = clock_ms();
	int error = EADDRNOTAVAIL;

	for (unsigned i = 0; i < words && error == EADDRNOTAVAIL && !hunt->port; i++) {
		unsigned word = first + (start + i) % words;

		if (known_flow_is_stale(hunt->asked, (int)word, now, hunt->age_ms))
			error = ask_word(hunt, word, now);
	}
	return error;
}

static int each_source(struct hunt *hunt, unsigned start, int (*step)(struct hunt *hunt))
{
	int error = EADDRNOTAVAIL;

	for (unsigned i = 0; i < sources_of(hunt) && error == EADDRNOTAVAIL && !hunt->port; i++) {
		use_source(hunt, (start + i) % sources_of(hunt));
		error = step(hunt);
	}
	return error;
}

/* Of two sources the one with fewer connections, as flat_connect() has it. */
static unsigned emptier_source(struct hunt *hunt)
{
	unsigned one = random_below(sources_of(hunt)), other = random_below(sources_of(hunt));
	uint32_t count;

	use_source(hunt, one);
	count = atomic_load_explicit(&hunt->flow->count, memory_order_relaxed);
	use_source(hunt, other);
	return atomic_load_explicit(&hunt->flow->count, memory_order_relaxed) < count ? other : one;
}

/* A few ports at random. */
static int ask_few(struct hunt *hunt)
{
	struct port_range range = hunt->pool->range;
	unsigned first = range.lo >> 6, words = (range.hi >> 6) - first + 1u;
	unsigned word = first + random_below(words);
	uint64_t is_free, time_wait, few = (uint64_t)PORTS_ASKED_ANYWAY << 8 * random_below(8);
	int error = EADDRNOTAVAIL;

	use_source(hunt, random_below(sources_of(hunt)));
	look(hunt, word, hunt->pool->usable.word[word] & few, &is_free, &time_wait);
	if (!hunt->time_wait_only)
		error = try_each(hunt, word, is_free, false);
	return error == EADDRNOTAVAIL && !hunt->port ? try_each(hunt, word, time_wait, true)
						     : error;
}

static int hunt_port(struct hunt *hunt)
{
	uint64_t freed = atomic_load(&hunt->pool->known->freed);
	uint32_t start_ms = clock_ms();
	unsigned start = emptier_source(hunt);
	int error = EADDRNOTAVAIL;

	hunt->age_ms = known_flow_age_ms(hunt->any, sources_of(hunt));
	if (known_flow_refused(hunt->any, freed, start_ms, hunt->age_ms))
		return ask_few(hunt);
	if (!hunt->time_wait_only)
		error = each_source(hunt, start, try_known);
	if (error == EADDRNOTAVAIL && !hunt->port)
		error = each_source(hunt, start, ask_kernel);
	if (error == EADDRNOTAVAIL && !hunt->port)
		known_flow_refuse_after(hunt->any, freed, start_ms, clock_ms());
	return error;
}

/* Sockets of the pool share ports, and take those of connections that are closed, only if all of them carry this. */
static int allow_sharing(struct hunt *hunt)
{
	socklen_t size = sizeof(hunt->reuseaddr);
	int on = 1, fd = hunt->request->fd;

	if (getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &hunt->reuseaddr, &size) < 0 ||
	    (!hunt->reuseaddr && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0))
		return errno;
	return 0;
}

static const struct source_list no_sources;

static int begin(struct hunt *hunt)
{
	const struct connect_request *request = hunt->request;
	struct eph_pool *pool = hunt->pool;
	struct ip_address unused;
	int r = 0;

	hunt->sources =
		request->from.family ? &no_sources : sources_for(&pool->sources, &request->to);
	hunt->routed = request->from;
	hunt->tuples = (struct tuples){
		.protocol = IPPROTO_TCP,
		.to = request->to,
		.to_port = request->to_port,
		.device = routed_device(request->fd, request->address, request->length),
		.delay_ms = pool->tw_reuse_delay_ms,
	};
	if ((!hunt->sources->count && !hunt->routed.family) || ip_address_is_any(&request->to))
		r = routed_ends(request->fd, request->address, request->length, pool->host_range,
				request->from.family ? &unused : &hunt->routed, &hunt->tuples.to);
	if (r < 0)
		return -r;
	hunt->any =
		known_ports_flow(pool->known, hunt->time_wait_only ? TIME_WAIT_FLOW : IPPROTO_TCP,
				 NULL, &hunt->tuples.to, request->to_port);
	hunt->young_ones = pool->time_wait == EPH_TIME_WAIT_REUSE;
	hunt->time_waits = hunt->young_ones || pool_reuses_time_wait(pool, &hunt->tuples.to);
	return allow_sharing(hunt);
}

static bool keeps_port(int error)
{
	return !error || error == EINPROGRESS || error == EINTR;
}

static void end(struct hunt *hunt, int error)
{
	struct eph_pool *pool = hunt->pool;
	struct known_counts *counts = &pool->known->counts;
	int fd = hunt->request->fd;

	atomic_fetch_add_explicit(&counts->windows, hunt->binds, memory_order_relaxed);
	/* A refusal of the last resort is counted where the first was (connect.c). */
	if (error != EADDRNOTAVAIL || !hunt->time_wait_only)
		atomic_fetch_add_explicit(keeps_port(error)        ? &counts->connections
					  : error == EADDRNOTAVAIL ? &counts->refused
								   : &counts->failed,
					  1, memory_order_relaxed);
	if (hunt->port)
		owned_ports_set(pool->owned, fd,
				(struct owned_port){(uint16_t)(hunt->flow - pool->known->flows),
						    hunt->port,
						    {0, 0}});
	else if (!hunt->reuseaddr)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &hunt->reuseaddr,
				 sizeof(hunt->reuseaddr));
}

static int run(const struct connect_request *request, bool time_wait_only)
{
	CLEANUP(fd_closep) int diag = tuples_open();
	struct hunt hunt = {.request = request,
			    .pool = request->pool,
			    .diag = diag,
			    .reuseaddr = 1,
			    .time_wait_only = time_wait_only};
	int error = begin(&hunt);

	if (!error)
		error = hunt_port(&hunt);
	end(&hunt, error);
	errno = error;
	return error ? -1 : 0;
}

/* On its way, connected, or bound by the program. */
static bool has_port(int fd)
{
	struct ip_address own;
	uint16_t port = 0;

	return socket_name(fd, &own, &port) < 0 || port;
}

int explicit_connect(const struct connect_request *request)
{
	if (has_port(request->fd))
		return connect(request->fd, request->address, request->length);
	return run(request, false);
}

int explicit_connect_time_wait(const struct connect_request *request)
{
	if (has_port(request->fd)) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return run(request, true);
}
