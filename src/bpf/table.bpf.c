/*
 * Programs that read the kernel's tables of ports and sockets. All are of type SYSCALL: nothing is attached, nothing stays
 * loaded, each runs when user space says BPF_PROG_RUN, with its struct as context. table.h says what goes in and out.
 */
#include "kernel.h"

#include <bpf/bpf_endian.h>

const char licence[] SEC("license") = "Dual MIT/GPL";

/* User space sets max_entries to what it needs before loading. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_netns);
} netns SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_nets);
} nets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_lane);
} lanes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_groups);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_records);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct table_holders);
} holders SEC(".maps");

#include "gather.h"

#include "sock.h"

#include "groups.h"
#include "records.h"

#include "binds.h"
#include "holders.h"
#include "ports.h"

static __always_inline void walker_init(struct walker *w, const struct table_walk *walk)
{
	__u64 now_ns = bpf_ktime_get_ns();
	__u32 zero = 0;

	w->nets = bpf_map_lookup_elem(&nets, &zero);
	w->heads = walk->heads;
	w->mask = walk->mask;
	w->end = walk->end;
	w->what = walk->what;
	w->hz = walk->hz;
	w->jiffies = bpf_jiffies64();
	w->now_ms = now_ns / 1000000;
	w->now_s = now_ns / 1000000000;
	w->remote[0] = walk->remote[0];
	w->remote[1] = walk->remote[1];
	w->remote_family = walk->remote_family;
	w->remote_port = walk->remote_port;
	w->owners = walk->owners;
	w->port = walk->port;
	w->port_netns = walk->netns;
}

static __always_inline void walker_start(struct walker *w, struct table_at *at,
					 const struct table_walk *walk)
{
	w->at = at;
	at->last_net = 0;
	at->last_index = 0;
	at->next = walk->first;
	at->cursor = walk->cursor;
	at->index = walk->index;
	at->emitted = walk->records;
	at->changed = walk->changed;
}

static __always_inline void walker_done(const struct walker *w, struct table_walk *walk)
{
	walk->next = w->at->next;
	walk->cursor = w->at->cursor;
	walk->index = w->at->index;
	walk->records = w->at->emitted;
	walk->changed = w->at->changed;
}

static __always_inline __u64 udp_table_of(__u64 net, __u64 task, __u32 descriptor)
{
	__u64 at;

	if (HAS(netns_ipv4, udp_table))
		return READ(__u64, net + OFFSET(net, ipv4) + OFFSET(netns_ipv4, udp_table));
	at = FIELD(__u64, task, task_struct, files);
	at = FIELD(__u64, at, files_struct, fdt);
	at = FIELD(__u64, at, fdtable, fd);
	at = READ(__u64, at + (__u64)descriptor * 8);
	at = FIELD(__u64, at, file, private_data);
	at = FIELD(__u64, at, socket, sk);
	at = COMMON(__u64, at, skc_prot);
	return READ(__u64, at + OFFSET(proto, h));
}

SEC("syscall")
int info(struct table_info *info)
{
	__u64 task = (__u64)bpf_get_current_task(), net, h, udp;

	net = FIELD(__u64, task, task_struct, nsproxy);
	net = FIELD(__u64, net, nsproxy, net_ns);
	h = READ(__u64, net + OFFSET(net, ipv4) + OFFSET(netns_ipv4, tcp_death_row) +
				OFFSET(inet_timewait_death_row, hashinfo));
	udp = udp_table_of(net, task, info->udp_socket);
	info->net = net;
	info->hashinfo = h;
	info->ehash = FIELD(__u64, h, inet_hashinfo, ehash);
	info->bhash = FIELD(__u64, h, inet_hashinfo, bhash);
	info->lhash2 = FIELD(__u64, h, inet_hashinfo, lhash2);
	info->ehash_mask = FIELD(__u32, h, inet_hashinfo, ehash_mask);
	info->bhash_size = FIELD(__u32, h, inet_hashinfo, bhash_size);
	info->lhash2_mask = FIELD(__u32, h, inet_hashinfo, lhash2_mask);
	info->udp_hash = FIELD(__u64, udp, udp_table, hash);
	info->udp_mask = FIELD(__u32, udp, udp_table, mask);
	info->inode = READ(__u32, net + OFFSET(net, ns) + OFFSET(ns_common, inum));
	info->hash_mix = FIELD(__u32, net, net, hash_mix);
	info->jiffies = bpf_jiffies64();
	info->now_ns = bpf_ktime_get_ns();
	info->laws = (HAS(inet_timewait_sock, tw_connect_bind) ? TABLE_BUCKET_REOPENS : 0) |
		     (HAS(inet_timewait_sock, tw_entry_stamp) ? TABLE_ENTRY_STAMP : 0) |
		     (HAS(inet_sock, local_port_range) || HAS(inet_sock___halves, local_port_range)
			      ? TABLE_WINDOW
			      : 0) |
		     (HAS(inet_bind2_bucket, family) ? 0 : TABLE_MAPPED_SEES_ANY);
	return 0;
}

SEC("syscall")
int bind_sets(struct table_walk *walk)
{
	struct walker w = {0};

	walker_init(&w, walk);
	if (!w.nets)
		return 1;
	walker_start(&w, &w.nets->at, walk);
	bind_walk(&w);
	walker_done(&w, walk);
	return 0;
}

SEC("syscall")
int listen_sets(struct table_walk *walk)
{
	struct walker w = {0};

	walker_init(&w, walk);
	if (!w.nets)
		return 1;
	walker_start(&w, &w.nets->at, walk);
	chain_walk(&w, false);
	walker_done(&w, walk);
	return 0;
}

SEC("syscall")
int udp_sets(struct table_walk *walk)
{
	struct walker w = {0};

	walker_init(&w, walk);
	if (!w.nets)
		return 1;
	walker_start(&w, &w.nets->at, walk);
	chain_walk(&w, true);
	walker_done(&w, walk);
	return 0;
}

SEC("syscall")
int count_groups(struct table_walk *walk)
{
	struct walker w = {0};
	__u32 lane = walk->lane;

	walker_init(&w, walk);
	w.lane = bpf_map_lookup_elem(&lanes, &lane);
	w.groups = bpf_map_lookup_elem(&groups, &lane);
	if (!w.nets || !w.lane || !w.groups)
		return 1;
	walker_start(&w, &w.lane->at, walk);
	w.lane->overflow = 0;
	gather(&w);
	bpf_loop(1 << 22, group_step, &w, 0);
	walker_done(&w, walk);
	walk->overflow = (__u32)w.lane->overflow;
	return 0;
}

static __always_inline bool walker_records(struct walker *w, struct table_walk *walk)
{
	__u32 lane = walk->lane;

	walker_init(w, walk);
	w->lane = bpf_map_lookup_elem(&lanes, &lane);
	w->records = bpf_map_lookup_elem(&records, &lane);
	if (!w->nets || !w->lane || !w->records)
		return false;
	walker_start(w, &w->lane->at, walk);
	return true;
}

SEC("syscall")
int connection_records(struct table_walk *walk)
{
	struct walker w = {0};

	if (!walker_records(&w, walk))
		return 1;
	if (!(walk->what & TABLE_DRAIN))
		gather(&w);
	bpf_loop(1 << 22, record_step, &w, 0);
	walker_done(&w, walk);
	return 0;
}

SEC("syscall")
int bind_records(struct table_walk *walk)
{
	struct walker w = {0};

	if (!walker_records(&w, walk))
		return 1;
	if (!(walk->what & TABLE_DRAIN))
		bind_walk(&w);
	bpf_loop(1 << 22, record_step, &w, 0);
	walker_done(&w, walk);
	return 0;
}

SEC("syscall")
int udp_records(struct table_walk *walk)
{
	struct walker w = {0};

	if (!walker_records(&w, walk))
		return 1;
	if (!(walk->what & TABLE_DRAIN))
		chain_walk(&w, true);
	bpf_loop(1 << 22, record_step, &w, 0);
	walker_done(&w, walk);
	return 0;
}

static __always_inline bool walker_port(struct walker *w, struct table_walk *walk)
{
	__u32 zero = 0;

	walker_init(w, walk);
	w->records = bpf_map_lookup_elem(&records, &zero);
	if (!w->nets || !w->records)
		return false;
	walker_start(w, &w->nets->at, walk);
	return true;
}

SEC("syscall")
int port_records(struct table_walk *walk)
{
	struct walker w = {0};

	if (!walker_port(&w, walk))
		return 1;
	port_walk(&w, !(walk->what & TABLE_CONTINUE));
	walker_done(&w, walk);
	return 0;
}

SEC("syscall")
int port_udp_records(struct table_walk *walk)
{
	struct walker w = {0};

	if (!walker_port(&w, walk))
		return 1;
	port_udp_walk(&w, !(walk->what & TABLE_CONTINUE));
	walker_done(&w, walk);
	return 0;
}

SEC("syscall")
int file_holders(struct table_walk *walk)
{
	__u32 zero = 0;
	struct table_holders *h = bpf_map_lookup_elem(&holders, &zero);

	if (!h)
		return 1;
	holder_walk(h);
	return 0;
}
