/*
 * One socket, seen through its address: namespace, addresses as the model has them, who owns it, how old it is.
 */
#ifndef EPH_BPF_SOCK_H
#define EPH_BPF_SOCK_H

/* What is known of a socket stays in the lane's memory, of whose contents the verifier assumes nothing. In registers and on
 * the stack it would follow every combination of values, which takes longer than reading a million sockets. */
#define FORGET() asm volatile("" ::: "memory")

#define COMMON(c_type, socket, field) FIELD(c_type, socket, sock_common, field)

static __always_inline bool port_in(const __u64 *set, __u16 port)
{
	return (set[(port >> 6) & (TABLE_PORT_WORDS - 1)] >> (port & 63)) & 1;
}

static __always_inline void port_set(__u64 *set, __u16 port)
{
	set[(port >> 6) & (TABLE_PORT_WORDS - 1)] |= 1ull << (port & 63);
}

/* The index of a namespace of this walk, or -1. */
static __always_inline int net_index(const struct table_nets *nets, __u64 net)
{
	__u32 slot = (__u32)((net >> 6) * 0x9e3779b97f4a7c15ull >> 57);

	for (__u32 i = 0; i < TABLE_NETNS_TRIES; i++) {
		slot &= TABLE_NETNS_SLOTS - 1;
		if (nets->net[slot] == net)
			return (int)nets->index[slot];
		if (!nets->net[slot])
			return -1;
		slot++;
	}
	return -1;
}

static __always_inline int walker_net(struct walker *w, __u64 net)
{
	int index;

	if (net == w->at->last_net)
		return (int)w->at->last_index;
	index = net_index(w->nets, net);
	if (index >= 0) {
		w->at->last_net = net;
		w->at->last_index = (__u32)index;
	}
	return index;
}

/* Sixteen bytes at @from as the model has them: ::ffff:a.b.c.d is IPv4. Returns 4 or 6. */
static __always_inline __u8 address_v6(__u64 from, __u64 to[2])
{
	__u64 high = READ(__u64, from), low = READ(__u64, from + 8);

	if (!high && (__u32)low == bpf_htonl(0xffff)) {
		to[0] = low >> 32;
		to[1] = 0;
		return 4;
	}
	to[0] = high;
	to[1] = low;
	return 6;
}

static __always_inline __u8 address_local(__u64 socket, __u16 family, __u64 to[2])
{
	if (family == AF_INET6)
		return address_v6(socket + OFFSET(sock_common, skc_v6_rcv_saddr), to);
	to[0] = COMMON(__u32, socket, skc_rcv_saddr);
	to[1] = 0;
	return 4;
}

static __always_inline __u8 address_remote(__u64 socket, __u16 family, __u64 to[2])
{
	if (family == AF_INET6)
		return address_v6(socket + OFFSET(sock_common, skc_v6_daddr), to);
	to[0] = COMMON(__u32, socket, skc_daddr);
	to[1] = 0;
	return 4;
}

/* The number of the socket file; 0 for a socket without. */
static __always_inline __u32 socket_inode(__u64 socket)
{
	__u64 file;

	if (HAS(sock, sk_ino))
		return (__u32)FIELD(__u64, socket, sock, sk_ino);
	file = FIELD(__u64, socket, sock, sk_socket);
	if (!file)
		return 0;
	return (__u32)READ(__u64, file + OFFSET(socket_alloc, vfs_inode) + OFFSET(inode, i_ino));
}

static __always_inline __u64 socket_cgroup(__u64 socket)
{
	__u64 cgroup, node;

	if (!HAS(sock, sk_cgrp_data))
		return 0;
	cgroup = FIELD(__u64, socket, sock, sk_cgrp_data);
	if (!cgroup || (cgroup & 1))
		return 0;
	node = FIELD(__u64, cgroup, cgroup, kn);
	return node ? FIELD(__u64, node, kernfs_node, id) : 0;
}

#define SOCK_BINDPORT_LOCK 8
#define SOCK_CONNECT_BIND  16

/* Did a full socket come from a listener? 1, 0, or -1 when it cannot be told. A child inherits the listener's backlog,
 * and never the lock on the port; only listen(fd, 0) leaves no trace. */
static __always_inline int socket_accepted(__u32 userlocks, __u32 max_ack_backlog)
{
	if (userlocks & (SOCK_BINDPORT_LOCK | SOCK_CONNECT_BIND))
		return 0;
	return max_ack_backlog ? 1 : -1;
}

/* TIME_WAIT: since when, and may it give way at all? */
struct time_wait_age {
	bool timestamps, fin_wait2;
	__u32 age_ms, ts_age_s;
};

static __always_inline void time_wait_read(struct walker *w, __u64 socket,
					   struct time_wait_age *ret)
{
	__u32 stamp = FIELD(__u32, socket, tcp_timewait_sock, tw_ts_recent_stamp);
	__s32 age;

	ret->timestamps = stamp != 0;
	ret->fin_wait2 = FIELD(__u8, socket, inet_timewait_sock, tw_substate) != TCP_TIME_WAIT;
	ret->ts_age_s = (__u32)w->now_s > stamp ? (__u32)w->now_s - stamp : 0;
	ret->age_ms = 0;
	if (HAS(inet_timewait_sock, tw_entry_stamp)) {
		age = (__s32)((__u32)w->now_ms -
			      FIELD(__u32, socket, inet_timewait_sock, tw_entry_stamp));
		ret->age_ms = age > 0 ? (__u32)age : 0;
	}
}

static __always_inline bool time_wait_connect_bind(__u64 socket)
{
	if (!HAS(inet_timewait_sock, tw_connect_bind))
		return false;
	return BPF_CORE_READ_BITFIELD_PROBED((struct inet_timewait_sock *)socket, tw_connect_bind);
}

#endif
