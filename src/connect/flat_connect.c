#include "flat_connect.h"

#include <errno.h>
#include <netinet/in.h>

#include "clock_ms.h"
#include "look.h"
#include "random_bits.h"
#include "socket_window.h"

/* Words asked at each refusal besides those that are due, so that a program that tries in a loop hears of a port that others
 * gave back without a walk through the whole range: 10 ms of refusals ask all 442 words of the default range. */
#define WORDS_ASKED_ANYWAY 2

/* A refused window of one port costs the least, 0.5 us, and teaches the most; after so many of them the kernel searches a row
 * of ports, which goes faster through what others hold. */
#define SINGLE_PORTS 8

/* Attempts that met a port of others before the kernel's sockets are read: they have cost some 50 us by then. A look stops
 * the connection for as long as it takes, so they are far apart: the time of one to the time between two is at most this. */
#define LOOK_AFTER    64
#define LOOK_SHARE    50
#define LOOK_APART_MS 1000

/* How often a refusal asks the kernel to search without a window. */
#define WHOLE_APART_MS 1000

/* EADDRNOTAVAIL for a reason that no other port would mend. */
#define FINAL (-EADDRNOTAVAIL)

/* One connect() in search of its port. Steps return 0 or an errno of connect(2), or FINAL; EADDRNOTAVAIL is "not here". */
struct search {
	const struct connect_request *request;
	const struct eph_pool *pool;
	const struct source_list
		*sources; /* to choose from; none: the routing table chooses, or the program did */
	struct known_flow *any;  /* what is known of the destination, from whatever source */
	struct known_flow *flow; /* the same from the source in hand */
	const struct ip_address *source; /* in hand */
	const struct ip_address *bound;  /* that the socket is bound to */
	uint64_t windows;                /* attempts made */
	struct port_range window;        /* of the last attempt */
	uint16_t port;                   /* that the kernel gave, 0 none */
};

/* Did connect() choose a port that the socket still has? */
static bool keeps_port(int error)
{
	return !error || error == EINPROGRESS || error == EINTR;
}

static void learn_port(struct search *search)
{
	struct ip_address address;
	uint16_t port = search->window.lo;

	if ((search->window.lo != search->window.hi || !port) &&
	    socket_name(search->request->fd, &address, &port) < 0)
		port = 0;
	search->port = port;
	if (port)
		known_flow_take(search->flow, (struct port_range){port, port});
}

static int try_window(struct search *search, struct port_range window)
{
	const struct connect_request *request = search->request;
	bool has_window = socket_set_window(request->fd, window) == 0;
	int error;

	search->window = has_window ? window : (struct port_range){0, 0};
	search->windows++;
	error = connect(request->fd, request->address, request->length) < 0 ? errno : 0;
	if (keeps_port(error))
		learn_port(search);
	/* A socket that has a port is refused for that port, whatever the window: because the 4-tuple exists. Where no window can
	 * be set, the socket is of another kind. */
	if (error == EADDRNOTAVAIL &&
	    (!has_window || (search->windows == 1 && socket_has_port(request->fd))))
		return FINAL;
	return error;
}

/* The socket gets the source in hand, unless it has it. */
static int bind_source(struct search *search)
{
	int error;

	if (search->source == search->bound)
		return 0;
	error = -socket_set_source(search->request->fd, search->request->address->sa_family,
				   search->source);
	if (!error)
		search->bound = search->source;
	return error;
}

static void use_source(struct search *search, const struct ip_address *source)
{
	search->source = source;
	search->flow = source ? known_ports_flow(search->pool->known, IPPROTO_TCP, source,
						 &search->request->to, search->request->to_port)
			      : search->any;
}

/* Others are about. When they cost more than reading all of theirs would, read them. */
static void count_miss(struct search *search)
{
	const struct eph_pool *pool = search->pool;
	struct known_flow *flow = search->flow;
	const struct ip_address *to = &search->request->to;
	struct ip_address none = {.family = IP_NONE};
	uint32_t start, looked = atomic_load_explicit(&flow->looked_ms, memory_order_relaxed);
	struct port_set taken;

	if (atomic_fetch_add_explicit(&flow->missed, 1, memory_order_relaxed) + 1 < LOOK_AFTER)
		return;
	start = clock_ms();
	if (looked && start - looked < LOOK_APART_MS + LOOK_SHARE * atomic_load_explicit(
									    &flow->look_ms,
									    memory_order_relaxed))
		return;
	atomic_store_explicit(&flow->missed, 0, memory_order_relaxed);
	atomic_store_explicit(&flow->looked_ms, start ? start : 1, memory_order_relaxed);
	port_set_clear(&taken);
	if (look_taken(search->source ? search->source : &none, to, search->request->to_port,
		       !pool_reuses_time_wait(pool, to), &taken) == 0)
		known_flow_learn(flow, pool->range, &taken);
	atomic_store_explicit(&flow->look_ms, clock_ms() - start, memory_order_relaxed);
}

/* Ports that are not known to be taken. Each attempt that fails teaches at least one; yet others write there, too. */
static int try_known(struct search *search)
{
	const struct eph_pool *pool = search->pool;
	uint32_t tries = 2 * port_range_width(pool->range);
	int port, error;

	for (uint32_t i = 0; i < tries; i++) {
		struct port_range window;

		port = known_flow_pick(search->flow, &pool->usable, pool->range, random_bits());
		if (port < 0)
			break;
		window = (struct port_range){(uint16_t)port, (uint16_t)port};
		if (i >= SINGLE_PORTS)
			window = known_flow_run(search->flow, &pool->usable, (uint16_t)port);
		error = bind_source(search);
		if (error)
			return error;
		error = try_window(search, window);
		if (error != EADDRNOTAVAIL)
			return error;
		known_flow_take(search->flow, window);
		count_miss(search);
	}
	return EADDRNOTAVAIL;
}

static int ask_word(struct search *search, int word, uint32_t now)
{
	struct port_range range = search->pool->range;
	uint16_t lo = (uint16_t)(word << 6), hi = (uint16_t)(word << 6 | 63), even;
	int error;

	lo = lo < range.lo ? range.lo : lo;
	hi = hi > range.hi ? range.hi : hi;
	/* A kernel before 6.8 misses an end of an odd window. */
	even = lo < hi && (hi - lo) % 2 == 0 ? (uint16_t)(hi - 1) : hi;
	error = bind_source(search);
	if (!error)
		error = try_window(search, (struct port_range){lo, even});
	if (error == EADDRNOTAVAIL && even < hi)
		error = try_window(search, (struct port_range){hi, hi});
	if (error == EADDRNOTAVAIL)
		known_flow_asked(search->flow, word, now);
	else if (search->port)
		known_flow_doubt(search->flow, search->port);
	return error;
}

/* A refusal rests on two looks, here and in known_flow_refused(), each at most half as old as we promise. */
static uint32_t max_age_ms(const struct search *search)
{
	return EPH_REFUSAL_AGE_MS / 2 * (search->sources->count ? search->sources->count : 1);
}

/* All is known to be taken: words of which that was learnt too long ago are asked again. */
static int ask_kernel(struct search *search)
{
	struct port_range range = search->pool->range;
	uint32_t now = clock_ms(), age = max_age_ms(search);
	int word = range.lo >> 6, error;

	while ((word = known_flow_stale(search->flow, range, word, now, age)) >= 0) {
		error = ask_word(search, word, now);
		if (error != EADDRNOTAVAIL)
			return error;
		word++;
	}
	return EADDRNOTAVAIL;
}

/* The source with fewer connections of two taken at random: nearly as even as counting all, at the price of two. */
static unsigned emptier_source(struct search *search)
{
	const struct source_list *sources = search->sources;
	unsigned one = random_below(sources->count), other = random_below(sources->count);
	uint32_t count;

	use_source(search, &sources->address[one]);
	count = atomic_load_explicit(&search->flow->count, memory_order_relaxed);
	use_source(search, &sources->address[other]);
	return atomic_load_explicit(&search->flow->count, memory_order_relaxed) < count ? other
											: one;
}

/* Take @step with one source after the other until there is a port. */
static int each_source(struct search *search, unsigned start, int (*step)(struct search *search))
{
	unsigned count = search->sources->count;
	int error = EADDRNOTAVAIL;

	if (!count)
		return step(search);
	for (unsigned i = 0; i < count && error == EADDRNOTAVAIL; i++) {
		use_source(search, &search->sources->address[(start + i) % count]);
		error = step(search);
	}
	return error;
}

static int ask_some(struct search *search)
{
	struct port_range range = search->pool->range;
	uint32_t words = (range.hi >> 6) - (range.lo >> 6) + 1u, now = clock_ms();
	int error = EADDRNOTAVAIL;

	for (unsigned i = 0; i < WORDS_ASKED_ANYWAY && error == EADDRNOTAVAIL; i++)
		error = ask_word(search, (range.lo >> 6) + (int)random_below(words), now);
	return error;
}

static int search_port(struct search *search)
{
	uint64_t freed = atomic_load_explicit(&search->pool->known->freed, memory_order_relaxed);
	unsigned start = search->sources->count ? emptier_source(search) : 0;
	uint32_t start_ms;
	int error;

	if (known_flow_refused(search->any, freed, clock_ms(), max_age_ms(search)))
		return ask_some(search);
	error = each_source(search, start, try_known);
	if (error != EADDRNOTAVAIL)
		return error;
	start_ms = clock_ms();
	error = each_source(search, start, ask_kernel);
	if (error == EADDRNOTAVAIL)
		known_flow_refuse(search->any, freed, start_ms);
	return error;
}

static int ask_whole(struct search *search)
{
	int error = bind_source(search);

	return error ? error : try_window(search, (struct port_range){0, 0});
}

static bool is_whole_due(const struct search *search)
{
	struct known_ports *known = search->pool->known;
	uint32_t now = clock_ms(),
		 asked = atomic_load_explicit(&known->whole_ms, memory_order_relaxed);

	if (search->pool->range_given ||
	    (asked && now - asked < WHOLE_APART_MS &&
	     !atomic_load_explicit(&known->whole_is_more, memory_order_relaxed)))
		return false;
	atomic_store_explicit(&known->whole_ms, now ? now : 1, memory_order_relaxed);
	return true;
}

/* No port of the range is left; but the range of the host, or what is reserved in it, may have changed since the pool was made. */
static int search_whole(struct search *search)
{
	struct known_ports *known = search->pool->known;
	bool more = atomic_load_explicit(&known->whole_is_more, memory_order_relaxed);
	int error;

	if (!is_whole_due(search))
		return EADDRNOTAVAIL;
	error = more ? each_source(search, 0, ask_whole) : ask_whole(search);
	if (error == EADDRNOTAVAIL)
		more = false;
	else if (search->port && !port_set_has(&search->pool->usable, search->port))
		more = true;
	atomic_store_explicit(&known->whole_is_more, more, memory_order_relaxed);
	return error;
}

static const struct source_list no_sources;

/* A source of the program's own is not ours to change: only what is known of it is used. */
static int search_from(struct search *search, const struct ip_address *from)
{
	const struct connect_request *request = search->request;
	int error;

	search->sources = from ? &no_sources : sources_for(&search->pool->sources, &request->to);
	search->bound = from;
	search->source = from;
	search->any = known_ports_flow(search->pool->known, IPPROTO_TCP, from, &request->to,
				       request->to_port);
	search->flow = search->any;
	error = search_port(search);
	return error == EADDRNOTAVAIL ? search_whole(search) : error;
}

static void count(const struct search *search, int error)
{
	struct known_counts *counts = &search->pool->known->counts;

	atomic_fetch_add_explicit(&counts->windows, search->windows, memory_order_relaxed);
	atomic_fetch_add_explicit(keeps_port(error)        ? &counts->connections
				  : error == EADDRNOTAVAIL ? &counts->refused
							   : &counts->failed,
				  1, memory_order_relaxed);
}

int flat_connect(const struct connect_request *request)
{
	struct eph_pool *pool = request->pool;
	struct search search = {.request = request, .pool = pool};
	struct ip_address own;
	uint16_t port;
	int error;

	error = search_from(&search, request->from.family ? &request->from : NULL);
	/* What was known is of the address that the routing table gives; the program may have bound another. */
	if (error == EADDRNOTAVAIL && !search.bound && socket_name(request->fd, &own, &port) == 0 &&
	    !ip_address_is_any(&own))
		error = search_from(&search, &own);
	if (error == FINAL)
		error = EADDRNOTAVAIL;
	count(&search, error);
	if (keeps_port(error)) {
		owned_ports_set(pool->owned, request->fd,
				(struct owned_port){(uint16_t)(search.flow - pool->known->flows),
						    search.port, search.window});
	} else if (search.windows) {
		(void)socket_set_window(request->fd, (struct port_range){0, 0});
		if (search.sources->count)
			socket_drop_source(request->fd, request->address->sa_family);
	}
	errno = error;
	return error ? -1 : 0;
}
