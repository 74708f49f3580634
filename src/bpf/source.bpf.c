/*
 * Programs of a cgroup that give each socket a source address at connect(), for programs that no library can be loaded into.
 * The port is left to connect() (BIND_FORCE_ADDRESS_NO_PORT of bpf_bind). Attached while `ephemports run` lives.
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "source.h"

const char licence[] SEC("license") = "Dual MIT/GPL";

enum {
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_SK_STORAGE = 24,
	BPF_F_NO_PREALLOC = 1,
	BPF_SK_STORAGE_GET_F_CREATE = 1,
};

#define AF_INET  2
#define AF_INET6 10

/* From <linux/bpf.h>: the contexts of these programs, as far as they are read. */
struct bpf_sock {
	__u32 bound_dev_if, family, type, protocol, mark, priority;
	__u32 src_ip4;
	__u32 src_ip6[4];
	__u32 src_port;
};

struct bpf_sock_addr {
	__u32 user_family;
	__u32 user_ip4;
	__u32 user_ip6[4];
	__u32 user_port;
	__u32 family, type, protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
	struct bpf_sock *sk __attribute__((aligned(8)));
};

struct sockaddr_in {
	__u16 family;
	__be16 port;
	__be32 address;
	__u8 zero[8];
};

struct sockaddr_in6 {
	__u16 family;
	__be16 port;
	__be32 flow;
	__u32 address[4];
	__u32 scope;
};

/* Set before loading. */
const volatile __u32 count_v4, count_v6;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SOURCE_MAX); /* IPv4, then IPv6 */
	__type(key, __u32);
	__type(value, struct source_address);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct source_flow);
	__type(value, __s64);
} held SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct source_flow);
} mine SEC(".maps");

struct source_counts counts;

/* Sources drawn for each socket; the one with the fewest connections to the destination is taken. */
#define DRAWS 8

static __s64 held_by(const struct source_flow *flow)
{
	__s64 *held_now = bpf_map_lookup_elem(&held, flow);

	return held_now ? *held_now : 0;
}

static void hold(const struct source_flow *flow, __s64 change)
{
	__s64 *held_now = bpf_map_lookup_elem(&held, flow);

	if (held_now)
		__sync_fetch_and_add(held_now, change);
	else if (change > 0)
		bpf_map_update_elem(&held, flow, &change, 0);
}

static __u32 choose(struct source_flow *flow, __u32 is_v6)
{
	__u32 count = is_v6 ? count_v6 : count_v4, best = 0;
	__s64 fewest = 1ll << 62;

	for (int i = 0; i < DRAWS; i++) {
		__s64 now;

		flow->source = bpf_get_prandom_u32() % count | is_v6;
		now = held_by(flow);
		if (now < fewest) {
			fewest = now;
			best = flow->source;
		}
	}
	flow->source = best;
	return (best & ~SOURCE_IS_V6) + (is_v6 ? SOURCE_MAX : 0);
}

static int bind_source(struct bpf_sock_addr *ctx, struct source_flow *flow, __u32 is_v6)
{
	struct sockaddr_in6 v6 = {.family = AF_INET6};
	struct sockaddr_in v4 = {.family = AF_INET};
	struct source_address *source;
	struct source_flow *storage;
	__u32 index;
	long r;

	if (!(is_v6 ? count_v6 : count_v4))
		return 1;
	index = choose(flow, is_v6);
	source = bpf_map_lookup_elem(&sources, &index);
	if (!source)
		return 1;
	if (ctx->family == AF_INET) {
		v4.address = source->word[3];
		r = bpf_bind((void *)ctx, (void *)&v4, sizeof(v4));
	} else {
		__builtin_memcpy(v6.address, source->word, sizeof(v6.address));
		r = bpf_bind((void *)ctx, (void *)&v6, sizeof(v6));
	}
	if (r) {
		__sync_fetch_and_add(&counts.refused, 1);
		return 1;
	}
	__sync_fetch_and_add(&counts.bound, 1);
	storage = bpf_sk_storage_get(&mine, ctx->sk, flow, BPF_SK_STORAGE_GET_F_CREATE);
	if (storage)
		hold(flow, 1);
	return 1;
}

static int keep(void)
{
	__sync_fetch_and_add(&counts.kept, 1);
	return 1;
}

SEC("cgroup/connect4")
int source_connect4(struct bpf_sock_addr *ctx)
{
	struct source_flow flow = {.to_port = ctx->user_port};
	struct bpf_sock *sk = ctx->sk;

	if (!sk || sk->src_ip4 || sk->src_port)
		return keep();
	flow.to.word[2] = bpf_htonl(0xffff);
	flow.to.word[3] = ctx->user_ip4;
	return bind_source(ctx, &flow, 0);
}

SEC("cgroup/connect6")
int source_connect6(struct bpf_sock_addr *ctx)
{
	struct source_flow flow = {.to_port = ctx->user_port};
	struct bpf_sock *sk = ctx->sk;
	int is_v4;

	if (!sk || sk->src_ip6[0] || sk->src_ip6[1] || sk->src_ip6[2] || sk->src_ip6[3] ||
	    sk->src_port)
		return keep();
	flow.to.word[0] = ctx->user_ip6[0];
	flow.to.word[1] = ctx->user_ip6[1];
	flow.to.word[2] = ctx->user_ip6[2];
	flow.to.word[3] = ctx->user_ip6[3];
	is_v4 = !flow.to.word[0] && !flow.to.word[1] && flow.to.word[2] == bpf_htonl(0xffff);
	return bind_source(ctx, &flow, is_v4 ? 0 : SOURCE_IS_V6);
}

SEC("cgroup/sock_release")
int source_release(struct bpf_sock *ctx)
{
	struct source_flow *storage = bpf_sk_storage_get(&mine, ctx, 0, 0);

	if (storage) {
		struct source_flow flow = *storage;

		hold(&flow, -1);
	}
	return 1;
}
