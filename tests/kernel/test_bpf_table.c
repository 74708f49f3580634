/*
 * What the BPF collector reads, against what the kernel says about the same sockets: every field of a record against
 * getsockopt() and the way the socket was made; the sets of ports; groups counted in the kernel against grouping_count()
 * over records; sockets that stay are there exactly once while others come and go. Both ways of loading memory.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector.h"
#include "error.h"
#include "netns.h"
#include "procfs.h"
#include "state.h"

#define SKIP             77
#define LOCAL_PORT_RANGE 51
#define CHURN_THREADS    2
#define CHURN_STAYING    400
#define CHURN_READS      60

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not ok: %s\n", __FILE__, __LINE__, #condition);    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void done(int r, const struct eph_error *error)
{
	if (r == 0)
		return;
	fprintf(stderr, "not ok: %s\n", error->message);
	exit(1);
}

static void *bpf;
static struct kernel_laws laws;

static void setting(const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	file = fopen(path, "w");
	CHECK(file && fputs(value, file) >= 0 && fclose(file) == 0);
}

static struct snapshot *observe(void)
{
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};

	CHECK(snapshot && netns_open_current(snapshot, &error) == 0 &&
	      procfs_read_settings(snapshot, &error) == 0);
	CHECK(collector_bpf.binds(bpf, snapshot, &error) == 0);
	port_set_add_range(&snapshot->netns[0].counted, snapshot->netns[0].settings.range);
	port_set_remove_set(&snapshot->netns[0].counted, &snapshot->netns[0].binds.closed);
	laws = snapshot->laws;
	return snapshot;
}

static const struct collect_request everything = {
	.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};

static struct snapshot *observe_sockets(void)
{
	struct snapshot *snapshot = observe();

	CHECK(collector_bpf.sockets(bpf, &everything, snapshot, NULL) == 0);
	return snapshot;
}

/* Sockets, each made in one way. */
static int make(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	return fd;
}

static void option(int fd, int level, int name, uint32_t value)
{
	CHECK(setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

static uint32_t option_of(int fd, int level, int name)
{
	uint32_t value = 0;
	socklen_t length = sizeof(value);

	CHECK(getsockopt(fd, level, name, &value, &length) == 0);
	return value;
}

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	CHECK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0);
	return cookie;
}

static void bind_to(int fd, int family, const char *address, uint16_t port)
{
	struct state_endpoint end = state_endpoint(family, address, port);

	CHECK(bind(fd, (struct sockaddr *)&end.address, end.length) == 0);
}

static void connect_to(int fd, int family, const char *address, uint16_t port)
{
	struct state_endpoint end = state_endpoint(family, address, port);

	CHECK(connect(fd, (struct sockaddr *)&end.address, end.length) == 0);
}

static int listener(int family, const char *address, uint16_t port)
{
	int fd = make(family, SOCK_STREAM);

	option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bind_to(fd, family, address, port);
	CHECK(listen(fd, 512) == 0);
	return fd;
}

static int accepted(int fd)
{
	int child = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	CHECK(child >= 0);
	return child;
}

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

static const struct socket_record *record_of(const struct snapshot *snapshot, uint64_t cookie)
{
	const struct socket_table *sockets = &snapshot->netns[0].sockets;
	const struct socket_record *found = NULL;

	for (size_t i = 0; i < sockets->count; i++) {
		if (sockets->record[i].cookie != cookie)
			continue;
		CHECK(!found); /* exactly once */
		found = &sockets->record[i];
	}
	return found;
}

static void flag_is(const struct socket_record *record, uint16_t flag, bool set)
{
	CHECK(record->known & flag);
	CHECK(!(record->flags & flag) == !set);
}

/* Everything that the kernel itself tells about a live socket. */
static const struct socket_record *check_live(const struct snapshot *snapshot, int fd)
{
	const struct socket_record *record = record_of(snapshot, cookie_of(fd));
	struct sockaddr_storage address = {0};
	socklen_t length = sizeof(address);
	int family = (int)option_of(fd, SOL_SOCKET, SO_DOMAIN);
	uint32_t window;
	struct stat file;

	CHECK(record);
	CHECK(record->protocol == option_of(fd, SOL_SOCKET, SO_PROTOCOL));
	CHECK(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
	endpoint_is(&address, &record->local, record->local_port);
	length = sizeof(address);
	if (getpeername(fd, (struct sockaddr *)&address, &length) == 0)
		endpoint_is(&address, &record->remote, record->remote_port);
	flag_is(record, SOCKET_AF_INET6, family == AF_INET6);
	flag_is(record, SOCKET_MINI, false);
	flag_is(record, SOCKET_REUSEADDR, option_of(fd, SOL_SOCKET, SO_REUSEADDR));
	flag_is(record, SOCKET_REUSEPORT, option_of(fd, SOL_SOCKET, SO_REUSEPORT));
	flag_is(record, SOCKET_V6ONLY,
		family == AF_INET6 && option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	CHECK(fstat(fd, &file) == 0 && record->inode == file.st_ino && record->uid == getuid());
	if (laws.window == LAW_YES) {
		window = option_of(fd, IPPROTO_IP, LOCAL_PORT_RANGE);
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
	if (laws.bucket_reopens == LAW_YES)
		flag_is(record, SOCKET_CONNECT_BOUND, origin == AUTO);
	CHECK(!(record->flags & SOCKET_ACCEPTED) == (origin != CHILD));
	if (origin == EXPLICIT || (origin == AUTO && laws.bucket_reopens == LAW_YES) ||
	    origin == CHILD)
		CHECK(record->known & SOCKET_ACCEPTED);
}

static void test_records(void)
{
	int server = listener(AF_INET, "127.0.0.1", 2000), server6 = listener(AF_INET6, "::", 2001);
	int bound = make(AF_INET, SOCK_STREAM), portless = make(AF_INET, SOCK_STREAM);
	int client = make(AF_INET, SOCK_STREAM), fixed = make(AF_INET, SOCK_STREAM);
	int six = make(AF_INET6, SOCK_STREAM), mapped = make(AF_INET6, SOCK_STREAM);
	int child[3], udp = make(AF_INET, SOCK_DGRAM), udp6 = make(AF_INET6, SOCK_DGRAM);
	struct snapshot *snapshot;
	const struct bind_table *binds;
	const struct socket_record *record;

	option(bound, SOL_SOCKET, SO_REUSEPORT, 1);
	bind_to(bound, AF_INET, "127.0.0.9", 2002);
	bind_to(portless, AF_INET, "127.0.0.1", 0);
	if (setsockopt(client, IPPROTO_IP, LOCAL_PORT_RANGE, &(uint32_t){40009u << 16 | 40002u},
		       4) < 0)
		CHECK(errno == ENOPROTOOPT);
	connect_to(client, AF_INET, "127.0.0.1", 2000);
	child[0] = accepted(server);
	bind_to(fixed, AF_INET, "127.0.0.1", 2003);
	connect_to(fixed, AF_INET, "127.0.0.1", 2000);
	child[1] = accepted(server);
	connect_to(six, AF_INET6, "::1", 2001);
	child[2] = accepted(server6);
	connect_to(mapped, AF_INET6, "::ffff:127.0.0.1", 2000);
	connect_to(udp, AF_INET, "127.0.0.1", 53);
	option(udp6, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	bind_to(udp6, AF_INET6, "::", 2004);

	/* Cookies are given when first asked for, so ask before reading. */
	int all[] = {server, server6, bound, portless, client,   fixed,   six,
		     mapped, udp,     udp6,  child[0], child[1], child[2]};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cookie_of(all[i]);
	snapshot = observe_sockets();
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
	const struct socket_record *record = record_of(snapshot, cookie);
	int64_t youngest = seen.begin - closed.end, oldest = seen.end - closed.begin, slack = 100;

	CHECK(record && record->state == state);
	flag_is(record, SOCKET_MINI, true);
	flag_is(record, SOCKET_TIMESTAMPS, true);
	CHECK((record->known & SOCKET_AGE) && record->inode == 0);
	if (laws.bucket_reopens == LAW_YES)
		flag_is(record, SOCKET_CONNECT_BOUND, true);
	if (laws.entry_stamp == LAW_YES && state == STATE_TIME_WAIT)
		CHECK(record->age_ms + slack >= youngest && record->age_ms <= oldest + slack);
	CHECK(record->expires_ms + youngest <= 60000 + slack);
	CHECK(record->expires_ms + oldest + slack >= 60000);
}

/* A TIME_WAIT of each kind: both ends closed, and one whose peer stays. */
static void test_time_wait(void)
{
	int server = listener(AF_INET, "127.0.0.1", 2010), client[2], child[2];
	struct snapshot *snapshot;
	uint64_t cookie[2], minis = 0;
	struct span closed, seen;

	for (int i = 0; i < 2; i++) {
		client[i] = make(AF_INET, SOCK_STREAM);
		connect_to(client[i], AF_INET, "127.0.0.1", 2010);
		child[i] = accepted(server);
		cookie[i] = cookie_of(client[i]);
	}
	closed.begin = state_now_ms();
	close(client[0]);
	close(child[0]);
	close(client[1]);
	closed.end = state_now_ms();
	usleep(300000);
	seen.begin = state_now_ms();
	snapshot = observe_sockets();
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

static const struct group *group_like(const struct group_table *table, const struct group_key *key)
{
	for (uint32_t i = 0; i < table->count; i++)
		if (memcmp(&table->slot[i].key, key, sizeof(*key)) == 0)
			return &table->slot[i];
	return NULL;
}

static void same_counts(const struct group_counts *a, const struct group_counts *b)
{
	CHECK(memcmp(a->sockets, b->sockets, sizeof(a->sockets)) == 0);
	CHECK(a->on_counted == b->on_counted && a->tw_aged == b->tw_aged);
	CHECK(a->tw_aged_loopback == b->tw_aged_loopback && a->tw_unknown == b->tw_unknown);
	CHECK(!a->inode == !b->inode && (!a->inode || a->uid == b->uid));
}

/* The same sockets counted in the kernel, and one by one from their records. */
static void compare_groups(enum group_by by, bool v4, bool v6, unsigned threads)
{
	struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = v4, .v6 = v6, .by = by},
		.threads = threads};
	struct snapshot *counted = observe(), *streamed = observe_sockets();
	struct netns_snapshot *netns = &streamed->netns[0];

	CHECK(collector_bpf.groups(bpf, &request, counted, NULL) == 0);
	CHECK(group_table_init(&netns->groups, GROUP_LIMIT) == 0);
	do
		for (size_t i = 0; i < netns->sockets.count; i++)
			grouping_count(&request.what, &streamed->laws, netns,
				       &netns->sockets.record[i]);
	while (group_table_again(&netns->groups));
	group_table_finish(&netns->groups);
	CHECK(netns->groups.count > 0 && netns->groups.count == counted->netns[0].groups.count);
	for (uint32_t i = 0; i < netns->groups.count; i++) {
		const struct group *mine = &netns->groups.slot[i];
		const struct group *other = group_like(&counted->netns[0].groups, &mine->key);

		CHECK(other);
		same_counts(&mine->counts, &other->counts);
	}
	snapshot_free(counted);
	snapshot_free(streamed);
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void test_groups(void)
{
	static const char *const to[] = {"127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"};
	int server = listener(AF_INET6, "::", 2020), inside = listener(AF_INET, "127.0.0.1", 40500);
	int fd[96], child[96];

	for (int i = 0; i < 96; i++) {
		int family = i % 4 < 2 ? AF_INET : AF_INET6;

		fd[i] = make(family, SOCK_STREAM);
		if (i % 8 == 0)
			bind_to(fd[i], AF_INET, "127.0.0.3", 0);
		if (i % 8 == 1)
			bind_to(fd[i], AF_INET, "127.0.0.1", (uint16_t)(41000 + i));
		connect_to(fd[i], family, i % 4 == 0 && i > 48 ? "127.0.0.1" : to[i % 4],
			   i % 4 == 0 && i > 48 ? 40500 : 2020);
		child[i] = accepted(i % 4 == 0 && i > 48 ? inside : server);
	}
	for (int i = 0; i < 96; i += 5) { /* TIME_WAIT of the client, of the child, and FIN_WAIT2 */
		shut(i % 2 ? &fd[i] : &child[i]);
		if (i % 3)
			shut(i % 2 ? &child[i] : &fd[i]);
	}
	usleep(1300000); /* all older than tcp_tw_reuse_delay */
	close(inside);   /* its children stay, told by their backlog alone */
	for (enum group_by by = GROUP_BY_DESTINATION; by <= GROUP_INBOUND; by++) {
		if (by == GROUP_BY_OWNER)
			continue;
		compare_groups(by, true, true, 0);
		compare_groups(by, true, false, 1);
		compare_groups(by, false, true, 1);
	}
	close(server);
	for (int i = 0; i < 96; i++) {
		shut(&fd[i]);
		shut(&child[i]);
	}
}

static atomic_bool churn_end;

/* Connections that are made and reset without pause. */
static void *churn_run(void *argument)
{
	struct linger reset = {.l_onoff = 1};

	(void)argument;
	while (!atomic_load(&churn_end)) {
		int fd = make(AF_INET, SOCK_STREAM);

		connect_to(fd, AF_INET, "127.0.0.7", 2030);
		CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
		close(fd);
	}
	return NULL;
}

static void *churn_accept(void *argument)
{
	int server = *(int *)argument;

	while (!atomic_load(&churn_end)) {
		int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void churn_check(const int *fd)
{
	struct snapshot *snapshot = observe_sockets();
	struct collect_request request = everything;
	struct eph_error error = {0};
	struct ip_address to;
	uint32_t found = 0;

	for (int i = 0; i < CHURN_STAYING; i++)
		CHECK(record_of(snapshot, cookie_of(fd[i])));
	CHECK(!(snapshot->netns[0].gaps & GAP_CHANGED));
	CHECK(ip_address_parse("127.0.0.8", &to, NULL) == 0);
	request.what.by = GROUP_BY_DESTINATION;
	done(collector_bpf.groups(bpf, &request, snapshot, &error), &error);
	for (uint32_t i = 0; i < snapshot->netns[0].groups.count; i++)
		if (ip_address_equal(&snapshot->netns[0].groups.slot[i].key.remote, &to))
			found += group_counts_total(&snapshot->netns[0].groups.slot[i].counts);
	CHECK(found == CHURN_STAYING);
	request.remote = to;
	request.remote_port = 2030;
	CHECK(collector_bpf.sockets(bpf, &request, snapshot, NULL) == 0);
	found = 0;
	for (size_t i = 0; i < snapshot->netns[0].sockets.count; i++)
		found += snapshot->netns[0].sockets.record[i].protocol == PROTOCOL_TCP;
	CHECK(found == CHURN_STAYING);
	snapshot_free(snapshot);
}

static void test_churn(void)
{
	int server = listener(AF_INET, "127.0.0.7", 2030),
	    staying = listener(AF_INET, "127.0.0.8", 2030);
	pthread_t thread[CHURN_THREADS], acceptor;
	int fd[CHURN_STAYING], child[CHURN_STAYING];

	for (int i = 0; i < CHURN_STAYING; i++) {
		fd[i] = make(AF_INET, SOCK_STREAM);
		connect_to(fd[i], AF_INET, "127.0.0.8", 2030);
		child[i] = accepted(staying);
		cookie_of(fd[i]);
	}
	atomic_store(&churn_end, false);
	CHECK(pthread_create(&acceptor, NULL, churn_accept, &server) == 0);
	for (int i = 0; i < CHURN_THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, churn_run, NULL) == 0);
	for (int i = 0; i < CHURN_READS; i++)
		churn_check(fd);
	atomic_store(&churn_end, true);
	for (int i = 0; i < CHURN_THREADS; i++)
		pthread_join(thread[i], NULL);
	shutdown(server, SHUT_RDWR);
	pthread_join(acceptor, NULL);
	for (int i = 0; i < CHURN_STAYING; i++) {
		close(fd[i]);
		close(child[i]);
	}
	close(server);
	close(staying);
}

/* All of it in a namespace of its own, with one way of loading. */
static int run(const char *variant)
{
	struct eph_error error = {0};
	int r = state_enter_netns();

	if (r < 0) {
		fprintf(stderr, "skipped: no network namespace: %s\n", strerror(-r));
		return SKIP;
	}
	setenv("EPHEMPORTS_BPF", variant, 1);
	r = collector_bpf.open(&bpf, &error);
	if (r < 0) {
		fprintf(stderr, "skipped: %s\n", error.message);
		return SKIP;
	}
	setting("ip_local_port_range", "40000 49999");
	setting("tcp_tw_reuse", "0");
	test_records();
	test_time_wait();
	test_groups();
	test_churn();
	collector_bpf.close(bpf);
	return 0;
}

int main(void)
{
	static const char *const variant[] = {"direct", "probe"};

	for (int i = 0; i < 2; i++) {
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();

		if (pid == 0)
			exit(run(variant[i]));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			return 1;
		if (WEXITSTATUS(status) != 0)
			return WEXITSTATUS(status);
		printf("ok %d - %s\n", i + 1, variant[i]);
	}
	return 0;
}
