/*
 * The kernel's types as far as they are read, and how they are read. Only the named fields matter: libbpf finds their real
 * offsets in the running kernel's type information. Fewer types load faster, each costs a search through all of them.
 *
 * Built twice. Direct: an address is cast by the bpf_rdonly_cast kfunc (6.2 and later) and loaded like memory, a fault
 * reads as 0. Probe: every load is a call of bpf_probe_read_kernel, as on 6.1.
 */
#ifndef EPH_BPF_KERNEL_H
#define EPH_BPF_KERNEL_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
#define true 1
#define false 0

enum bpf_map_type {
	BPF_MAP_TYPE_ARRAY = 2,
};
enum {
	BPF_F_MMAPABLE = 1u << 10,
};

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "table.h"

#define AF_INET          2
#define AF_INET6         10
#define TCP_TIME_WAIT    6
#define TCP_CLOSE        7
#define TCP_LISTEN       10
#define TCP_NEW_SYN_RECV 12

#define KERNEL_TYPE __attribute__((preserve_access_index))

/* A member that is a struct itself matches any struct of that name: only its place is wanted. */
struct somewhere {
	__u64 word;
};

/* The number of struct rb_node in the kernel's own type information: it begins with an unsigned long in every kernel, and is
 * the type under which READ() loads from any address. Put there by collect/bpf_types.c. */
enum ephemports_word {
	EPHEMPORTS_WORD = 1,
};
#define WORD_TYPE ((__u32)bpf_core_enum_value(enum ephemports_word, EPHEMPORTS_WORD))

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	unsigned int skc_hash;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuse : 4;
	unsigned char skc_reuseport : 1;
	unsigned char skc_ipv6only : 1;
	int skc_bound_dev_if;
	struct somewhere skc_bind_node;
	struct somewhere skc_portaddr_node;
	struct proto *skc_prot;
	struct somewhere skc_net;
	struct somewhere skc_v6_daddr;
	struct somewhere skc_v6_rcv_saddr;
	struct somewhere skc_cookie;
	struct somewhere skc_nulls_node;
} KERNEL_TYPE;

struct sock {
	struct sock_common __sk_common;
	__u8 sk_userlocks;
	struct socket *sk_socket;
	struct somewhere sk_uid;
	__u32 sk_max_ack_backlog;
	unsigned long sk_ino;
	struct somewhere sk_cgrp_data;
} KERNEL_TYPE;

/* Before 6.18 the number of the socket file is not in struct sock but in the inode beside struct socket. */
struct inode {
	unsigned long i_ino;
} KERNEL_TYPE;

struct socket_alloc {
	struct somewhere vfs_inode;
} KERNEL_TYPE;

struct kernfs_node {
	__u64 id;
} KERNEL_TYPE;

struct cgroup {
	struct kernfs_node *kn;
} KERNEL_TYPE;

struct inet_sock {
	__u32 local_port_range;
} KERNEL_TYPE;

/* Linux 6.3 to 6.7. */
struct inet_sock___halves {
	struct somewhere local_port_range;
} KERNEL_TYPE;

struct timer_list {
	unsigned long expires;
} KERNEL_TYPE;

struct inet_timewait_sock {
	volatile unsigned char tw_substate;
	unsigned int tw_connect_bind : 1;
	__u32 tw_entry_stamp;
	struct somewhere tw_timer;
} KERNEL_TYPE;

struct tcp_timewait_sock {
	int tw_ts_recent_stamp;
} KERNEL_TYPE;

struct inet_bind_bucket {
	struct somewhere ib_net;
	int l3mdev;
	unsigned short port;
	signed char fastreuse;
	signed char fastreuseport;
	struct somewhere fastuid;
	struct somewhere fast_v6_rcv_saddr;
	__be32 fast_rcv_saddr;
	unsigned short fast_sk_family;
	bool fast_ipv6_only;
	struct somewhere node;
	/* 6.8 and later: struct inet_bind2_bucket, these have the owners */
	struct somewhere bhash2;
	struct somewhere owners; /* before */
} KERNEL_TYPE;

struct inet_bind2_bucket {
	unsigned short family; /* 6.1 to 6.8: of the socket that made it */
	struct somewhere bhash_node;
	struct somewhere owners;
} KERNEL_TYPE;

struct inet_connection_sock {
	struct inet_bind2_bucket *icsk_bind2_hash;
} KERNEL_TYPE;

struct inet_hashinfo {
	void *ehash;
	void *bhash;
	void *lhash2;
	unsigned int ehash_mask, bhash_size, lhash2_mask;
} KERNEL_TYPE;

struct inet_bind_hashbucket {
	struct somewhere chain;
} KERNEL_TYPE;

struct inet_listen_hashbucket {
	struct somewhere nulls_head;
} KERNEL_TYPE;

struct task_struct {
	struct nsproxy *nsproxy;
	struct files_struct *files;
	struct task_struct *group_leader;
	struct somewhere tasks; /* struct list_head: next, then previous */
	int tgid;
} KERNEL_TYPE;

struct nsproxy {
	struct net *net_ns;
} KERNEL_TYPE;

struct files_struct {
	struct fdtable *fdt;
} KERNEL_TYPE;

struct fdtable {
	void *fd;
	unsigned int max_fds;
} KERNEL_TYPE;

struct file {
	void *private_data;
} KERNEL_TYPE;

struct socket {
	struct sock *sk;
	struct file *file;
} KERNEL_TYPE;

union proto_tables {
	struct udp_table *udp_table;
};

struct proto {
	union proto_tables h;
} KERNEL_TYPE;

struct ns_common {
	unsigned int inum;
} KERNEL_TYPE;

struct inet_timewait_death_row {
	struct inet_hashinfo *hashinfo;
} KERNEL_TYPE;

struct netns_ipv4 {
	struct inet_timewait_death_row tcp_death_row;
	struct udp_table *udp_table;
} KERNEL_TYPE;

struct net {
	struct ns_common ns;
	__u32 hash_mix;
	struct netns_ipv4 ipv4;
} KERNEL_TYPE;

struct udp_table {
	void *hash;
	unsigned int mask;
} KERNEL_TYPE;

struct udp_hslot {
	struct somewhere head;
	int count;
} KERNEL_TYPE;

#define OFFSET(type, field) bpf_core_field_offset(struct type, field)
#define HAS(type, field)    bpf_core_field_exists(struct type, field)

#if TABLE_DIRECT
/* Functions of the kernel; collect/bpf_kernel.c puts in their real numbers, in the order of enum bpf_function. */
static void *(*bpf_rdonly_cast)(void *object, __u32 type_id) = (void *)(TABLE_FUNCTION + 0);
static void (*bpf_rcu_read_lock)(void) = (void *)(TABLE_FUNCTION + 1);
static void (*bpf_rcu_read_unlock)(void) = (void *)(TABLE_FUNCTION + 2);
#define READ(c_type, address) (*(const c_type *)bpf_rdonly_cast((void *)(address), WORD_TYPE))
#else
#define bpf_rcu_read_lock()
#define bpf_rcu_read_unlock()
#define READ(c_type, address)                                                                      \
	({                                                                                         \
		c_type value_ = 0;                                                                 \
		bpf_probe_read_kernel(&value_, sizeof(value_), (void *)(address));                 \
		value_;                                                                            \
	})
#endif

/* sk_userlocks: a byte of its own on 6.18, the upper half of one on 6.1. */
#define USERLOCKS(socket)                                                                          \
	((__u32)((__u64)FIELD(__u8, socket, sock, sk_userlocks)                                    \
			 << __CORE_RELO((struct sock *)0, sk_userlocks, LSHIFT_U64) >>             \
		 __CORE_RELO((struct sock *)0, sk_userlocks, RSHIFT_U64)))

/* The field at @address + its offset, as a number of the given C type. */
#define FIELD(c_type, address, type, field) READ(c_type, (address) + OFFSET(type, field))

#endif
