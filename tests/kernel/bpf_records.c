/* What BPF reads of a socket, against what the kernel says of the same one and the way it was made. */
#include "bpf_bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state.h"

#define LOCAL_PORT_RANGE 51

static void endpoint_is(const struct sockaddr_storage *from, const struct ip_address *address,
			uint16_t port)
{
	struct ip_address wanted;
	uint16_t wanted_port;

	if (from->ss_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, from, sizeof(in6));
		wanted = ip_address_v6(&in6.sin6_addr);
		wanted_port = ntohs(in6.sin6_port);
	} else {
		struct sockaddr_in in;

		memcpy(&in, from, sizeof(in));
		wanted = ip_address_v4(&in.sin_addr);
		wanted_port = ntohs(in.sin_port);
	}
	CHECK(ip_address_equal(&wanted, address));
	CHECK(wanted_port == port);
}

static void flag_is(const struct socket_record *record, uint16_t flag, bool set)
{
	CHECK(record->known & flag);
	CHECK(!(record->flags & flag) == !set);
}

/* Everything that the kernel itself tells about a live socket. */
static const struct socket_record *check_live(const struct snapshot *snapshot, int fd)
{
	const struct socket_record *record = bpf_bench_find(snapshot, bpf_bench_cookie(fd));
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	int family = (int)bpf_bench_option_of(fd, SOL_SOCKET, SO_DOMAIN);
	uint32_t window;
	struct stat file;

	CHECK(record);
	CHECK(record->protocol == bpf_bench_option_of(fd, SOL_SOCKET, SO_PROTOCOL));
	CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	endpoint_is(&address, &record->local, record->local_port);
	length = sizeof(address);
	if (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
		endpoint_is(&address, &record->remote, record->remote_port);
	flag_is(record, SOCKET_AF_INET6, family == AF_INET6);
	flag_is(record, SOCKET_MINI, false);
	flag_is(record, SOCKET_REUSEADDR, bpf_bench_option_of(fd, SOL_SOCKET, SO_REUSEADDR));
	flag_is(record, SOCKET_REUSEPORT, bpf_bench_option_of(fd, SOL_SOCKET, SO_REUSEPORT));
	flag_is(record, SOCKET_V6ONLY,
		family == AF_INET6 && bpf_bench_option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	CHECK(fstat(fd, &file) == 0 && record->inode == file.st_ino && record->uid == getuid());
	if (bpf_bench_laws.window == LAW_YES) {
		window = bpf_bench_option_of(fd, IPPROTO_IP, LOCAL_PORT_RANGE);
		CHECK(record->window.lo == (uint16_t)window && record->window.hi == window >> 16);
	}
	return record;
}

enum origin { AUTO, EXPLICIT, ADDRESS_ONLY, CHILD };

static void check_origin(const struct snapshot *snapshot, int fd, enum origin origin, uint8_t state)
{
	const struct socket_record *record = check_live(snapshot, fd);

	CHECK(record->state == state);
	flag_is(record, SOCKET_EXPLICIT, origin == EXPLICIT);
	if (bpf_bench_laws.bucket_reopens == LAW_YES)
		flag_is(record, SOCKET_CONNECT_BOUND, origin == AUTO);
	CHECK(!(record->flags & SOCKET_ACCEPTED) == (origin != CHILD));
	if (origin == EXPLICIT || (origin == AUTO && bpf_bench_laws.bucket_reopens == LAW_YES) ||
	    origin == CHILD)
		CHECK(record->known & SOCKET_ACCEPTED);
}

void bpf_bench_test_records(void)
{
	int server = bpf_bench_listen(AF_INET, "127.0.0.1", 2000),
	    server6 = bpf_bench_listen(AF_INET6, "::", 2001);
	int bound = bpf_bench_socket(AF_INET, SOCK_STREAM),
	    portless = bpf_bench_socket(AF_INET, SOCK_STREAM);
	int client = bpf_bench_socket(AF_INET, SOCK_STREAM),
	    fixed = bpf_bench_socket(AF_INET, SOCK_STREAM);
	int six = bpf_bench_socket(AF_INET6, SOCK_STREAM),
	    mapped = bpf_bench_socket(AF_INET6, SOCK_STREAM);
	int child[3], udp = bpf_bench_socket(AF_INET, SOCK_DGRAM),
		      udp6 = bpf_bench_socket(AF_INET6, SOCK_DGRAM);
	struct snapshot *snapshot;
	const struct bind_table *binds;
	const struct socket_record *record;

	bpf_bench_option(bound, SOL_SOCKET, SO_REUSEPORT, 1);
	bpf_bench_bind(bound, AF_INET, "127.0.0.9", 2002);
	bpf_bench_bind(portless, AF_INET, "127.0.0.1", 0);
	if (setsockopt(client, IPPROTO_IP, LOCAL_PORT_RANGE, &(uint32_t){40009u << 16 | 40002u},
		       4) < 0)
		CHECK(errno == ENOPROTOOPT);
	bpf_bench_connect(client, AF_INET, "127.0.0.1", 2000);
	child[0] = bpf_bench_accept(server);
	bpf_bench_bind(fixed, AF_INET, "127.0.0.1", 2003);
	bpf_bench_connect(fixed, AF_INET, "127.0.0.1", 2000);
	child[1] = bpf_bench_accept(server);
	bpf_bench_connect(six, AF_INET6, "::1", 2001);
	child[2] = bpf_bench_accept(server6);
	bpf_bench_connect(mapped, AF_INET6, "::ffff:127.0.0.1", 2000);
	bpf_bench_connect(udp, AF_INET, "127.0.0.1", 53);
	bpf_bench_option(udp6, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	bpf_bench_bind(udp6, AF_INET6, "::", 2004);

	/* Cookies are given when first asked for, so ask before reading. */
	int all[] = {server, server6, bound, portless, client,   fixed,   six,
		     mapped, udp,     udp6,  child[0], child[1], child[2]};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		bpf_bench_cookie(all[i]);
	snapshot = bpf_bench_read();
	check_origin(snapshot, server, EXPLICIT, STATE_LISTEN);
	check_origin(snapshot, server6, EXPLICIT, STATE_LISTEN);
	check_origin(snapshot, bound, EXPLICIT, STATE_BOUND);
	check_origin(snapshot, portless, ADDRESS_ONLY, STATE_BOUND);
	check_origin(snapshot, client, AUTO, STATE_ESTABLISHED);
	check_origin(snapshot, fixed, EXPLICIT, STATE_ESTABLISHED);
	check_origin(snapshot, six, AUTO, STATE_ESTABLISHED);
	check_origin(snapshot, mapped, AUTO, STATE_ESTABLISHED);
	for (int i = 0; i < 3; i++)
		check_origin(snapshot, child[i], CHILD, STATE_ESTABLISHED);
	CHECK(check_live(snapshot, udp)->state == STATE_ESTABLISHED);
	CHECK(check_live(snapshot, udp6)->state == STATE_CLOSE);
	record = check_live(snapshot, portless);
	flag_is(record, SOCKET_ADDRESS_BOUND, true);
	flag_is(check_live(snapshot, client), SOCKET_ADDRESS_BOUND, false);

	binds = &snapshot->netns[0].binds;
	CHECK(port_set_has(&binds->closed, 2000) && port_set_has(&binds->listening, 2000));
	CHECK(port_set_has(&binds->listening, 2001) && !port_set_has(&binds->bound, 2001));
	CHECK(port_set_has(&binds->closed, 2002) && port_set_has(&binds->bound, 2002));
	CHECK(port_set_has(&binds->closed, record->local_port) &&
	      port_set_has(&binds->bound, record->local_port));
	CHECK(port_set_has(&binds->closed, 2003) && !port_set_has(&binds->bound, 2003));
	CHECK(!port_set_has(&binds->closed, check_live(snapshot, client)->local_port));
	CHECK(!port_set_has(&binds->closed, check_live(snapshot, six)->local_port));
	CHECK(port_set_count(&binds->closed) == 5 && port_set_count(&binds->listening) == 2);
	CHECK(port_set_has(&binds->udp_v6, 2004) && !port_set_has(&binds->udp_v4, 2004));
	CHECK(port_set_has(&binds->udp_v4, check_live(snapshot, udp)->local_port));
	CHECK(binds->hidden == 0 && port_set_count(&binds->maybe) == 0 &&
	      snapshot->netns[0].gaps == 0);
	CHECK(snapshot->netns[0].sockets_complete);
	snapshot_free(snapshot);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		close(all[i]);
}

/* When something happened, between two readings of the clock. */
struct span {
	int64_t begin, end;
};

static void check_mini(const struct snapshot *snapshot, uint64_t cookie, uint8_t state,
		       struct span closed, struct span seen)
{
	const struct socket_record *record = bpf_bench_find(snapshot, cookie);
	int64_t youngest = seen.begin - closed.end, oldest = seen.end - closed.begin, slack = 100;

	CHECK(record && record->state == state);
	flag_is(record, SOCKET_MINI, true);
	flag_is(record, SOCKET_TIMESTAMPS, true);
	CHECK((record->known & SOCKET_AGE) && record->inode == 0);
	if (bpf_bench_laws.bucket_reopens == LAW_YES)
		flag_is(record, SOCKET_CONNECT_BOUND, true);
	if (bpf_bench_laws.entry_stamp == LAW_YES && state == STATE_TIME_WAIT)
		CHECK(record->age_ms + slack >= youngest && record->age_ms <= oldest + slack);
	CHECK(record->expires_ms + youngest <= 60000 + slack);
	CHECK(record->expires_ms + oldest + slack >= 60000);
}

/* A TIME_WAIT of each kind: both ends closed, and one whose peer stays. */
void bpf_bench_test_time_wait(void)
{
	int server = bpf_bench_listen(AF_INET, "127.0.0.1", 2010), client[2], child[2];
	struct snapshot *snapshot;
	uint64_t cookie[2], minis = 0;
	struct span closed, seen;

	for (int i = 0; i < 2; i++) {
		client[i] = bpf_bench_socket(AF_INET, SOCK_STREAM);
		bpf_bench_connect(client[i], AF_INET, "127.0.0.1", 2010);
		child[i] = bpf_bench_accept(server);
		cookie[i] = bpf_bench_cookie(client[i]);
	}
	closed.begin = state_now_ms();
	close(client[0]);
	close(child[0]);
	close(client[1]);
	closed.end = state_now_ms();
	usleep(300000);
	seen.begin = state_now_ms();
	snapshot = bpf_bench_read();
	seen.end = state_now_ms();
	check_mini(snapshot, cookie[0], STATE_TIME_WAIT, closed, seen);
	check_mini(snapshot, cookie[1], STATE_FIN_WAIT2, closed, seen);
	for (size_t i = 0; i < snapshot->netns[0].sockets.count; i++)
		minis += (snapshot->netns[0].sockets.record[i].flags & SOCKET_MINI) != 0;
	CHECK(snapshot->netns[0].time_wait == minis && minis >= 2);
	snapshot_free(snapshot);
	close(child[1]);
	close(server);
}
