#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "socket_window.h"
#include "strbuf.h"
#include "text_sysctl.h"

/* The kernel gives a list to the first read() only: there must be room for all of it. 65 536 ports are shorter. */
#define SYSCTL_BYTES (512u << 10)

static int read_sysctl(const char *path, char *bytes, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, SYSCTL_BYTES);

	if (n < 0)
		return error_set(reterr, -errno, "range", "%s: %s", path, strerror(errno));
	return (int)n;
}

static int read_host(struct eph_pool *pool, struct port_set *ret_reserved, struct eph_error *reterr)
{
	CLEANUP(freep) char *bytes = malloc(SYSCTL_BYTES);
	int n;

	if (!bytes)
		return error_set(reterr, -ENOMEM, "range", "out of memory");
	n = read_sysctl("/proc/sys/net/ipv4/ip_local_port_range", bytes, reterr);
	if (n < 0)
		return n;
	if (text_sysctl_range(bytes, (size_t)n, &pool->host_range) < 0)
		return error_set(reterr, -EINVAL, "range",
				 "/proc/sys/net/ipv4/ip_local_port_range: two ports were expected");
	/* Where it cannot be read, ports in TIME_WAIT are thought taken until the kernel says otherwise. */
	n = read_sysctl("/proc/sys/net/ipv4/tcp_tw_reuse", bytes, NULL);
	if (n > 0)
		(void)text_sysctl_number(bytes, (size_t)n, 2, &pool->tcp_tw_reuse);
	/* Kernels before 6.14 have no such setting; they compare whole seconds. */
	pool->tw_reuse_delay_ms = 1000;
	n = read_sysctl("/proc/sys/net/ipv4/tcp_tw_reuse_delay", bytes, NULL);
	if (n > 0)
		(void)text_sysctl_number(bytes, (size_t)n, 60000, &pool->tw_reuse_delay_ms);
	n = read_sysctl("/proc/sys/net/ipv4/ip_local_reserved_ports", bytes, reterr);
	return n < 0 ? n : port_set_parse(bytes, (size_t)n, ret_reserved, reterr);
}

static int choose_range(struct eph_pool *pool, const char *wanted, struct eph_error *reterr)
{
	struct port_set reserved;
	int r = read_host(pool, &reserved, reterr);

	if (r < 0)
		return r;
	pool->range = pool->host_range;
	if (wanted) {
		r = port_range_parse(wanted, &pool->range, reterr);
		if (r < 0)
			return r;
		pool->range_given = true;
	}
	port_set_add_range(&pool->usable, pool->range);
	port_set_remove_set(&pool->usable, &reserved);
	if (port_set_count(&pool->usable) == 0)
		return error_set(reterr, -EINVAL, "range",
				 "%u-%u: all its ports are in net.ipv4.ip_local_reserved_ports",
				 pool->range.lo, pool->range.hi);
	return 0;
}

static int tcp_socket(int *ret_domain, struct eph_error *reterr)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret_domain = AF_INET;
	if (fd < 0 && errno == EAFNOSUPPORT) {
		*ret_domain = AF_INET6;
		fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
	if (fd < 0)
		return error_set(reterr, -errno, "socket", "a TCP socket cannot be made: %s",
				 strerror(errno));
	return fd;
}

/* Does the kernel know windows, and can they be in this range? One outside the host's is ignored in silence, and its ports are
 * bound. */
static int probe_windows(struct eph_pool *pool, struct eph_error *reterr)
{
	int domain, first = port_set_next(&pool->usable, 0);
	CLEANUP(fd_closep) int fd = tcp_socket(&domain, reterr);
	struct ip_address any = {.family = domain == AF_INET ? IP_V4 : IP_V6};
	int r;

	if (fd < 0)
		return fd;
	r = socket_set_window(fd, pool->range);
	if (r == -EPERM || r == -EACCES)
		return error_set(
			reterr, -EPERM, "window",
			"setsockopt(IP_LOCAL_PORT_RANGE) is forbidden here (a seccomp filter?)");
	pool->windows = r == 0 && port_range_has(pool->host_range, pool->range.lo) &&
			port_range_has(pool->host_range, pool->range.hi);
	if (!pool->windows && socket_bind(fd, domain, &any, (uint16_t)first, 0) == -EACCES)
		return error_set(reterr, -EACCES, "range",
				 "%u-%u: to bind port %d takes CAP_NET_BIND_SERVICE",
				 pool->range.lo, pool->range.hi, first);
	return 0;
}

static void describe(struct eph_pool *pool)
{
	struct strbuf text = STRBUF_INIT;

	sources_describe(&pool->sources, &text);
	strbuf_printf(&text, "%sports %u-%u, %s", text.length ? ", " : "", pool->range.lo,
		      pool->range.hi,
		      pool_leaves_search(pool) ? "searched by the kernel"
		      : pool->windows          ? "flat by IP_LOCAL_PORT_RANGE"
		      : port_range_has(pool->host_range, pool->range.lo) &&
				      port_range_has(pool->host_range, pool->range.hi)
			      ? "bound one by one, because this kernel has no IP_LOCAL_PORT_RANGE"
			      : "bound one by one, because they leave the range of the host");
	snprintf(pool->description, sizeof(pool->description), "%s", text.text);
	strbuf_done(&text);
}

static int set_up(struct eph_pool *pool, const struct eph_pool_options *options,
		  struct eph_error *reterr)
{
	int r;

	pool->search = options->search;
	pool->time_wait = options->time_wait;
	r = choose_range(pool, options->range, reterr);
	if (!r)
		r = probe_windows(pool, reterr);
	if (!r)
		r = sources_read(options->from, options->from_count, &pool->sources, reterr);
	if (r)
		return r;
	r = known_ports_map(options->memory_fd > 0 ? options->memory_fd : -1, &pool->known);
	if (r < 0)
		return error_set(reterr, r, "memory",
				 "memory_fd %d: shared memory of %zu bytes was expected",
				 options->memory_fd, sizeof(*pool->known));
	pool->owned = owned_ports_new();
	if (!pool->owned)
		return error_set(reterr, -ENOMEM, "memory", "out of memory");
	describe(pool);
	return 0;
}

int eph_pool_new(const struct eph_pool_options *options, struct eph_pool **ret,
		 struct eph_error *reterr)
{
	struct eph_pool_options known = {.memory_fd = -1};
	struct eph_pool *pool;
	int r;

	if (!options || options->sz < offsetof(struct eph_pool_options, memory_fd) ||
	    options->search > EPH_SEARCH_KERNEL || options->time_wait > EPH_TIME_WAIT_REUSE)
		return error_set(reterr, -EINVAL, "options",
				 "eph_pool_options: sz must be its size, and search and time_wait "
				 "of their enums");
	memcpy(&known, options, options->sz < sizeof(known) ? options->sz : sizeof(known));
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return error_set(reterr, -ENOMEM, "memory", "out of memory");
	r = set_up(pool, &known, reterr);
	if (r < 0)
		eph_pool_free(pool);
	else
		*ret = pool;
	return r;
}

struct eph_pool *eph_pool_free(struct eph_pool *pool)
{
	if (pool) {
		known_ports_unmap(pool->known);
		owned_ports_free(pool->owned);
		sources_done(&pool->sources);
		free(pool);
	}
	return NULL;
}

size_t eph_pool_memory_bytes(void)
{
	return sizeof(struct known_ports);
}

const char *eph_pool_describe(const struct eph_pool *pool)
{
	return pool->description;
}

void eph_pool_count(const struct eph_pool *pool, struct eph_pool_counts *ret)
{
	const struct known_counts *counts = &pool->known->counts;
	struct eph_pool_counts now = {
		.sz = ret->sz,
		.connections = atomic_load(&counts->connections),
		.windows = atomic_load(&counts->windows),
		.refused = atomic_load(&counts->refused),
		.failed = atomic_load(&counts->failed),
		.binds = atomic_load(&counts->binds),
		.passed = atomic_load(&counts->passed),
	};

	memcpy(ret, &now, ret->sz < sizeof(now) ? ret->sz : sizeof(now));
}
