/*
 * libephemports: connections that cost the same up to the last port, and the laws of ephemeral ports for programs.
 *
 *	struct eph_pool_options options = { .sz = sizeof options };
 *	struct eph_pool *pool;
 *	struct eph_error error;
 *
 *	if (eph_pool_new(&options, &pool, &error) < 0)
 *		errx(1, "%s", error.message);
 *	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
 *	if (eph_connect(pool, fd, (struct sockaddr *)&server, sizeof server) < 0)
 *		err(1, "connect");
 *	...
 *	eph_release(pool, fd);
 *	close(fd);
 *	eph_pool_free(pool);
 *
 * Why it is flat: Linux searches the ephemeral range at each connect(), and walks a full half of it before it looks at the
 * other half (__inet_hash_connect). A pool remembers, per source and destination, which ports are taken, and gives each
 * socket a window of ports that are not (IP_LOCAL_PORT_RANGE, Linux 6.3). What is remembered is only a hint: the kernel
 * judges every attempt, and a refusal rests on its word (see eph_connect). docs/flat.md has the measured curve.
 *
 * Threads: every function may be called by several threads with the same pool, eph_pool_free() excepted. A pool survives
 * fork() (parent and child then share what they know) and not exec(). Global state: a buffer of random bytes per thread.
 *
 * Addresses and ports in struct sockaddr are in network order as everywhere; ports in these structures are in host order.
 */
#ifndef EPHEMPORTS_H
#define EPHEMPORTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPH_API __attribute__((visibility("default")))

struct eph_pool;

/* What went wrong, in one line without a newline: what, where, and what was expected. Written only on failure. */
#ifndef EPH_ERROR_MESSAGE_BYTES
#define EPH_ERROR_MESSAGE_BYTES 320
struct eph_error {
	int code;      /* negative errno, as returned */
	long offset;   /* byte of the input, -1 where that means nothing */
	char step[24]; /* what was attempted: "range", "from", ... */
	char message[EPH_ERROR_MESSAGE_BYTES];
};
#endif

enum eph_search {
	EPH_SEARCH_FLAT, /* remember what is taken; the default */
	/* Only sources and range are ours, the kernel looks for the port. Where it cannot look in the range (outside the
	 * host's, or no IP_LOCAL_PORT_RANGE) ports are bound one by one. */
	EPH_SEARCH_KERNEL,
};

enum eph_time_wait {
	EPH_TIME_WAIT_KERNEL, /* a port in TIME_WAIT is used again when net.ipv4.tcp_tw_reuse allows it; the default */
	/* When no other port is left: bind() the port first. The kernel then lets a TIME_WAIT towards the same destination give
	 * way if it had TCP timestamps, whatever tcp_tw_reuse says (tcp_twsk_unique); if not, connect() says EADDRNOTAVAIL and
	 * the socket keeps that port. Such a port is closed to connect() calls of others until the socket is closed. TCP sockets
	 * of such a pool carry SO_REUSEADDR, without which their own TIME_WAIT could not be had again. */
	EPH_TIME_WAIT_REUSE,
};

struct eph_pool_options {
	size_t sz; /* sizeof(struct eph_pool_options), so that it can grow */

	/* Source addresses, each "10.0.0.5", "2001:db8::1", a prefix "127.0.0.0/28" of which every address is used, or
	 * "dev:eth0", the addresses an interface has now. NULL or none: as the routing table says.
	 * Towards an IPv4 destination only IPv4 sources are used; if there is none of its family, the routing table decides. */
	const char *const *from;
	size_t from_count;

	/* "LOW-HIGH", NULL for the range of the host. Where it leaves the range of the host, ports are bound one by one, because
	 * the kernel ignores such a window in silence. */
	const char *range;

	enum eph_search search;
	enum eph_time_wait time_wait;

	/* Where several processes share what they know: a descriptor of at least eph_pool_memory_bytes() bytes that can be mapped
	 * (memfd_create). It is not kept. -1 or 0: memory of this process and the children it forks. Whoever may write there can
	 * make connections slower, and have them refused for want of ports while there are some. */
	int memory_fd;
};

/**
 * eph_pool_new() - make a pool
 * @options: copied
 * @ret:     the pool; eph_pool_free() frees it. Untouched on failure
 * @reterr:  the reason in words, or NULL
 *
 * Reads /proc/sys/net/ipv4/ip_local_port_range and ip_local_reserved_ports of the calling thread's network namespace, and
 * tries on a socket whether the kernel has IP_LOCAL_PORT_RANGE.
 *
 * Return: 0; -EINVAL when an option is not understood, too few ports are left, or reserved ports cover the range;
 *         -EADDRNOTAVAIL when a source is not an address of this host; -ENODEV no such interface; -ENOMEM; -EPERM when a
 *         filter (seccomp) forbids IP_LOCAL_PORT_RANGE; -EACCES when ports must be bound that take a privilege.
 */
EPH_API int eph_pool_new(const struct eph_pool_options *options, struct eph_pool **ret,
			 struct eph_error *reterr);

/* NULL is fine. Sockets live on. Returns NULL. */
EPH_API struct eph_pool *eph_pool_free(struct eph_pool *pool);

/* Bytes that memory_fd must have. */
EPH_API size_t eph_pool_memory_bytes(void);

/**
 * eph_connect() - connect(2) from a port, and address, of the pool
 * @fd: a TCP or UDP socket, IPv4 or IPv6, blocking or not. A socket with a port of its own, one bound to an address with
 *      IP_BIND_ADDRESS_NO_PORT, and one with IP_LOCAL_PORT_RANGE set by the program keep their choice. Other kinds of
 *      sockets and addresses go to connect(2) as they are
 *
 * TCP: a refusal for want of ports means that the kernel was asked for each port within the last EPH_REFUSAL_AGE_MS
 * milliseconds for each source. Where ports are bound one by one, and for UDP, asking takes 5 to 20 us a port, and answers may
 * be twenty times as old as it takes to ask for all.
 *
 * Where ports are bound one by one the socket carries SO_REUSEADDR from then on, so that sockets
 * of the pool share ports towards different destinations; connect() calls of others do not get such a port.
 *
 * UDP: a port of its own while there is one; then one that is shared with sockets of the pool towards other destinations. No
 * two of them have the same 4-tuple. Sockets carry SO_REUSEPORT from then on: those of other users cannot join.
 *
 * Return: as connect(2), errno as connect(2): EADDRNOTAVAIL (UDP: EAGAIN) when all sources are exhausted.
 */
EPH_API int eph_connect(struct eph_pool *pool, int fd, const struct sockaddr *address,
			socklen_t length);
#define EPH_REFUSAL_AGE_MS 10

/* Say that @fd is about to be closed, so that its port is tried again soon. Without it the port is found again too, later.
 * A descriptor that the pool does not know is ignored. errno is preserved. */
EPH_API void eph_release(struct eph_pool *pool, int fd);

/**
 * eph_bind() - bind @fd to a free port of the pool's range, to listen (a passive FTP data port) or to send from
 * @address: the local address with port 0; a port other than 0 goes to bind(2) as it is
 *
 * The port is the socket's alone, as with bind(2) and port 0, whatever SO_REUSEADDR and SO_REUSEPORT say; they stay as they
 * are. Where the platform keeps a high range (IP_PORTRANGE) it is chosen.
 *
 * Return: as bind(2); EADDRINUSE when every port of the range is taken.
 */
EPH_API int eph_bind(struct eph_pool *pool, int fd, const struct sockaddr *address,
		     socklen_t length);

/* What the pool does and why, in one line: "from 16 addresses, 127.0.0.0 to 127.0.0.15, ports 32768-60999, flat by
 * IP_LOCAL_PORT_RANGE". Lives as long as the pool. */
EPH_API const char *eph_pool_describe(const struct eph_pool *pool);

/* What the pool did since it was made, in all processes that share its memory. */
struct eph_pool_counts {
	size_t sz;
	uint64_t connections; /* that got a port */
	uint64_t windows; /* attempts made for them and for refusals: 1.0 a connection is ideal */
	uint64_t refused; /* for want of ports */
	uint64_t failed;  /* for any other reason: refused by the peer, no route, ... */
	uint64_t binds;
	uint64_t passed; /* sockets left to connect(2) as they were */
};
EPH_API void eph_pool_count(const struct eph_pool *pool, struct eph_pool_counts *ret);

/*
 * The laws, as `ephemports capacity` and `ephemports why bind` apply them: what the kernel would say, without trying.
 */
struct eph_capacity {
	size_t sz;            /* set by the caller */
	uint32_t range_ports; /* ports the kernel may choose from; the next five add up to it */
	uint32_t reserved;    /* ip_local_reserved_ports */
	uint32_t blocked;     /* bind bucket closed: no connect() can have them */
	uint32_t in_use;      /* the 4-tuple exists */
	uint32_t time_wait;   /* the 4-tuple is in TIME_WAIT and may not be replaced now */
	uint32_t left_max;    /* free */
	uint32_t left;        /* connect() calls that are certain to succeed; left_max when exact */
	int exact;            /* 1: left equals left_max */
	char collector[16];   /* who looked: "bpf", "netlink", "procfs" */
};

/**
 * eph_capacity() - how many more connect() calls to @destination succeed
 * @from:     the source, port ignored; NULL: as the routing table says
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 *
 * Looks at the kernel's tables: milliseconds, not microseconds. Return: 0 or a negative errno with @reterr.
 */
EPH_API int eph_capacity(const struct sockaddr *destination, const struct sockaddr *from,
			 int protocol, struct eph_capacity *ret, struct eph_error *reterr);

enum eph_bind_flags {
	EPH_BIND_REUSEADDR = 1u << 0,
	EPH_BIND_REUSEPORT = 1u << 1,
	EPH_BIND_V6ONLY = 1u << 2,
	EPH_BIND_NO_LISTEN = 1u << 3, /* judge bind() alone; else bind() and listen() (TCP) */
};

struct eph_bind_answer {
	size_t sz;        /* set by the caller */
	int error;        /* 0: free; else the errno that bind() or listen() gives */
	int exact;        /* 1: the kernel says this; 0: something could not be seen from outside */
	uint32_t holders; /* sockets that are the reason */
	uint32_t seconds_left; /* longest TIME_WAIT among them, 0 if none */
	char collector[16];
};

/**
 * eph_bind_verdict() - what bind(2) to @address would say to a new socket of the calling process
 * Return: 0 or a negative errno with @reterr.
 */
EPH_API int eph_bind_verdict(const struct sockaddr *address, int protocol, unsigned flags,
			     struct eph_bind_answer *ret, struct eph_error *reterr);

#ifdef __cplusplus
}
#endif

#endif
