/*
 * One socket as a collector saw it, and a growing array of them. What a collector cannot see is not in `known`; never
 * take the value of a flag whose bit in `known` is clear. Addresses follow ip_address.h (v4-mapped becomes IPv4, and
 * SOCKET_AF_INET6 tells that the socket is an AF_INET6 one). Ports are in host order.
 */
#ifndef EPH_CORE_SOCKET_TABLE_H
#define EPH_CORE_SOCKET_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "ip_address.h"
#include "port_range.h"

enum socket_protocol {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
};

/* The kernel's numbers (include/net/tcp_states.h); UDP sockets are ESTABLISHED when connected, else CLOSE. */
enum socket_state {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT,
	STATE_SYN_RECV,
	STATE_FIN_WAIT1,
	STATE_FIN_WAIT2,
	STATE_TIME_WAIT,
	STATE_CLOSE,
	STATE_CLOSE_WAIT,
	STATE_LAST_ACK,
	STATE_LISTEN,
	STATE_CLOSING,
	STATE_NEW_SYN_RECV,
	/* TCP, has a port, neither listening nor connected (the kernel's TCP_BOUND_INACTIVE) */
	STATE_BOUND,
	SOCKET_STATES,
};

enum socket_flag {
	SOCKET_AF_INET6 = 1u << 0, /* always known */
	/* a TIME_WAIT mini-socket, also when its substate is FIN_WAIT2; always known */
	SOCKET_MINI = 1u << 1,
	SOCKET_REUSEADDR = 1u << 2,
	SOCKET_REUSEPORT = 1u << 3,
	SOCKET_V6ONLY = 1u << 4,
	SOCKET_EXPLICIT = 1u << 5, /* bind() named the port: SOCK_BINDPORT_LOCK */
	/* connect() chose the port: SOCK_CONNECT_BIND, Linux 6.17 and later */
	SOCKET_CONNECT_BOUND = 1u << 6,
	SOCKET_TIMESTAMPS = 1u << 7,    /* TIME_WAIT: tw_ts_recent_stamp is set */
	SOCKET_ACCEPTED = 1u << 8,      /* came from a listener */
	SOCKET_ADDRESS_BOUND = 1u << 9, /* bind() named the address: SOCK_BINDADDR_LOCK */
	SOCKET_AGE = 1u << 10,          /* only in `known`: age_ms (or ts_age_s) is valid */
	/* `device` is 0 because the collector does not see it; always known */
	SOCKET_DEVICE_HIDDEN = 1u << 11,
};
#define SOCKET_FLAGS ((1u << 12) - 1)

struct socket_record {
	/* the socket's identity across collectors; 0 when the kernel has not given one yet */
	uint64_t cookie;
	struct ip_address local, remote;
	uint8_t protocol; /* enum socket_protocol */
	uint8_t state;    /* enum socket_state */
	uint16_t local_port, remote_port;
	uint16_t flags, known;    /* enum socket_flag */
	struct port_range window; /* IP_LOCAL_PORT_RANGE, {0, 0} when unset or unknown */
	uint32_t device;    /* ifindex of SO_BINDTODEVICE or of a link-local scope, 0 if none */
	uint32_t l3_master; /* ifindex of the VRF the bind bucket belongs to, 0 if none */
	uint32_t uid;
	uint32_t inode;  /* 0: no file (TIME_WAIT, orphan, not yet accepted) */
	uint32_t age_ms; /* TIME_WAIT: since it was entered (tw_entry_stamp), with SOCKET_AGE */
	/* TIME_WAIT on kernels without tw_entry_stamp: whole seconds since tw_ts_recent_stamp */
	uint32_t ts_age_s;
	uint32_t expires_ms; /* TIME_WAIT: until it ends */
	uint64_t cgroup;     /* cgroup v2 id, 0 when unknown */
	/* UDP: the place among those of one port and address, from 1, as bind() walks them; 0 when unknown */
	uint32_t rank;
};

struct socket_table {
	struct socket_record *record;
	size_t count, capacity;
};

/* Append a copy. Return: 0 or -ENOMEM. */
int socket_table_add(struct socket_table *table, const struct socket_record *record);
void socket_table_done(struct socket_table *table);

/* "established", "time-wait", ...: lower case, as ss(8) writes them. */
const char *socket_state_name(uint8_t state);

/* May a wildcard socket of @family meet this one on its port (kernel: ipv4/ipv6_rcv_saddr_equal with both wildcards
 * matching)? 1 yes, 0 no, -1 not known, because V6ONLY of the record is not. */
int socket_meets_any(const struct socket_record *record, enum ip_family family);

#endif
