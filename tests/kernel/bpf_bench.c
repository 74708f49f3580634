#include "bpf_bench.h"

#include <sys/socket.h>

#include "error.h"
#include "netns.h"
#include "procfs.h"
#include "state.h"

void *bpf_bench;
struct kernel_laws bpf_bench_laws;

const struct collect_request bpf_bench_everything = {
	.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};

struct snapshot *bpf_bench_begin(void)
{
	struct snapshot *snapshot = snapshot_new();
	struct eph_error error = {0};

	CHECK(snapshot && netns_open_current(snapshot, &error) == 0 &&
	      procfs_read_settings(snapshot, &error) == 0);
	CHECK(collector_bpf.binds(bpf_bench, snapshot, &error) == 0);
	port_set_add_range(&snapshot->netns[0].counted, snapshot->netns[0].settings.range);
	port_set_remove_set(&snapshot->netns[0].counted, &snapshot->netns[0].binds.closed);
	bpf_bench_laws = snapshot->laws;
	return snapshot;
}

struct snapshot *bpf_bench_read(void)
{
	struct snapshot *snapshot = bpf_bench_begin();

	CHECK(collector_bpf.sockets(bpf_bench, &bpf_bench_everything, snapshot, NULL) == 0);
	return snapshot;
}

int bpf_bench_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	return fd;
}

void bpf_bench_option(int fd, int level, int name, uint32_t value)
{
	CHECK(setsockopt(fd, level, name, &value, sizeof(value)) == 0);
}

uint32_t bpf_bench_option_of(int fd, int level, int name)
{
	uint32_t value = 0;
	socklen_t length = sizeof(value);

	CHECK(getsockopt(fd, level, name, &value, &length) == 0);
	return value;
}

uint64_t bpf_bench_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	CHECK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0);
	return cookie;
}

void bpf_bench_bind(int fd, int family, const char *address, uint16_t port)
{
	struct state_endpoint end = state_endpoint(family, address, port);

	CHECK(bind(fd, (struct sockaddr *)&end.address, end.length) == 0);
}

void bpf_bench_connect(int fd, int family, const char *address, uint16_t port)
{
	struct state_endpoint end = state_endpoint(family, address, port);

	CHECK(connect(fd, (struct sockaddr *)&end.address, end.length) == 0);
}

int bpf_bench_listen(int family, const char *address, uint16_t port)
{
	int fd = bpf_bench_socket(family, SOCK_STREAM);

	bpf_bench_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	bpf_bench_bind(fd, family, address, port);
	CHECK(listen(fd, 512) == 0);
	return fd;
}

int bpf_bench_accept(int fd)
{
	int child = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	CHECK(child >= 0);
	return child;
}

const struct socket_record *bpf_bench_find(const struct snapshot *snapshot, uint64_t cookie)
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
