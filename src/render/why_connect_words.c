#include "why_connect_words.h"

#include <errno.h>
#include <string.h>

#include "names.h"
#include "number.h"
#include "paste.h"
#include "printable.h"

#define DEFAULT_PORTS 28232u /* 32768-60999 */
#define TIME_WAIT_S   60u

struct context {
	const struct connect_cause *cause;
	const struct connect_result *result;
	const struct snapshot *snapshot;
	struct connect_words *words;
};

const char *connect_words_next(const struct strbuf *list, const char *entry)
{
	entry = entry ? entry + strlen(entry) + 1 : list->text;
	return entry < list->text + list->length ? entry : NULL;
}

void connect_words_done(struct connect_words *words)
{
	strbuf_done(&words->text);
	strbuf_done(&words->evidence);
	strbuf_done(&words->against);
	strbuf_done(&words->advice);
}

__attribute__((format(printf, 2, 3))) static void entry(struct strbuf *list, const char *format,
							...)
{
	va_list arguments;

	va_start(arguments, format);
	strbuf_vprintf(list, format, arguments);
	va_end(arguments);
	strbuf_putc(list, '\0');
}

#define TEXT(...)     strbuf_printf(&c->words->text, __VA_ARGS__)
#define EVIDENCE(...) entry(&c->words->evidence, __VA_ARGS__)
#define AGAINST(...)  entry(&c->words->against, __VA_ARGS__)

#define ADVICE(...)                                                                                \
	do {                                                                                       \
		entry(&c->words->advice, __VA_ARGS__);                                             \
		entry(&c->words->advice, "%s", "");                                                \
	} while (0)

static uint32_t width_of(const struct context *c)
{
	return port_range_width(c->result->capacity.range);
}

/* Ports of the range that connections can have at all. */
static uint32_t usable(const struct context *c)
{
	return width_of(c) - c->result->capacity.reserved - c->result->capacity.blocked;
}

static struct number_text share(uint32_t part, uint32_t whole)
{
	return number_percent(whole ? 100.0 * part / whole : 100.0);
}

static const char *plural(uint32_t count)
{
	return count == 1 ? "" : "s";
}

/* With a command that acts in the namespace that was looked at. */
static void advise_command(const struct context *c, const char *words, const char *command)
{
	struct strbuf *out = &c->words->advice;

	entry(out, "%s", words);
	paste_command(out, &c->snapshot->netns[0], command);
	strbuf_putc(out, '\0');
}

/* What the routing table says of this destination. */
static void advise_route(const struct context *c, const char *words)
{
	const struct capacity_result *capacity = &c->result->capacity;
	struct strbuf command = STRBUF_INIT;
	char text[IP_ADDRESS_TEXT_BYTES];

	strbuf_printf(&command, "ip route get %s", ip_address_format(&capacity->to, text));
	if (capacity->from.family != IP_NONE)
		strbuf_printf(&command, " from %s", ip_address_format(&capacity->from, text));
	c->words->advice.failed |= command.failed;
	advise_command(c, words, command.text);
	strbuf_done(&command);
}

/* "4 of 64 ports (6.2 %) are". */
static void text_ports(const struct context *c)
{
	uint32_t ports = c->cause->ports;

	TEXT("%s of %s (%s) %s", GROUPED(ports), COUNTED(width_of(c), "port"),
	     share(ports, width_of(c)).text, ports == 1 ? "is" : "are");
}

static void add_holder(const struct context *c, const struct connect_holder *holder,
		       struct strbuf *out)
{
	const struct process_table *processes = &c->snapshot->processes;
	const struct process_record *process = holder->process < processes->processes
						       ? &processes->process[holder->process]
						       : NULL;

	if (!process) {
		strbuf_printf(out, "%s whose process was not seen", GROUPED(holder->sockets));
		return;
	}
	printable_puts(out, process->command);
	strbuf_printf(out, " (pid %d", process->pid);
	if (*process->unit) {
		strbuf_puts(out, ", ");
		printable_puts(out, process->unit);
	}
	strbuf_printf(out, ") %s", GROUPED(holder->sockets));
}

static void evidence_holders(const struct context *c)
{
	struct strbuf *out = &c->words->evidence;
	const struct connect_cause *cause = c->cause;

	if (!cause->n_holders)
		return;
	strbuf_printf(out, "held by %s socket%s: ", GROUPED(cause->sockets),
		      plural(cause->sockets));
	for (unsigned i = 0; i < cause->n_holders; i++) {
		strbuf_puts(out, i ? ", " : "");
		add_holder(c, &cause->holder[i], out);
	}
	if (cause->more_sockets)
		strbuf_printf(out, ", others %s", GROUPED(cause->more_sockets));
	strbuf_putc(out, '\0');
}

static void say_in_use(const struct context *c)
{
	text_ports(c);
	TEXT(" in use by connections to this destination");
	evidence_holders(c);
	ADVICE("share connections; or use another source address or destination port: each pair "
	       "has "
	       "all ports anew");
}

static void evidence_rate(const struct context *c)
{
	uint32_t ports = usable(c);

	if (ports < TIME_WAIT_S)
		EVIDENCE("at most %s new connection%s in %u s can be sustained: one a port",
			 GROUPED(ports), plural(ports), TIME_WAIT_S);
	else
		EVIDENCE("at most %s new connection%s/s can be sustained: %s, %u s each",
			 GROUPED(ports / TIME_WAIT_S), plural(ports / TIME_WAIT_S),
			 COUNTED(ports, "port"), TIME_WAIT_S);
}

/* Would tcp_tw_reuse=1 change anything? */
static bool may_reuse(const struct context *c)
{
	const struct settings *settings = &c->snapshot->netns[0].settings;
	const struct capacity_result *capacity = &c->result->capacity;
	const uint32_t needed = SETTING_TW_REUSE | SETTING_TIMESTAMPS;

	if ((settings->known & needed) != needed || !settings->timestamps)
		return false;
	return settings->tw_reuse == 0 ||
	       (settings->tw_reuse == 2 && !ip_address_is_loopback(&capacity->to) &&
		!ip_address_is_loopback(&capacity->from));
}

static void say_time_wait(const struct context *c)
{
	const struct capacity_result *capacity = &c->result->capacity;
	struct strbuf *out = &c->words->evidence;

	text_ports(c);
	TEXT(" in TIME_WAIT towards this destination");
	EVIDENCE("this side closed these connections first; each port then waits %u s",
		 TIME_WAIT_S);
	evidence_rate(c);
	if (capacity->n_frees) {
		for (unsigned i = 0; i < capacity->n_frees; i++)
			strbuf_printf(out, "%s%s in %u s", i ? ", " : "usable again: ",
				      GROUPED(capacity->frees[i].ports),
				      capacity->frees[i].seconds);
		strbuf_putc(out, '\0');
	}
	ADVICE("keep connections alive (keep-alive, a pool), or let the other side close first");
	if (may_reuse(c))
		advise_command(c,
			       "or let connect() take over a TIME_WAIT that is older than a second",
			       "sysctl -w net.ipv4.tcp_tw_reuse=1");
}

static void say_listeners(const struct context *c)
{
	text_ports(c);
	TEXT(" held by listening sockets: no connection can have them, whatever its destination");
	evidence_holders(c);
}

static void say_bound(const struct context *c)
{
	text_ports(c);
	TEXT(" held by sockets that are bound and not connected");
	evidence_holders(c);
	EVIDENCE("a port that bind() gave is closed to every connection of other sockets");
}

static void evidence_pool(const struct context *c)
{
	const struct connect_pool *pool = &c->result->pool;
	uint32_t ports = width_of(c) - c->result->capacity.reserved;
	char source[IP_ADDRESS_TEXT_BYTES], fullest[ENDPOINT_TEXT_BYTES];

	EVIDENCE("the pool is per source address because of bind(): %s connection%s from %s to %s "
		 "destination%s share%s its %s",
		 GROUPED(pool->sockets), plural(pool->sockets),
		 ip_address_format(&pool->source, source), GROUPED(pool->destinations),
		 plural(pool->destinations), pool->sockets == 1 ? "s" : "", COUNTED(ports, "port"));
	EVIDENCE("with IP_BIND_ADDRESS_NO_PORT the same load uses %s port%s (%s) towards %s, the "
		 "fullest destination",
		 GROUPED(pool->fullest_sockets), plural(pool->fullest_sockets),
		 share(pool->fullest_sockets, ports).text,
		 name_endpoint(&pool->fullest, pool->fullest_port, fullest));
	EVIDENCE("when no port is left, bind() of such a program says EADDRINUSE, connect() of the "
		 "others EADDRNOTAVAIL");
}

static void say_pool(const struct context *c)
{
	text_ports(c);
	TEXT(" blocked by sockets that were bound before they connected");
	evidence_holders(c);
	if (c->cause->time_wait)
		EVIDENCE("%s of the sockets %s in TIME_WAIT; those could also be of a service that "
			 "listened there before",
			 GROUPED(c->cause->time_wait), c->cause->time_wait == 1 ? "is" : "are");
	if (c->result->pool.sockets)
		evidence_pool(c);
	ADVICE("set IP_BIND_ADDRESS_NO_PORT before bind() in that program, or let it not bind");
}

static void say_blocked(const struct context *c)
{
	text_ports(c);
	TEXT(" blocked: their bind bucket is closed to every connection");
	if (!c->result->blockers_seen)
		EVIDENCE("by which sockets was not looked at");
	else if (!c->cause->sockets)
		EVIDENCE("no socket was seen that explains it");
	else
		EVIDENCE("by accepted connections, or connections on a port that was bound before");
	evidence_holders(c);
}

static void say_udp(const struct context *c)
{
	const struct ip_address *from = &c->result->capacity.from;
	char text[IP_ADDRESS_TEXT_BYTES];

	text_ports(c);
	TEXT(" taken by UDP sockets: UDP has one pool of ports for all destinations");
	evidence_holders(c);
	EVIDENCE("the pool is per local address; an unbound socket needs a port that is free on "
		 "all");
	EVIDENCE("connect() and sendto() then say EAGAIN, bind() to port 0 EADDRINUSE; TCP has "
		 "ports of its own and is not affected");
	ADVICE("keep UDP sockets and use them again");
	if (from->family != IP_NONE)
		ADVICE("bind to another local address than %s: it has a pool of its own, unless "
		       "the holders are bound to none",
		       ip_address_format(from, text));
}

static void say_reserved(const struct context *c)
{
	text_ports(c);
	TEXT(" reserved: connect() never takes them");
	EVIDENCE("they are in net.ipv4.ip_local_reserved_ports");
	if (c->cause->ports == width_of(c))
		ADVICE("widen net.ipv4.ip_local_port_range, or reserve less");
}

static void say_narrow(const struct context *c)
{
	TEXT("the ephemeral range %u-%u has only %s port%s", c->result->capacity.range.lo,
	     c->result->capacity.range.hi, GROUPED(width_of(c)), plural(width_of(c)));
	EVIDENCE("the default, 32768-60999, has %s", GROUPED(DEFAULT_PORTS));
	advise_command(c, "go back to it",
		       *c->snapshot->netns[0].name
			       ? "sysctl -w net.ipv4.ip_local_port_range='32768 60999'"
			       : "ephemports range set 32768-60999");
}

static void say_knee(const struct context *c)
{
	const struct capacity_result *capacity = &c->result->capacity;
	uint64_t taken = capacity->in_use + capacity->time_wait;

	TEXT("past the knee: connect() is slow, it does not fail");
	EVIDENCE("%s %s taken and the first half has %s: each connect() searches that half "
		 "in vain",
		 COUNTED(taken, "port"), ARE(taken), GROUPED(capacity->knee));
	ADVICE("set IP_LOCAL_PORT_RANGE on the client's sockets to the same range (Linux 6.8 and "
	       "later): the search then has no knee");
}

static void evidence_local(const struct context *c)
{
	const struct connect_facts *facts = &c->result->facts;
	struct strbuf *out = &c->words->evidence;
	char text[IP_ADDRESS_TEXT_BYTES];

	if (!facts->n_local) {
		EVIDENCE("this namespace has no address of that family");
		return;
	}
	strbuf_puts(out, "its addresses: ");
	for (unsigned i = 0; i < facts->n_local; i++)
		strbuf_printf(out, "%s%s", i ? ", " : "",
			      ip_address_format(&facts->local[i], text));
	if (facts->more_local)
		strbuf_printf(out, " and %u more", facts->more_local);
	strbuf_putc(out, '\0');
}

static void say_source(const struct context *c)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	TEXT("%s is not an address of this network namespace",
	     ip_address_format(&c->result->capacity.from, text));
	EVIDENCE("bind() checks the address before any port is looked for");
	evidence_local(c);
}

static void say_ipv6_disabled(const struct context *c)
{
	const struct connect_facts *facts = &c->result->facts;

	TEXT(facts->ipv6_disabled == LAW_YES
		     ? "IPv6 is switched off: there is no IPv6 address to connect from"
		     : "IPv6 is switched off on the loopback interface");
	if (facts->ipv6_disabled == LAW_YES)
		EVIDENCE("net.ipv6.conf.all.disable_ipv6 = 1");
	if (facts->lo_ipv6_disabled == LAW_YES)
		EVIDENCE("net.ipv6.conf.lo.disable_ipv6 = 1, so ::1 is absent");
	evidence_local(c);
	advise_command(c, "connect over IPv4, or switch IPv6 on",
		       facts->ipv6_disabled == LAW_YES
			       ? "sysctl -w net.ipv6.conf.all.disable_ipv6=0"
			       : "sysctl -w net.ipv6.conf.lo.disable_ipv6=0");
}

static void say_no_source(const struct context *c)
{
	const struct capacity_result *capacity = &c->result->capacity;

	if (ip_address_is_loopback(&capacity->to))
		TEXT("the loopback address is absent, so nothing can connect from or to it");
	else
		TEXT("there is a way, but no local address to connect from");
	evidence_local(c);
	if (ip_address_is_loopback(&capacity->to) && capacity->to.family == IP_V6)
		advise_command(c, "give it back", "ip address add ::1/128 dev lo");
	else
		ADVICE("if this is at boot: wait until the address is configured");
}

static void say_no_route(const struct context *c)
{
	TEXT("no route leads there%s",
	     c->result->error == EHOSTUNREACH ? ", or one says unreachable" : "");
	EVIDENCE(c->result->answer == CONNECT_NOT_EXHAUSTION
			 ? "the kernel refuses whether ports are left or not"
			 : "with a port left, it would be refused all the same");
	evidence_local(c);
	advise_route(c, "see what the routing table says");
}

static void say_hidden(const struct context *c)
{
	uint32_t gap = c->cause->gap, ports = c->cause->ports;
	char text[IP_ADDRESS_TEXT_BYTES];

	TEXT("%s", name_gap(gap));
	if (gap == GAP_BUCKET_STATE) {
		EVIDENCE("%s port%s held by other sockets: where these were bound first, or "
			 "accepted, the port is closed to all",
			 GROUPED(ports), ports == 1 ? " is" : "s are");
		AGAINST("a port that connect() chose stays open to other destinations");
	} else if (gap == GAP_ODD_RANGE) {
		EVIDENCE("what is left is an end of the range, and the search may pass over it");
		AGAINST("the choice changes every 10 s");
		ADVICE("make the number of ports in net.ipv4.ip_local_port_range even");
	} else if (gap == GAP_TW_AGE) {
		EVIDENCE("%s TIME_WAIT may be too young to be replaced", GROUPED(ports));
		AGAINST("one older than a second gives way");
	} else if (gap == GAP_SOURCE && c->result->seen_source.family != IP_NONE) {
		EVIDENCE("connections to it leave from %s",
			 ip_address_format(&c->result->seen_source, text));
		AGAINST("from another address all their ports would be free");
	}
	if (name_gap_for_bpf(gap) && !c->snapshot->replayed)
		ADVICE("run as root: BPF shows %s", name_gap_for_bpf(gap));
	else if (gap == GAP_SOURCE && c->result->seen_source.family != IP_NONE)
		ADVICE("ask again with --from %s", text);
}

static void say_route_unknown(const struct context *c)
{
	TEXT("not known: whether there is a route and whether the source is a local address");
	EVIDENCE(c->snapshot->replayed
			 ? "a snapshot has sockets and settings, not addresses and routes"
			 : "no port was left to ask the kernel with");
}

static void say_other(const struct context *c)
{
	switch ((int)c->cause->id) {
	case CONNECT_IPV6_ABSENT:
		TEXT("this kernel has no IPv6");
		ADVICE("connect over IPv4");
		break;
	case CONNECT_LOOPBACK_DOWN:
		TEXT("the loopback interface is down");
		EVIDENCE("lo is not UP in this network namespace");
		advise_command(c, "bring it up", "ip link set lo up");
		break;
	case CONNECT_NO_SCOPE:
		TEXT("a link-local address needs its interface, as in fe80::1%%eth0");
		EVIDENCE("without it the kernel does not know which link is meant");
		break;
	case CONNECT_MANY_HOSTS:
		TEXT("the destination is a broadcast or multicast address");
		EVIDENCE(c->result->error == EACCES
				 ? "UDP sends to a broadcast address only with SO_BROADCAST"
				 : "TCP connects to one host only");
		break;
	case CONNECT_POLICY:
		TEXT("something forbids it: a prohibit route, a cgroup or security policy");
		EVIDENCE("which of them is not visible from here");
		advise_route(c, "see the route; ip rule shows what leads to it");
		break;
	default:
		TEXT("the kernel refuses it whether ports are left or not");
		advise_route(c,
			     "see the route: a blackhole, or one that does not take this source");
	}
}

static void say(const struct context *c)
{
	static void (*const words[CONNECT_CAUSES])(const struct context *) = {
		[CONNECT_IN_USE] = say_in_use,
		[CONNECT_TIME_WAIT] = say_time_wait,
		[CONNECT_LISTENERS] = say_listeners,
		[CONNECT_BOUND] = say_bound,
		[CONNECT_BIND_POOL] = say_pool,
		[CONNECT_BLOCKED_OTHER] = say_blocked,
		[CONNECT_UDP_POOL] = say_udp,
		[CONNECT_RESERVED] = say_reserved,
		[CONNECT_NARROW_RANGE] = say_narrow,
		[CONNECT_PAST_KNEE] = say_knee,
		[CONNECT_SOURCE_NOT_LOCAL] = say_source,
		[CONNECT_IPV6_DISABLED] = say_ipv6_disabled,
		[CONNECT_NO_SOURCE] = say_no_source,
		[CONNECT_NO_ROUTE] = say_no_route,
		[CONNECT_NOT_SEEN] = say_hidden,
		[CONNECT_ROUTE_UNKNOWN] = say_route_unknown,
	};

	(words[c->cause->id] ? words[c->cause->id] : say_other)(c);
}

struct connect_words connect_words_of(const struct connect_cause *cause,
				      const struct connect_result *result,
				      const struct snapshot *snapshot)
{
	struct connect_words words = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
	const struct context context = {cause, result, snapshot, &words};

	say(&context);
	return words;
}
