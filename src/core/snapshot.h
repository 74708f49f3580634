/*
 * What was seen of a host at one moment: the only thing the laws (rules/) ever look at. Filled by collect/, or read from a
 * file (snapshot_text.h), so a saved snapshot answers the questions of a host that is gone.
 *
 * A snapshot owns everything in it; snapshot_free() frees all. One entry of `netns` per network namespace, the caller's
 * own (or the chosen one) first.
 */
#ifndef EPH_CORE_SNAPSHOT_H
#define EPH_CORE_SNAPSHOT_H

#include <stdbool.h>

#include "bind_table.h"
#include "group_table.h"
#include "kernel_laws.h"
#include "process_table.h"
#include "settings.h"
#include "socket_table.h"

/* What could not be seen. Each has a short name for "inexact_because" (snapshot_gap_name). */
enum snapshot_gap {
	/* bucket-state-unknown: netlink does not tell open from closed bind buckets */
	GAP_BUCKET_STATE = 1u << 0,
	/* bound-sockets-invisible: sock_diag of this kernel does not report them */
	GAP_BOUND_HIDDEN = 1u << 1,
	/* time-wait-age-unknown: timestamps or entry time of TIME_WAIT not visible */
	GAP_TW_AGE = 1u << 2,
	GAP_V6ONLY = 1u << 3, /* v6only-unknown */
	/* dump-interrupted: the kernel interrupted the dump and kept doing so */
	GAP_INTERRUPTED = 1u << 4,
	/* changed-while-read: chains moved under the reader more often than it could repeat */
	GAP_CHANGED = 1u << 5,
	/* private-table: this namespace has its own hash table, which was not read */
	GAP_PRIVATE_TABLE = 1u << 6,
	GAP_VRF = 1u << 7,      /* vrf: buckets of a VRF are not judged */
	GAP_VANISHED = 1u << 8, /* namespace-vanished: gone before it was read to the end */
	GAP_SETTINGS = 1u << 9, /* settings-unreadable */
	GAP_KERNEL = 1u << 10,  /* kernel-not-verified */
	/* odd-range: the kernel skips one end of the range, which one is random */
	GAP_ODD_RANGE = 1u << 11,
	GAP_ORDER = 1u << 12,  /* order-dependent */
	GAP_SOURCE = 1u << 13, /* source-unknown: no route told which local address would be used */
	/* step-law-unknown: how this kernel scans a per-socket range is not known */
	GAP_WINDOW_UNKNOWN = 1u << 14,
	/* options-unknown: SO_REUSEADDR and SO_REUSEPORT of other sockets are not visible, or SO_BINDTODEVICE is not */
	GAP_OPTIONS = 1u << 15,
	/* of another system, by what its own commands printed (rules/os_capacity) */
	GAP_ADDRESS_CUT = 1u << 16, /* addresses-cut: a column cut IPv6 addresses */
	GAP_STATES = 1u << 17,      /* states-unknown: of some sockets the state was not told */
	/* listeners-not-shown: accepted connections cannot be told from outgoing ones */
	GAP_NO_LISTENERS = 1u << 18,
	GAP_RANGE_ASSUMED = 1u << 19, /* range-assumed: the default, nobody read it there */
	GAP_SHARING = 1u << 20,       /* sharing-uncertain: how that system shares ports */
	GAP_RELEASE = 1u << 21,       /* release-unknown, and the rule differs between releases */
	GAP_RESERVED = 1u << 22,      /* reserved-unknown: which ports are never chosen there */
};
#define GAP_COUNT 23

/* The name of the lowest bit in @gap. */
const char *snapshot_gap_name(uint32_t gap);

#define NETNS_NAME_BYTES 96

struct netns_snapshot {
	uint64_t id; /* inode number of the namespace, 0 when unknown */
	/* "" for the caller's own; as in /run/netns; "pid 4012 (nginx)"; container name */
	char name[NETNS_NAME_BYTES];
	int fd; /* collecting only: open namespace file to enter, -1 for the current one; owned */
	struct settings settings;
	struct bind_table binds;
	/* collecting only: ports that the next connect() may take (capacity_candidates) */
	struct port_set counted;
	struct socket_table sockets; /* TCP: all, or those a request asked for; UDP: all */
	struct group_table groups;   /* slot == NULL when no groups were asked for */
	uint64_t sockets_read;       /* sockets the collector looked at */
	uint64_t time_wait;          /* TIME_WAIT mini-sockets seen in this namespace, all ports */
	/* connections closed without a TIME_WAIT since boot, because there were tcp_max_tw_buckets of them */
	uint64_t time_wait_overflows;
	bool overflows_known;
	bool sockets_complete; /* `sockets` has every socket of the namespace */
	/* `sockets` has at least every socket with this local port; 0: see above */
	uint16_t sockets_port;
	/* of sockets_port: TCP, UDP; protocol 0 where the collector cannot see it */
	struct bind_bucket bucket[2];
	uint32_t gaps; /* enum snapshot_gap */
};

struct snapshot {
	char host[64];       /* node name */
	char os[16];         /* "linux" */
	char release[64];    /* "6.18.44" */
	int64_t taken_at_ms; /* Unix time */
	uint64_t elapsed_us; /* how long reading took, loading of programs included */
	uint64_t load_us;    /* of that: loading BPF programs */
	char collector[24]; /* "bpf", "netlink", "procfs", "netlink+bpf" (sockets + bind buckets) */
	/* collecting only: why BPF was wanted and not usable, "" when it was not or was */
	char bpf_absent_because[128];
	bool replayed;
	struct kernel_laws laws;
	struct netns_snapshot *netns;
	size_t n_netns;
	unsigned netns_skipped; /* namespaces that could not be entered */
	/* collecting only: processes of others, whose namespace the kernel does not tell */
	unsigned netns_hidden;
	struct process_table processes;
	bool has_processes;
};

struct snapshot *snapshot_new(void);                       /* NULL when out of memory */
struct snapshot *snapshot_free(struct snapshot *snapshot); /* NULL is fine; returns NULL */
void snapshot_freep(struct snapshot **snapshot);

/* Append a zeroed namespace with fd -1. Pointers to earlier ones become invalid. Return: it, or NULL. */
struct netns_snapshot *snapshot_add_netns(struct snapshot *snapshot);

/**
 * netns_outgoing() - was this socket's local port chosen for an outgoing connection?
 *
 * Local port inside the ephemeral range; not listening, not merely bound, not accepted. Where the record does not say
 * whether it was accepted, a listener on the same port does: connect() never takes a port with a listener.
 */
bool netns_outgoing(const struct netns_snapshot *netns, const struct socket_record *record);

/* Did this TCP socket come from a listener? Any local port; by the record, else by a listener on the same port. */
bool netns_accepted(const struct netns_snapshot *netns, const struct socket_record *record);

#endif
