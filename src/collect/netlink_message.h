/*
 * The messages of the kernel's sock_diag interface: requests as bytes, and replies as socket records. Pure: no socket
 * is touched, so replies can be fuzzed.
 *
 * Source: Linux net/ipv4/inet_diag.c, net/ipv4/udp_diag.c, include/uapi/linux/inet_diag.h.
 */
#ifndef EPH_COLLECT_NETLINK_MESSAGE_H
#define EPH_COLLECT_NETLINK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "socket_table.h"

/* Bits of netlink_query.states: (1u << enum socket_state). STATE_BOUND asks for bound sockets that are neither listening
 * nor connected; kernels before 6.8 ignore the bit. */
#define NETLINK_STATE(state) (1u << (state))
#define NETLINK_STATES_HELD  (NETLINK_STATE(STATE_LISTEN) | NETLINK_STATE(STATE_BOUND))
#define NETLINK_STATES_ALL   ((1u << SOCKET_STATES) - 2)

enum netlink_lock {
	NETLINK_LOCK_ANY,
	NETLINK_LOCK_EXPLICIT, /* only sockets whose port was named by bind() */
	NETLINK_LOCK_AUTO,     /* only the others; TIME_WAIT and request sockets always match */
};

struct netlink_query {
	/* AF_INET, AF_INET6, or AF_UNSPEC for both in one walk over the kernel's table: TCP only, by the older form of the
	 * request, which the kernel keeps for old programs. */
	int family;
	uint8_t protocol;
	uint32_t states;
	enum netlink_lock lock;
	/* only this remote end, where set; a v4 one also matches v4-mapped sockets */
	struct ip_address remote;
	uint16_t remote_port; /* only this one; 0: any */
	uint16_t local_port;  /* likewise */
};

#define NETLINK_REQUEST_BYTES 256

/* Write the request for a dump to @buffer, aligned as a struct nlmsghdr. Return: its length. */
size_t netlink_request(const struct netlink_query *query, uint32_t sequence,
		       char buffer[NETLINK_REQUEST_BYTES]);

/* Takes one socket. Return: 0 to go on, negative errno to stop. */
typedef int (*netlink_row)(void *context, const struct socket_record *record);

/**
 * netlink_rows() - hand every socket in a received datagram to @row
 * @bytes:           aligned as a struct nlmsghdr
 * @query:           what was asked
 * @sequence:        of the request; messages that answer another one are skipped
 * @ret_interrupted: set (never cleared) when the kernel says that the dump is not consistent
 *
 * Return: 1 when the dump is at its end, 0 when more datagrams follow; the kernel's negative errno; -EBADMSG when the
 * bytes are no netlink messages; what @row returned.
 */
int netlink_rows(const void *bytes, size_t length, const struct netlink_query *query,
		 uint32_t sequence, bool *ret_interrupted, netlink_row row, void *context);

#endif
