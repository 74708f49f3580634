#include "port_state.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static const char *const v4[] = {"0.0.0.0",   "0.0.0.0",  "127.0.0.1", "127.0.0.1",
				 "127.0.0.2", "10.9.0.1", "127.0.0.6"};
static const char *const v6[] = {"::", "::", "::1", "fd00::1"};
static const char *const mapped[] = {"::ffff:0.0.0.0", "::ffff:127.0.0.1", "::ffff:10.9.0.1"};
static const char *const v4_targets[] = {"127.0.0.1", "127.0.0.2", "10.9.0.1", "127.0.0.6"};
static const char *const v6_targets[] = {"::1", "fd00::1"};
static const char *const mapped_targets[] = {"::ffff:127.0.0.1", "::ffff:10.9.0.1"};
static const uint32_t uids[] = {0, 0, 0, 1000, 2000};

uint32_t port_state_below(struct bench *bench, uint32_t n)
{
	return state_random(&bench->random, n);
}

bool port_state_chance(struct bench *bench, uint32_t percent)
{
	return port_state_below(bench, 100) < percent;
}

#define PICK(bench, array) ((array)[port_state_below(bench, ARRAY_SIZE(array))])

static void set_option(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

/* --- a socket --------------------------------------------------------------------------------------------------- */

/* A user namespace of our own knows one user only. */
static bool can_give_away(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool can = fd >= 0 && fchown(fd, 1000, (gid_t)-1) == 0;

	if (fd >= 0)
		close(fd);
	return can;
}

struct wish port_state_wish(struct bench *bench)
{
	uint32_t kind = port_state_below(bench, 100);
	struct wish wish = {.family = kind < 55 ? AF_INET : AF_INET6, .port = bench->port};

	wish.address = kind < 55   ? PICK(bench, v4)
		       : kind < 88 ? PICK(bench, v6)
				   : PICK(bench, mapped);
	wish.reuseaddr = port_state_chance(bench, 40);
	wish.reuseport = port_state_chance(bench, 35);
	if (bench->crowded && port_state_chance(bench, 60)) {
		wish.family = AF_INET;
		wish.address = "127.0.0.1";
		wish.reuseport = true;
	}
	wish.v6only =
		wish.family == AF_INET6 && kind >= 55 && kind < 88 && port_state_chance(bench, 30);
	wish.uid = PICK(bench, uids);
	if (wish.uid && !can_give_away())
		wish.uid = 0;
	if (port_state_chance(bench, 15))
		wish.device = port_state_chance(bench, 60) ? "lo" : "v0";
	return wish;
}

void port_state_describe(const struct wish *wish, struct strbuf *out)
{
	strbuf_printf(out, "%s %s:%u%s%s%s%s uid %u %s%s", wish->family == AF_INET ? "v4" : "v6",
		      wish->address, wish->port, wish->reuseaddr ? " A" : "",
		      wish->reuseport ? " R" : "", wish->v6only ? " v6only" : "",
		      wish->freebind ? " freebind" : "", wish->uid, wish->device ? "device " : "",
		      wish->device ? wish->device : "");
}

int port_state_open(const struct wish *wish, int type)
{
	int fd = socket(wish->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, wish->reuseaddr);
	set_option(fd, SOL_SOCKET, SO_REUSEPORT, wish->reuseport);
	if (wish->family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, wish->v6only);
	if (wish->freebind)
		set_option(fd, IPPROTO_IP, IP_FREEBIND, 1);
	if (wish->device)
		setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, wish->device,
			   (socklen_t)strlen(wish->device) + 1);
	if (wish->uid)
		(void)!fchown(fd, wish->uid, (gid_t)-1);
	return fd;
}

int port_state_bind(int fd, const struct wish *wish, uint16_t port)
{
	struct state_endpoint at = state_endpoint(wish->family, wish->address, port);

	return bind(fd, (struct sockaddr *)&at.address, at.length) < 0 ? -errno : 0;
}

/* Whatever chooses a port for this socket can only choose ours. */
static void confine(int fd, uint16_t port)
{
	uint32_t window = (uint32_t)port << 16 | port;

	setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &window, sizeof(window));
}

static void log_wish(struct bench *bench, const char *what, const struct wish *wish, int fd, int r)
{
	strbuf_printf(&bench->random.log, "%s ", what);
	port_state_describe(wish, &bench->random.log);
	strbuf_printf(&bench->random.log, ": fd %d %s\n", fd, r < 0 ? strerror(-r) : "ok");
}

static void keep(struct bench *bench, int fd, int peer)
{
	if (bench->items < PORT_STATE_ITEMS_MAX) {
		bench->item[bench->items++] = (struct item){fd, peer};
		return;
	}
	close(fd);
	if (peer >= 0)
		close(peer);
}

static int accept_from(int listener)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};

	if (poll(&ready, 1, 50) != 1)
		return -1;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

/* --- what may stand on the port --------------------------------------------------------------------------------- */

static const char *target_for(struct bench *bench, const struct wish *wish)
{
	bool real_v6 = wish->family == AF_INET6 && strncmp(wish->address, "::ffff:", 7) != 0;

	if (wish->family == AF_INET)
		return PICK(bench, v4_targets);
	if (real_v6 &&
	    (wish->v6only || strcmp(wish->address, "::") != 0 || port_state_chance(bench, 80)))
		return PICK(bench, v6_targets);
	return PICK(bench, mapped_targets);
}

/* Connect, and take the other end when there is one. */
static void connect_item(struct bench *bench, int fd, const struct wish *wish, uint16_t to_port)
{
	const char *target = target_for(bench, wish);
	struct state_endpoint to = state_endpoint(wish->family, target, to_port);
	int r = connect(fd, (struct sockaddr *)&to.address, to.length) < 0 && errno != EINPROGRESS
			? -errno
			: 0;
	int peer = r == 0 && bench->type == SOCK_STREAM && to_port == PORT_STATE_SERVICE
			   ? accept_from(bench->service)
			   : -1;

	strbuf_printf(&bench->random.log, "  connect %s:%u %s peer %d\n", target, to_port,
		      r < 0 ? strerror(-r) : "ok", peer);
	keep(bench, fd, peer);
}

/* bind(), perhaps with port 0, perhaps then connect(). */
static void do_bind(struct bench *bench)
{
	struct wish wish = port_state_wish(bench);
	int fd = port_state_open(&wish, bench->type), r;
	bool named = port_state_chance(bench, 80);

	if (fd < 0)
		return;
	confine(fd, bench->port);
	r = port_state_bind(fd, &wish, named ? bench->port : 0);
	log_wish(bench, named ? "bind" : "bind 0", &wish, fd, r);
	if (r < 0) {
		close(fd);
		return;
	}
	if (port_state_chance(bench, 40))
		connect_item(bench, fd, &wish, PORT_STATE_SERVICE);
	else
		keep(bench, fd, -1);
}

/* connect() chooses the port; perhaps from an address of its own, perhaps to itself, perhaps into the void. */
static void do_connect(struct bench *bench)
{
	struct wish wish = port_state_wish(bench);
	int fd = port_state_open(&wish, bench->type), r = 0;
	uint32_t kind = port_state_below(bench, 20);

	if (fd < 0)
		return;
	confine(fd, bench->port);
	if (port_state_chance(bench, 40)) {
		set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		r = port_state_bind(fd, &wish, 0);
	}
	log_wish(bench, "connect from", &wish, fd, r);
	connect_item(bench, fd, &wish, kind == 0 ? bench->port : PORT_STATE_SERVICE);
}

/* A client of the listener, from another port. Its accepted end is on ours. */
static void add_child(struct bench *bench, int listener, const struct wish *wish)
{
	struct wish client = {.family = wish->family, .address = wish->address};
	struct state_endpoint to;
	const char *target = wish->address;
	int fd = socket(wish->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), child;

	if (strcmp(target, "0.0.0.0") == 0 || strcmp(target, "::") == 0 ||
	    strcmp(target, "::ffff:0.0.0.0") == 0)
		target = target_for(bench, &client);
	to = state_endpoint(wish->family, target, bench->port);
	if (fd < 0 ||
	    (connect(fd, (struct sockaddr *)&to.address, to.length) < 0 && errno != EINPROGRESS)) {
		if (fd >= 0)
			close(fd);
		return;
	}
	child = port_state_chance(bench, 90) ? accept_from(listener) : -1;
	strbuf_printf(&bench->random.log, "  client fd %d, child fd %d\n", fd, child);
	/* The child first: closing item.fd ends its side, which then waits. */
	if (child >= 0)
		keep(bench, child, fd);
	else
		keep(bench, fd, -1);
}

static void do_listen(struct bench *bench)
{
	struct wish wish = port_state_wish(bench);
	int fd = port_state_open(&wish, bench->type),
	    r = fd < 0 ? fd : port_state_bind(fd, &wish, bench->port);

	if (r == 0 && listen(fd, 16) < 0)
		r = -errno;
	log_wish(bench, "listen", &wish, fd, r);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (uint32_t n = port_state_below(bench, 3); n > 0 && !wish.device; n--)
		add_child(bench, fd, &wish);
	if (port_state_chance(bench, 35)) {
		strbuf_printf(&bench->random.log, "  listener closed\n");
		close(fd);
		return;
	}
	keep(bench, fd, -1);
}

/* End one: our end first (TIME_WAIT), our end only (FIN_WAIT2), the other first, or at once. */
static void do_close(struct bench *bench)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	unsigned index, way = port_state_below(bench, 8);
	struct item item;

	if (!bench->items)
		return;
	index = port_state_below(bench, bench->items);
	item = bench->item[index];
	strbuf_printf(&bench->random.log, "close fd %d peer %d way %u\n", item.fd, item.peer, way);
	bench->item[index] = bench->item[--bench->items];
	if (way == 0)
		setsockopt(item.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (way == 1 && item.peer >= 0) {
		close(item.peer);
		item.peer = -1;
	}
	if (way == 2 && item.peer >= 0) {
		close(item.fd);
		keep(bench, item.peer, -1);
		return;
	}
	close(item.fd);
	if (item.peer >= 0)
		close(item.peer);
}

static void do_flip(struct bench *bench)
{
	int option = port_state_chance(bench, 50) ? SO_REUSEADDR : SO_REUSEPORT,
	    value = port_state_chance(bench, 50), fd;

	if (!bench->items)
		return;
	fd = bench->item[port_state_below(bench, bench->items)].fd;
	set_option(fd, SOL_SOCKET, option, value);
	strbuf_printf(&bench->random.log, "set %s %d on fd %d\n",
		      option == SO_REUSEADDR ? "A" : "R", value, fd);
}

static void do_chown(struct bench *bench)
{
	uint32_t uid = PICK(bench, uids);
	int fd;

	if (!bench->items || geteuid() != 0)
		return;
	fd = bench->item[port_state_below(bench, bench->items)].fd;
	strbuf_printf(&bench->random.log, "fd %d belongs to %u: %d\n", fd, uid,
		      fchown(fd, uid, (gid_t)-1));
}

/* So many UDP sockets that the kernel looks at other chains. */
static void do_crowd(struct bench *bench)
{
	uint32_t n = 9 + port_state_below(bench, 6);

	for (uint32_t i = 0; i < n; i++) {
		struct wish wish = {.family = AF_INET, .port = bench->port, .reuseport = true};
		char address[32];
		int fd;

		snprintf(address, sizeof(address), "127.0.1.%u", i + 1);
		wish.address = port_state_chance(bench, 30)   ? "127.0.0.1"
			       : port_state_chance(bench, 15) ? "0.0.0.0"
							      : address;
		wish.reuseaddr = port_state_chance(bench, 50);
		fd = port_state_open(&wish, bench->type);
		if (fd < 0 || port_state_bind(fd, &wish, bench->port) < 0) {
			if (fd >= 0)
				close(fd);
			continue;
		}
		log_wish(bench, "crowd", &wish, fd, 0);
		keep(bench, fd, -1);
	}
	for (uint32_t i = port_state_below(bench, 6); i > 0; i--) {
		do_chown(bench);
		do_flip(bench);
	}
	bench->crowded = true;
}

static void do_disconnect(struct bench *bench)
{
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	int fd;

	if (!bench->items)
		return;
	fd = bench->item[port_state_below(bench, bench->items)].fd;
	strbuf_printf(&bench->random.log, "disconnect fd %d: %d\n", fd,
		      connect(fd, &nowhere, sizeof(nowhere)));
}

void port_state_populate(struct bench *bench)
{
	static void (*const tcp[])(struct bench *) = {
		do_bind,   do_bind,  do_bind,  do_connect, do_connect,    do_connect, do_listen,
		do_listen, do_close, do_close, do_flip,    do_disconnect, do_chown,
	};
	static void (*const udp[])(struct bench *) = {
		do_bind,  do_bind, do_bind,       do_connect, do_connect,
		do_close, do_flip, do_disconnect, do_chown,
	};

	if (bench->type == SOCK_DGRAM && port_state_chance(bench, 20))
		do_crowd(bench);
	for (uint32_t n = port_state_below(bench, 8); n > 0; n--) {
		if (bench->type == SOCK_STREAM)
			PICK(bench, tcp)(bench);
		else
			PICK(bench, udp)(bench);
	}
}

void port_state_done(struct bench *bench)
{
	for (unsigned i = 0; i < bench->items; i++) {
		close(bench->item[i].fd);
		if (bench->item[i].peer >= 0)
			close(bench->item[i].peer);
	}
	strbuf_done(&bench->random.log);
	strbuf_done(&bench->complaint);
}

int port_state_open_service(void)
{
	struct wish wish = {.family = AF_INET6, .address = "::", .reuseaddr = true};
	int fd = port_state_open(&wish, SOCK_STREAM);

	if (fd < 0 || port_state_bind(fd, &wish, PORT_STATE_SERVICE) < 0 || listen(fd, 1024) < 0)
		return -errno;
	return fd;
}
