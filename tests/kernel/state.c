#include "state.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "port_set.h"

#define SERVICE_PORT 7001 /* outside every range that is made here */

static const char *const v4_addresses[] = {"127.0.0.1", "127.0.0.2", "10.9.0.1", "10.9.0.2",
					   "10.9.1.1"};
static const char *const v6_addresses[] = {"::1", "fd00::1", "fd00::2"};
static const char *const mapped_addresses[] = {"::ffff:127.0.0.1", "::ffff:10.9.0.1",
					       "::ffff:10.9.0.2"};

#define PICK(state, array) ((array)[state_random(state, ARRAY_SIZE(array))])

uint32_t state_random(struct state *state, uint32_t below)
{
	uint64_t z = state->random += UINT64_C(0x9e3779b97f4a7c15);

	assert(below > 0);
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ (z >> 31)) >> 11) % below;
}

static bool chance(struct state *state, uint32_t percent)
{
	return state_random(state, 100) < percent;
}

/* --- settings --------------------------------------------------------------------------------------------------- */

static void set_sysctl(struct state *state, const char *name, const char *value)
{
	char path[128];
	int r;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	r = state_write_file(path, value);
	strbuf_printf(&state->log, "sysctl %s = %s%s%s\n", name, value, r < 0 ? ": " : "",
		      r < 0 ? strerror(-r) : "");
}

static void set_sysctl_number(struct state *state, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	set_sysctl(state, name, text);
}

static void choose_range(struct state *state)
{
	static const uint32_t small[] = {1, 1, 2, 3, 3, 4, 5, 6, 7, 8};
	uint32_t width = chance(state, 30) ? PICK(state, small) : 1 + state_random(state, 64);
	char text[32];

	if (width > 3 && width % 2 && chance(state, 50))
		width--;
	state->range.lo = (uint16_t)(20000 + state_random(state, 40000));
	state->range.hi = (uint16_t)(state->range.lo + width - 1);
	snprintf(text, sizeof(text), "%u %u", state->range.lo, state->range.hi);
	set_sysctl(state, "ip_local_port_range", text);
}

static void choose_reserved(struct state *state)
{
	struct port_set reserved = {0};
	CLEANUP(strbuf_done) struct strbuf text = STRBUF_INIT;
	uint32_t width = port_range_width(state->range);

	if (!chance(state, 40))
		return;
	for (uint32_t i = state_random(state, width / 4 + 2); i > 0; i--)
		port_set_add(&reserved, (uint16_t)(state->range.lo + state_random(state, width)));
	port_set_format(&reserved, &text);
	set_sysctl(state, "ip_local_reserved_ports", text.text);
}

/*
 * TIME_WAIT must be well above or well below the age at which it may be replaced, else the moment of asking decides. With
 * the delay of 6.14 and later: 1 ms (all old), a minute (none), rarely in between with a pause. Before, whole seconds
 * count: state_build() waits until all are old.
 */
static void choose_time_wait_rules(struct state *state)
{
	bool has_delay = access("/proc/sys/net/ipv4/tcp_tw_reuse_delay", F_OK) == 0;
	uint32_t reuse = state_random(state, 3), kind = state_random(state, 20);

	if (!has_delay && chance(state, 75))
		reuse = 0;
	state->tw_reuse = reuse;
	set_sysctl_number(state, "tcp_tw_reuse", reuse);
	set_sysctl_number(state, "tcp_timestamps", chance(state, 85));
	state->tw_delay_ms = !has_delay ? 0 : kind == 0 ? 1000 : kind < 5 ? 60000 : 1;
	state->tw_delay_between = state->tw_delay_ms == 1000;
	if (has_delay)
		set_sysctl_number(state, "tcp_tw_reuse_delay", state->tw_delay_ms);
}

/* --- flows ------------------------------------------------------------------------------------------------------ */

static void choose_window(struct state *state, struct state_flow *flow)
{
	uint32_t width = port_range_width(state->range);
	uint32_t a = state_random(state, width), b = state_random(state, width);

	flow->has_window = true;
	flow->window.lo = (uint16_t)(state->range.lo + (a < b ? a : b));
	flow->window.hi = (uint16_t)(state->range.lo + (a < b ? b : a));
	if (chance(state, 10))
		flow->window.lo = 0;
	else if (chance(state, 10))
		flow->window.lo = 10000; /* outside: the half is ignored */
	else if (chance(state, 10))
		flow->window.hi = 0;
}

static struct state_flow choose_flow(struct state *state)
{
	struct state_flow flow = {.family = chance(state, 60) ? AF_INET : AF_INET6};
	bool mapped = flow.family == AF_INET6 && chance(state, 40);

	if (flow.family == AF_INET)
		flow.destination = chance(state, 10) ? STATE_SILENT_V4 : PICK(state, v4_addresses);
	else if (mapped)
		flow.destination = PICK(state, mapped_addresses);
	else
		flow.destination = chance(state, 10) ? STATE_SILENT_V6 : PICK(state, v6_addresses);
	if (chance(state, 35))
		flow.source = flow.family == AF_INET ? PICK(state, v4_addresses)
			      : mapped               ? PICK(state, mapped_addresses)
						     : PICK(state, v6_addresses);
	flow.port = state->service_port[chance(state, 75) ? 0 : 1];
	if (chance(state, 15))
		flow.device = chance(state, 60) ? "lo" : "v0";
	if (chance(state, 15))
		choose_window(state, &flow);
	flow.reuseaddr = chance(state, 15);
	flow.reuseport = chance(state, 15);
	flow.v6only = flow.family == AF_INET6 && !mapped && chance(state, 25);
	return flow;
}

/* --- actions ---------------------------------------------------------------------------------------------------- */

static void log_action(struct state *state, const char *action, const struct state_flow *flow,
		       int fd, int r)
{
	struct sockaddr_storage local;
	socklen_t length = sizeof(local);
	uint16_t port = 0;

	if (fd >= 0 && getsockname(fd, (struct sockaddr *)&local, &length) == 0)
		port = ntohs(((struct sockaddr_in *)(void *)&local)->sin_port);
	strbuf_printf(&state->log, "%s ", action);
	state_describe_flow(flow, &state->log);
	strbuf_printf(&state->log, " : fd %d local port %u %s\n", fd, port,
		      r < 0 ? strerror(-r) : "ok");
}

static void describe_socket(int fd, struct strbuf *out)
{
	struct tcp_info info;
	socklen_t info_length = sizeof(info), error_length = sizeof(int);
	int error = 0;

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_length) < 0)
		return;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_length);
	strbuf_printf(out, "fd %d tcp state %u%s%s\n", fd, info.tcpi_state, error ? ", " : "",
		      error ? strerror(error) : "");
}

void state_describe_sockets(const struct state *state, struct strbuf *out)
{
	for (unsigned i = 0; i < state->items; i++) {
		describe_socket(state->item[i].fd, out);
		describe_socket(state->item[i].peer, out);
	}
}

static void keep(struct state *state, int fd, int peer)
{
	if (state->items == STATE_ITEMS_MAX) {
		close(fd);
		if (peer >= 0)
			close(peer);
		return;
	}
	state->item[state->items++] = (struct state_item){fd, peer};
}

/* The accepted end of the connection just made by @fd, or -1: it may not come about at all. */
static int accept_peer(int listener, int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	struct pollfd ready = {.fd = listener, .events = POLLIN};

	if (poll(&wait, 1, 100) != 1 || wait.revents & (POLLERR | POLLHUP) ||
	    poll(&ready, 1, 100) != 1)
		return -1;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static bool answers(const struct state_flow *flow)
{
	return strcmp(flow->destination, STATE_SILENT_V4) != 0 &&
	       strcmp(flow->destination, STATE_SILENT_V6) != 0 &&
	       (!flow->device || strcmp(flow->device, "lo") == 0);
}

static int listener_of(const struct state *state, uint16_t port)
{
	for (unsigned i = 0; i < STATE_SERVICES; i++)
		if (state->service_port[i] == port)
			return state->service[i];
	return -1;
}

static struct state_flow target_or_other(struct state *state)
{
	struct state_flow flow = choose_flow(state);

	if (chance(state, 55)) {
		flow = state->target;
		flow.has_window = false;
		if (chance(state, 15))
			flow.device = flow.device ? NULL : "lo";
		if (chance(state, 15))
			choose_window(state, &flow);
	}
	return flow;
}

static void do_connect(struct state *state)
{
	struct state_flow flow = target_or_other(state);
	int fd = state_socket(&flow, SOCK_STREAM), peer = -1, r = fd;

	if (fd >= 0)
		r = state_connect(fd, &flow);
	if (r == 0 && answers(&flow) && listener_of(state, flow.port) >= 0)
		peer = accept_peer(listener_of(state, flow.port), fd);
	log_action(state, "connect", &flow, fd, r);
	if (fd >= 0)
		keep(state, fd, peer);
}

static uint16_t port_in_range(struct state *state)
{
	return (uint16_t)(state->range.lo + state_random(state, port_range_width(state->range)));
}

/* Bind to an address (the source, or any) and a port of the range or one the kernel picks; perhaps connect or listen. */
static int bind_socket(struct state *state, struct state_flow *flow, int type, uint16_t port)
{
	const char *any = flow->family == AF_INET ? "0.0.0.0" : "::";
	struct state_endpoint local;
	int fd, r;

	flow->reuseaddr |= chance(state, 30);
	flow->reuseport |= chance(state, 20);
	if (!flow->source && chance(state, 60))
		flow->source = flow->family == AF_INET ? PICK(state, v4_addresses)
						       : PICK(state, v6_addresses);
	fd = state_open(flow, type);
	if (fd < 0)
		return fd;
	local = state_endpoint(flow->family, flow->source ? flow->source : any, port);
	r = bind(fd, (struct sockaddr *)&local.address, local.length) < 0 ? -errno : 0;
	log_action(state, port ? "bind explicit" : "bind 0", flow, fd, r);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static void do_bind(struct state *state)
{
	struct state_flow flow = target_or_other(state);
	int fd = bind_socket(state, &flow, SOCK_STREAM,
			     chance(state, 60) ? port_in_range(state) : 0);

	if (fd < 0)
		return;
	if (chance(state, 50)) {
		int r = state_connect(fd, &flow), peer = -1;

		if (r == 0 && answers(&flow) && listener_of(state, flow.port) >= 0)
			peer = accept_peer(listener_of(state, flow.port), fd);
		log_action(state, "  connect", &flow, fd, r);
		keep(state, fd, peer);
		return;
	}
	keep(state, fd, -1);
}

/* A listener inside the range, perhaps with a child, perhaps closed again while the child lives on. */
static void do_listen(struct state *state)
{
	struct state_flow flow = choose_flow(state), client = {0};
	uint16_t port = port_in_range(state);
	int fd, client_fd, child;

	flow.device = NULL;
	fd = bind_socket(state, &flow, SOCK_STREAM, port);
	if (fd < 0)
		return;
	if (listen(fd, 16) < 0) {
		log_action(state, "  listen", &flow, fd, -errno);
		close(fd);
		return;
	}
	log_action(state, "  listen", &flow, fd, 0);
	client = (struct state_flow){.family = flow.family,
				     .destination = flow.source              ? flow.source
						    : flow.family == AF_INET ? "127.0.0.1"
									     : "::1",
				     .port = port};
	client_fd = chance(state, 60) ? state_socket(&client, SOCK_STREAM) : -1;
	if (client_fd >= 0) {
		int r = state_connect(client_fd, &client);

		child = r == 0 && answers(&client) ? accept_peer(fd, client_fd) : -1;
		log_action(state, "  client", &client, client_fd, r);
		keep(state, client_fd, child);
		if (chance(state, 50)) {
			strbuf_puts(&state->log, "  listener closed\n");
			close(fd);
			return;
		}
	}
	keep(state, fd, -1);
}

static void do_udp(struct state *state)
{
	struct state_flow flow = target_or_other(state);
	int fd;

	if (chance(state, 40)) {
		fd = state_socket(&flow, SOCK_DGRAM);
		log_action(state, "udp", &flow, fd, fd);
	} else {
		fd = bind_socket(state, &flow, SOCK_DGRAM,
				 chance(state, 70) ? port_in_range(state) : 0);
	}
	if (fd < 0)
		return;
	if (chance(state, 60))
		log_action(state, "  udp connect", &flow, fd, state_connect(fd, &flow));
	keep(state, fd, -1);
}

static void drop(struct state *state, unsigned index)
{
	state->item[index] = state->item[--state->items];
}

/* End a connection: TIME_WAIT at our end, at the other end, FIN_WAIT2, or at once. */
static void do_close(struct state *state)
{
	static const char *const ways[] = {"client first", "server first", "client only",
					   "shutdown",     "reset",        "both end"};
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	unsigned index, way = state_random(state, 10);
	struct state_item *item;

	if (!state->items)
		return;
	index = state_random(state, state->items);
	item = &state->item[index];
	way = way < 5 ? 0 : way - 4;
	strbuf_printf(&state->log, "close %s fd %d peer %d\n", ways[way], item->fd, item->peer);
	switch (way) {
	case 1:
		if (item->peer >= 0)
			close(item->peer);
		item->peer = -1;
		close(item->fd);
		break;
	case 2:
		close(item->fd);
		item->fd = item->peer;
		item->peer = -1;
		if (item->fd >= 0)
			return;
		break;
	case 3:
		shutdown(item->fd, SHUT_WR);
		return;
	case 4:
		setsockopt(item->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(item->fd);
		break;
	default:
		close(item->fd);
		break;
	}
	if (item->peer >= 0)
		close(item->peer);
	drop(state, index);
}

static void do_flip_option(struct state *state)
{
	unsigned index = state->items ? state_random(state, state->items) : 0;
	int option = chance(state, 60) ? SO_REUSEADDR : SO_REUSEPORT, value = chance(state, 60);

	if (!state->items)
		return;
	setsockopt(state->item[index].fd, SOL_SOCKET, option, &value, sizeof(value));
	strbuf_printf(&state->log, "set %s %d on fd %d\n", option == SO_REUSEADDR ? "A" : "R",
		      value, state->item[index].fd);
}

static void do_disconnect(struct state *state)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	unsigned index = state->items ? state_random(state, state->items) : 0;
	int r;

	if (!state->items)
		return;
	r = connect(state->item[index].fd, &nowhere, sizeof(nowhere)) < 0 ? -errno : 0;
	strbuf_printf(&state->log, "disconnect fd %d: %d\n", state->item[index].fd, r);
}

static void act(struct state *state)
{
	static void (*const actions[])(struct state *) = {
		do_connect, do_connect, do_connect,     do_connect,    do_connect,
		do_connect, do_bind,    do_bind,        do_bind,       do_listen,
		do_udp,     do_udp,     do_udp,         do_close,      do_close,
		do_close,   do_close,   do_flip_option, do_disconnect,
	};

	PICK(state, actions)(state);
}

static void open_service(struct state *state, unsigned index, uint16_t port)
{
	struct state_flow flow = {
		.family = AF_INET6, .destination = "::", .port = port, .reuseaddr = true};
	struct state_endpoint any = state_endpoint(AF_INET6, "::", port);
	int fd = state_open(&flow, SOCK_STREAM);

	state->service_port[index] = port;
	state->service[index] = fd;
	if (fd < 0 || bind(fd, (struct sockaddr *)&any.address, any.length) < 0 ||
	    listen(fd, 1024) < 0)
		strbuf_printf(&state->log, "service %u: %s\n", port, strerror(errno));
	else
		strbuf_printf(&state->log, "service %u\n", port);
}

void state_init(struct state *state, uint64_t seed)
{
	*state = (struct state){.random = seed, .log = STRBUF_INIT};
	choose_range(state);
	choose_reserved(state);
	choose_time_wait_rules(state);
	set_sysctl_number(state, "ip_autobind_reuse", chance(state, 20));
	open_service(state, 0, SERVICE_PORT);
	open_service(state, 1, chance(state, 30) ? port_in_range(state) : SERVICE_PORT + 1);
	state->target = choose_flow(state);
	strbuf_puts(&state->log, "target ");
	state_describe_flow(&state->target, &state->log);
	strbuf_putc(&state->log, '\n');
}

static void pause_ms(struct state *state, long ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	strbuf_printf(&state->log, "pause %ld ms\n", ms);
	nanosleep(&pause, NULL);
}

void state_build(struct state *state)
{
	uint32_t actions = state_random(state, 4 + 2 * port_range_width(state->range));
	uint32_t old = state->tw_delay_between ? state_random(state, actions + 1) : actions;

	for (uint32_t i = 0; i < old; i++)
		act(state);
	state->last_old_ms = state_now_ms();
	if (state->tw_delay_between)
		pause_ms(state, 1200);
	else if (state->tw_reuse && state->tw_delay_ms < 1000)
		pause_ms(state, state->tw_delay_ms ? 20 : 2100);
	state->first_young_ms = state_now_ms();
	for (uint32_t i = old; i < actions; i++)
		act(state);
}

void state_done(struct state *state)
{
	strbuf_done(&state->log);
}
