/*
 * What the programs in table.bpf.c and collect/bpf_*.c say to each other. Included by both sides, so: fixed-width types
 * only, no pointers, natural alignment without holes.
 *
 * Kernel addresses go through user space as numbers. They are only ever handed back to the programs, which read them with
 * fault handling, and only while the network namespace they came from is held open.
 */
#ifndef EPH_BPF_TABLE_H
#define EPH_BPF_TABLE_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define TABLE_NETNS_MAX   64u    /* namespaces a walk serves; more are served by more walks */
#define TABLE_NETNS_SLOTS 128u   /* of the hash from namespace to its index */
#define TABLE_NETNS_TRIES 8u     /* slots in which a namespace is looked for, and so may be put */
#define TABLE_LANES_MAX   8u     /* threads that walk at the same time */
#define TABLE_CURSORS     8u     /* chains that one thread follows at the same time */
#define TABLE_LIST        4096u  /* sockets one cursor can hold */
#define TABLE_BUDGET      64u    /* a cursor with so many sockets takes no new chain */
#define TABLE_GROUPS      16384u /* groups a thread can count */
#define TABLE_RECORDS     4096u  /* records of one answer */
#define TABLE_PORT_WORDS  1024u
#define TABLE_FUNCTION                                                                             \
	0x45500000u /* made-up number of the first function of the kernel that is called */
#define TABLE_STATES      13u
#define TABLE_FILES       512u  /* slots of the hash of files whose holders are looked for */
#define TABLE_FILES_TRIES 4u    /* slots in which a file is looked for, and so may be put */
#define TABLE_HOLDERS     4096u /* of one answer */

/* The calling thread's network namespace, and which fields this kernel has. */
struct table_info {
	__u64 net;
	__u64 hashinfo;
	__u64 ehash, bhash, lhash2, udp_hash; /* first bucket of each table */
	__u64 jiffies, now_ns;
	__u32 ehash_mask, bhash_size, lhash2_mask, udp_mask;
	__u32 inode;
	__u32 hash_mix;
	__u32 udp_socket; /* in: descriptor of a UDP socket of the caller */
	__u32 laws;       /* enum table_law */
};

enum table_law {
	TABLE_BUCKET_REOPENS = 1u << 0,
	TABLE_ENTRY_STAMP = 1u << 1,
	TABLE_WINDOW = 1u << 2,
	TABLE_MAPPED_SEES_ANY = 1u << 3,
};

enum table_what {
	TABLE_V4 = 1u << 0,
	TABLE_V6 = 1u << 1,
	TABLE_BY_SOURCE = 1u << 2,
	TABLE_INBOUND = 1u << 3,
	TABLE_REMOTE = 1u << 4,      /* only records with remote[] */
	TABLE_REMOTE_PORT = 1u << 5, /* only records with remote_port */
	TABLE_DRAIN = 1u << 6, /* the last answer was cut short: continue with what was gathered */
	TABLE_CONTINUE = 1u << 7, /* port_records: likewise, continue the walk */
};

/* One run: buckets [first, end) of the table at `heads`; the answer says where to go on. */
struct table_walk {
	__u64 heads;
	__u64 jiffies;
	__u32 mask; /* of the table */
	__u32 first, end;
	__u32 lane;
	__u32 what; /* enum table_what */
	__u32 hz;
	__u64 remote[2];
	__u32 remote_family; /* 4 or 6 */
	__u32 remote_port;
	__u32 cursor, index; /* in: 0, or where to continue draining; out: the latter */
	__u32 next;          /* out: first bucket not yet looked at */
	__u32 records;       /* in: 0; out: how many are in the lane's records */
	__u32 changed;       /* in: 0; out: chains given up */
	__u32 overflow;      /* out: a group did not fit */
	__u32 owners;        /* bind_sets: of a closed port look at so many owners */
	__u32 netns, port;   /* port_records: the one, and the one */
	__u32 zero;
};

/* The bind bucket of the port that was asked about, outside any VRF; of UDP only `chain`. */
struct table_bucket {
	__u32 exists;
	__s8 fastreuse, fastreuseport;
	__u8 fast_family, fast_v6only; /* 4: of an AF_INET socket, 6: of an AF_INET6 one */
	__u64 fast_address[2];
	__u8 fast_address_family; /* 4 or 6 */
	__u8 any_v4_made_by;      /* 4, 6, or 0: struct bind_bucket */
	__u8 zero[2];
	__u32 fast_uid;
	__u32 unlisted; /* owners like one that was listed */
	__u32 chain;    /* UDP: sockets in the hash chain */
};

struct table_netns {
	__u64 net;
	__u32 inode;
	__u16 lo, hi;   /* ephemeral range */
	__u32 delay_ms; /* tcp_tw_reuse_delay */
	__u32 hash_mix;
	__u32 vrf; /* out: saw a bucket of a VRF */
	__u32 zero;
	struct table_bucket bucket;
	__u64 counted[TABLE_PORT_WORDS];
	__u64 held[TABLE_PORT_WORDS]; /* out: has a bucket, open, closed or of a VRF */
	__u64 closed[TABLE_PORT_WORDS];
	__u64 listening[TABLE_PORT_WORDS];
	__u64 bound[TABLE_PORT_WORDS];
	__u64 udp_v4[TABLE_PORT_WORDS];
	__u64 udp_v6[TABLE_PORT_WORDS];
};

/* Where a walk of the bind table is. */
struct table_bind {
	__u64 tb_node, tb2_node, owner_node; /* next to be read, 0: none */
	__u64 net;
	__u32 netns, l3mdev; /* of the tb whose owners are being read */
	__u32 bucket, tries;
	__u32 start;  /* of this bucket in the list */
	__u32 owners; /* still to be looked at */
	__u32 full;
	__u16 port, zero;
};

/* The same for chains of whole sockets. */
struct table_chain {
	__u64 node;
	__u32 stride, head; /* of a bucket, and where its list begins */
	__u32 bucket, start;
	__u32 netns, full;
	__u32 udp, zero;
};

/* Where the walk over one port is: as table_bind; and what the owner before was like. UDP: where the chain of the address
 * of the last record is, too. */
struct table_port {
	__u64 tb_node, tb2_node, owner_node, address_node;
	__u64 like[2];
	__u32 alike; /* owners in a row that were like it */
	__u32 l3mdev, bucket, failed;
};

/* The socket that is being read. */
struct table_seen {
	__u64 socket, where;
	__u32 netns;
	__u32 group; /* index */
	__u16 family, num;
	__u8 state, counted, accepted, zero;
};

/* What changes from step to step of a walk. It is in memory of whose contents the verifier assumes nothing: on the stack it
 * would follow the values through every step, which takes ten times as long. */
struct table_at {
	__u64 last_net;
	__u32 last_index;
	__u32 next; /* bucket */
	__u32 cursor, index;
	__u32 emitted, changed;
};

/* Open addressing from a namespace's address to its index; and what the walks that one thread makes remember. */
struct table_nets {
	__u64 net[TABLE_NETNS_SLOTS];
	__u32 index[TABLE_NETNS_SLOTS];
	struct table_bind bind;
	struct table_chain chain;
	struct table_port port;
	struct table_seen seen;
	struct table_at at;
};

struct table_group {
	__u64 local[2], remote[2]; /* bytes in network order; IPv4 in the first four */
	__u32 ports;               /* local << 16 | remote, host order */
	__u16 netns;
	__u8 local_family, remote_family; /* 4, 6, or 0 */
	__u32 used;
	__u32 tries; /* to find a socket file of the group */
	__u32 sockets[TABLE_STATES];
	__u32 on_counted, tw_aged, tw_aged_loopback;
	__u32 inode, uid;
	__u64 cgroup;
};

struct table_groups {
	struct table_group group[TABLE_GROUPS];
};

enum table_flag {
	TABLE_AF_INET6 = 1u << 0,
	TABLE_MINI = 1u << 1,
	TABLE_REUSEADDR = 1u << 2,
	TABLE_REUSEPORT = 1u << 3,
	TABLE_V6ONLY = 1u << 4,
	TABLE_CONNECT_BIND = 1u << 5, /* of a TIME_WAIT socket */
	TABLE_TIMESTAMPS = 1u << 6,
	TABLE_REQUEST = 1u << 7,
	TABLE_UDP = 1u << 8,
};

struct table_record {
	__u64 cookie, cgroup;
	__u64 file; /* only of the walks over one port: the open file, 0 if none */
	/* only of the walk over one UDP port: the socket, and the next one of that port in the chain of its address */
	__u64 socket, next;
	__u64 local[2], remote[2];
	__u32 netns;
	__u32 flags; /* enum table_flag */
	__u16 local_port, remote_port;
	__u8 local_family, remote_family;
	__u8 state, substate;
	__u32 device, uid, inode;
	__u32 window; /* high << 16 | low */
	__u32 userlocks, max_ack_backlog;
	__u32 age_ms, ts_age_s, expires_ms;
	__u32 l3_master;
};

struct table_records {
	struct table_record record[TABLE_RECORDS];
};

/* A descriptor through which a process holds one of the files. */
struct table_holder {
	__u64 file;
	__u32 pid, descriptor;
};

/* Which files are looked for, where the walk over all processes is, and who holds them. */
struct table_holders {
	__u64 file[TABLE_FILES]; /* open addressing, 0: free */
	__u64 first, task;       /* where the walk began, and the one whose descriptors are read */
	__u64 before;            /* its neighbour in the list of processes */
	__u64 table;             /* its array of open files */
	__u32 next, end;         /* of the array */
	__u32 found;             /* more than TABLE_HOLDERS: the rest is left out */
	__u32 changed;           /* the list of processes moved: begin again */
	struct table_holder holder[TABLE_HOLDERS];
};

struct table_cursor {
	__u64 node; /* next to read; odd: the end of a chain */
	__u64 head; /* what the bucket's head was when the chain was begun */
	__u32 bucket;
	__u32 used, start;
	__u32 tries;
};

struct table_entry {
	__u64 socket;
	__u64 bucket;
};

/* A thread's own: what it follows, what it gathered, what it counted. */
struct table_lane {
	struct table_at at;
	struct table_cursor cursor[TABLE_CURSORS];
	__u64 read[TABLE_NETNS_MAX];
	__u64 time_wait[TABLE_NETNS_MAX];
	__u64 touched;
	struct table_seen seen;
	struct table_group key;
	__u64 overflow;
	struct table_entry list[TABLE_CURSORS][TABLE_LIST];
};

_Static_assert(sizeof(struct table_group) == 128, "shared layout");
_Static_assert(sizeof(struct table_record) == 128, "shared layout");
_Static_assert(sizeof(struct table_bucket) == 40, "shared layout");
_Static_assert(sizeof(struct table_info) == 96, "shared layout");

#endif
