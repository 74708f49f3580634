#include "udp_connect.h"

#include <errno.h>
#include <netinet/in.h>

#include "clock_ms.h"
#include "fd.h"
#include "random_bits.h"
#include "routed.h"
#include "socket_window.h"
#include "tuples.h"

/* How long to do without asking whether ports of one's own are free again, while shared ones are to be had. */
#define OWN_AGE_MS 1000

/* Ports asked for one by one, before all of a word are asked for at once. */
#define SINGLE_PORTS 8

/* One connect() in search of its port. Steps return 0 or an errno of connect(2); EAGAIN is "not here". */
struct talk {
	const struct connect_request *request;
	struct eph_pool *pool;
	const struct source_list *sources;
	struct ip_address
		routed;       /* the only source, when there is no list; IP_NONE: not asked for */
	struct tuples tuples; /* from the source in hand */
	struct known_flow *any;
	struct known_flow *own;   /* ports that sockets have, whatever their destination */
	struct known_flow *pair;  /* ports that cannot be shared towards this destination */
	int diag;                 /* sock_diag, -1: cannot be asked */
	int reuseaddr, reuseport; /* as the program had them */
	uint32_t age_ms;          /* that an answer of the kernel may have */
	bool ask_all;             /* whatever its age */
	uint64_t tries;
	const struct known_flow *from; /* where the port was found: own or pair */
	uint16_t port;                 /* 0 none */
};

static unsigned sources_of(const struct talk *talk)
{
	return talk->sources->count ? talk->sources->count : 1;
}

static void use_source(struct talk *talk, unsigned index)
{
	static const struct ip_address nowhere = {.family = IP_NONE};
	struct known_ports *known = talk->pool->known;
	const struct ip_address *from = &talk->tuples.from;

	talk->tuples.from = talk->sources->count ? talk->sources->address[index] : talk->routed;
	from = from->family ? from : NULL;
	talk->own = known_ports_flow(known, IPPROTO_UDP, from, &nowhere, 0);
	talk->pair =
		known_ports_flow(known, IPPROTO_UDP, from, &talk->tuples.to, talk->tuples.to_port);
}

static int set_option(const struct talk *talk, int option, int value)
{
	return setsockopt(talk->request->fd, SOL_SOCKET, option, &value, sizeof(value)) < 0 ? errno
											    : 0;
}

static int connect_now(struct talk *talk, uint16_t port, const struct known_flow *from)
{
	const struct connect_request *request = talk->request;

	talk->port = port;
	talk->from = from;
	return connect(request->fd, request->address, request->length) < 0 ? errno : 0;
}

/*
 * Without a source to the wildcard, as connect(2) does. Not by a window of one port: when that is taken, the kernel walks its
 * whole table before it says so (udp_lib_get_port), two milliseconds instead of one microsecond.
 */
static int bind_port(struct talk *talk, uint16_t port)
{
	int domain = talk->request->address->sa_family;
	struct ip_address any = {.family = domain == AF_INET6 ? IP_V6 : IP_V4};
	const struct ip_address *from = &talk->tuples.from;
	int r;

	talk->tries++;
	r = socket_bind(talk->request->fd, domain, from->family ? from : &any, port,
			from->family ? talk->tuples.device : 0);
	return r == -EADDRINUSE ? EAGAIN : -r;
}

/* ports of one's own */

/* Let later sockets share the port; not when one is just about to, and has looked before this one was connected. */
static void allow_sharing(struct talk *talk)
{
	struct known_ports *known = talk->pool->known;
	struct ip_address from;
	struct known_flow *pair;
	uint16_t port;
	int lock;

	if (socket_name(talk->request->fd, &from, &port) < 0)
		return;
	talk->port = port;
	known_flow_take(talk->own, (struct port_range){port, port});
	pair = known_ports_flow(known, IPPROTO_UDP, &from, &talk->tuples.to, talk->tuples.to_port);
	lock = tuple_lock(&known->locks, pair, port, clock_ms());
	if (lock >= 0 && lock < (int)TUPLE_LOCKS)
		(void)set_option(talk, SO_REUSEPORT, 1);
	tuple_unlock(&known->locks, lock, pair, port);
}

static int try_own(struct talk *talk, uint16_t port)
{
	int error = bind_port(talk, port);

	if (error == EAGAIN)
		known_flow_take(talk->own, (struct port_range){port, port});
	if (error)
		return error;
	error = connect_now(talk, port, talk->own);
	allow_sharing(talk);
	return error;
}

static int own_known(struct talk *talk)
{
	const struct eph_pool *pool = talk->pool;
	uint32_t tries = 2 * port_range_width(pool->range);
	int port, error = EAGAIN;

	for (uint32_t i = 0; i < tries && error == EAGAIN; i++) {
		port = known_flow_pick(talk->own, &pool->usable, pool->range, random_bits());
		if (port < 0)
			break;
		error = try_own(talk, (uint16_t)port);
	}
	return error;
}

static int own_word(struct talk *talk, unsigned word)
{
	uint64_t ports = talk->pool->usable.word[word];
	int error = EAGAIN;

	for (; ports && error == EAGAIN; ports &= ports - 1)
		error = try_own(talk, (uint16_t)(word << 6 | (unsigned)__builtin_ctzll(ports)));
	return error;
}

static int each_word(struct talk *talk, struct known_flow *flow,
		     int (*step)(struct talk *talk, unsigned word))
{
	struct port_range range = talk->pool->range;
	unsigned first = range.lo >> 6, words = (range.hi >> 6) - first + 1u;
	unsigned start = random_below(words);
	uint32_t now = clock_ms();
	int error = EAGAIN;

	for (unsigned i = 0; i < words && error == EAGAIN; i++) {
		unsigned word = first + (start + i) % words;

		if (!talk->ask_all && !known_flow_is_stale(flow, (int)word, now, talk->age_ms))
			continue;
		error = step(talk, word);
		if (error == EAGAIN)
			known_flow_asked(flow, (int)word, now);
	}
	return error;
}

static int own_asked(struct talk *talk)
{
	return each_word(talk, talk->own, own_word);
}

/* One port at random, at each refusal that rests on earlier answers: a program that tries in a loop hears of one that others
 * gave back. */
static int own_any(struct talk *talk)
{
	struct port_range range = talk->pool->range;
	uint16_t port = (uint16_t)(range.lo + random_below(port_range_width(range)));

	use_source(talk, random_below(sources_of(talk)));
	return port_set_has(&talk->pool->usable, port) ? try_own(talk, port) : EAGAIN;
}

/* shared ports */

static uint64_t look(const struct talk *talk, unsigned word, uint64_t ports)
{
	struct tuples_seen seen;

	if (!ports || tuples_look(talk->diag, &talk->tuples, word, ports, &seen) < 0)
		return 0;
	return ports & ~seen.live;
}

static int try_shared(struct talk *talk, uint16_t port)
{
	struct tuple_locks *locks = &talk->pool->known->locks;
	int lock = tuple_lock(locks, talk->pair, port, clock_ms()), error = EAGAIN;

	known_flow_take(talk->pair, (struct port_range){port, port});
	if (lock >= 0 && lock < (int)TUPLE_LOCKS &&
	    look(talk, port >> 6, UINT64_C(1) << (port & 63)))
		error = bind_port(talk, port);
	if (!error)
		error = connect_now(talk, port, talk->pair);
	tuple_unlock(locks, lock, talk->pair, port);
	return error;
}

static int shared_known(struct talk *talk)
{
	const struct eph_pool *pool = talk->pool;
	uint32_t tries = 2 * port_range_width(pool->range);
	int port, error = EAGAIN;

	for (uint32_t i = 0; i < tries && error == EAGAIN; i++) {
		port = known_flow_pick(talk->pair, &pool->usable, pool->range, random_bits());
		if (port < 0)
			break;
		error = try_shared(talk, (uint16_t)port);
	}
	return error;
}

static int shared_word(struct talk *talk, unsigned word)
{
	uint64_t ports = look(talk, word, talk->pool->usable.word[word]);
	int error = EAGAIN;

	for (; ports && error == EAGAIN; ports &= ports - 1)
		error = try_shared(talk, (uint16_t)(word << 6 | (unsigned)__builtin_ctzll(ports)));
	return error;
}

static int shared_asked(struct talk *talk)
{
	return each_word(talk, talk->pair, shared_word);
}

/* both */

static int each_source(struct talk *talk, int (*step)(struct talk *talk))
{
	unsigned start = random_below(sources_of(talk));
	int error = EAGAIN;

	for (unsigned i = 0; i < sources_of(talk) && error == EAGAIN; i++) {
		use_source(talk, (start + i) % sources_of(talk));
		error = step(talk);
	}
	return error;
}

static int resolve(struct talk *talk)
{
	const struct connect_request *request = talk->request;
	struct ip_address from;
	int r;

	if ((talk->sources->count || talk->routed.family) && !ip_address_is_any(&talk->tuples.to))
		return 0;
	r = routed_ends(request->fd, request->address, request->length, talk->pool->host_range,
			&from, &talk->tuples.to);
	if (!r && !talk->routed.family)
		talk->routed = from;
	return -r;
}

static int share(struct talk *talk)
{
	int error = resolve(talk);

	if (talk->diag < 0)
		talk->diag = tuples_open();
	if (!error && talk->diag < 0)
		error = EAGAIN;
	if (!error)
		error = set_option(talk, SO_REUSEPORT, 1);
	if (!error)
		error = each_source(talk, shared_known);
	if (error == EAGAIN && talk->diag >= 0)
		error = each_source(talk, shared_asked);
	return error;
}

/* The program's own options would let the kernel give it a port that others have. */
static int ask_alone(const struct talk *talk)
{
	int error = talk->reuseaddr ? set_option(talk, SO_REUSEADDR, 0) : 0;

	return error ? error : set_option(talk, SO_REUSEPORT, 0);
}

static int search_port(struct talk *talk)
{
	uint64_t freed = atomic_load(&talk->pool->known->freed);
	uint32_t start_ms = clock_ms(), age = known_flow_age_ms(talk->any, sources_of(talk));
	int error = ask_alone(talk);

	if (error)
		return error;
	if (known_flow_refused(talk->any, freed, start_ms, age))
		return own_any(talk);
	error = each_source(talk, own_known);
	talk->age_ms = OWN_AGE_MS;
	if (error == EAGAIN)
		error = each_source(talk, own_asked);
	talk->age_ms = age;
	/* A port that a socket gave back is free for it alone; the others that share it, and those that could not, are known only
	 * by answers from before. */
	talk->ask_all =
		atomic_load_explicit(&talk->any->refused_freed, memory_order_relaxed) != freed;
	if (error == EAGAIN)
		error = share(talk);
	if (error == EAGAIN) {
		(void)ask_alone(talk);
		error = each_source(talk, own_asked);
	}
	if (error == EAGAIN)
		known_flow_refuse_after(talk->any, freed, start_ms, clock_ms());
	return error;
}

static const struct source_list no_sources;

static int begin(struct talk *talk)
{
	const struct connect_request *request = talk->request;
	struct eph_pool *pool = talk->pool;
	socklen_t size = sizeof(int);
	int error = 0;

	if (getsockopt(request->fd, SOL_SOCKET, SO_REUSEADDR, &talk->reuseaddr, &size) < 0 ||
	    getsockopt(request->fd, SOL_SOCKET, SO_REUSEPORT, &talk->reuseport, &size) < 0)
		return errno;
	talk->sources =
		request->from.family ? &no_sources : sources_for(&pool->sources, &request->to);
	talk->routed = request->from;
	talk->tuples = (struct tuples){
		.protocol = IPPROTO_UDP,
		.to = request->to,
		.to_port = request->to_port,
		.device = routed_device(request->fd, request->address, request->length),
	};
	if (ip_address_is_any(&request->to))
		error = resolve(talk);
	talk->any = known_ports_flow(pool->known, IPPROTO_UDP, NULL, &talk->tuples.to,
				     request->to_port);
	return error;
}

static void end(struct talk *talk, int error)
{
	struct eph_pool *pool = talk->pool;
	struct known_counts *counts = &pool->known->counts;

	atomic_fetch_add_explicit(&counts->windows, talk->tries, memory_order_relaxed);
	atomic_fetch_add_explicit(!error            ? &counts->connections
				  : error == EAGAIN ? &counts->refused
						    : &counts->failed,
				  1, memory_order_relaxed);
	if (talk->reuseaddr)
		(void)set_option(talk, SO_REUSEADDR, talk->reuseaddr);
	if (talk->port) {
		owned_ports_set(pool->owned, talk->request->fd,
				(struct owned_port){(uint16_t)(talk->from - pool->known->flows),
						    talk->port,
						    {0, 0}});
		return;
	}
	(void)set_option(talk, SO_REUSEPORT, talk->reuseport);
}

int udp_connect(const struct connect_request *request)
{
	struct talk talk = {.request = request, .pool = request->pool, .diag = -1};
	struct ip_address own;
	uint16_t port = 0;
	int error;

	/* It has a port: only its destination changes. */
	if (socket_name(request->fd, &own, &port) < 0 || port)
		return connect(request->fd, request->address, request->length);
	error = begin(&talk);
	if (!error)
		error = search_port(&talk);
	end(&talk, error);
	fd_closep(&talk.diag);
	errno = error;
	return error ? -1 : 0;
}
