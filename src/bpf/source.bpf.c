/*
 * Programs of a cgroup that give each socket a source address at connect(), for programs that no library can be loaded into.
 * The port is left to connect() (BIND_FORCE_ADDRESS_NO_PORT of bpf_bind). Attached while `ephemports run` lives.
 *
 * A program of connect() runs before the kernel looks for a port and is not told what it found. What is held from a source is
 * counted here; what others hold is not, so a source that they fill would be chosen again and again. Therefore some of its
 * ports are looked up first; and when no port was found after all, TCP says so later (BPF_SOCK_OPS_TCP_CONNECT_CB comes after
 * the search; UDP when the socket is closed), and the source is avoided for a while.
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
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_SK_STORAGE_GET_F_CREATE = 1,
	BPF_SOCK_OPS_TCP_CONNECT_CB = 3,
	BPF_F_CURRENT_NETNS = -1,
	TCP_LISTEN = 10,
};

#define AF_INET         2
#define AF_INET6        10
#define IPPROTO_TCP     6
#define IPPROTO_UDP     17
#define TCP_ESTABLISHED 1 /* what a connected UDP socket is, too */

/* From <linux/bpf.h>: the contexts of these programs, as far as they are read. */
struct bpf_sock {
	__u32 bound_dev_if, family, type, protocol, mark, priority;
	__u32 src_ip4;
	__u32 src_ip6[4];
	__u32 src_port;
	__be16 dst_port;
	__u16 pad;
	__u32 dst_ip4;
	__u32 dst_ip6[4];
	__u32 state;
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

struct bpf_sock_ops {
	__u32 op;
	__u32 not_read[41];
	__u64 bytes_received, bytes_acked;
	struct bpf_sock *sk __attribute__((aligned(8)));
};
_Static_assert(__builtin_offsetof(struct bpf_sock_ops, sk) == 184, "as in <linux/bpf.h>");

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

struct bpf_sock_tuple {
	union {
		struct {
			__be32 from, to;
			__be16 from_port, to_port;
		} v4;
		struct {
			__be32 from[4], to[4];
			__be16 from_port, to_port;
		} v6;
	};
};

/* Set before loading. */
const volatile __u32 count_v4, count_v6;
const volatile __u32 port_low, port_count; /* ip_local_port_range */
const volatile __s64 ports;                /* that one source has towards one destination */

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
	__type(value, struct source_use);
} uses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __s32);
	__type(value, struct source_mine);
} mine SEC(".maps");

struct source_counts counts;

#define DRAWS                                                                                      \
	8 /* sources drawn for each socket; the one with the fewest connections to the destination is taken */
#define LOOKED_AT  16 /* ports of it, until one is free */
#define TRIES      16 /* as many sources may turn out full */
#define REFUSED_NS 10000000000ull
#define CROWDED_NS 1000000000ull

/* The least is best: how many are held, and far more if there is hardly a port left, or surely none. */
#define CROWDED (1ll << 40)
#define FULL    (1ll << 41)
#define WITHOUT (1ll << 42)

static __s64 rank(const struct source_flow *flow, __u64 now)
{
	struct source_use *use = bpf_map_lookup_elem(&uses, flow);

	if (!use)
		return 0;
	if (use->held >= ports || (use->refused_ns && now - use->refused_ns < REFUSED_NS))
		return FULL + use->held;
	if (use->crowded_ns && now - use->crowded_ns < CROWDED_NS)
		return CROWDED + use->held;
	return use->held;
}

/* Which source, in the making. */
struct choice {
	struct bpf_sock_addr *ctx;
	struct source_flow *flow;
	__u64 now;
	__s64 rank; /* of the best so far */
	__u32 best;
	__u32 first, count; /* its sources */
	__u32 start;
	__u32 is_udp;
	__u32 held; /* done: it is counted */
};

static void consider(struct choice *choice, __u32 index)
{
	__s64 of_this;

	choice->flow->source = choice->first + index;
	of_this = rank(choice->flow, choice->now);
	if (of_this < choice->rank) {
		choice->rank = of_this;
		choice->best = choice->flow->source;
	}
}

static long draw(__u32 i, struct choice *choice)
{
	consider(choice, bpf_get_prandom_u32() % choice->count);
	return 0;
}

static long consider_next(__u32 i, struct choice *choice)
{
	consider(choice, (choice->start + i) % choice->count);
	return choice->rank < CROWDED; /* ends the loop */
}

/* Some are drawn; if none of them will do, all are looked at. False when that found none either: then the best of them. */
static int choose(struct choice *choice)
{
	choice->rank = WITHOUT;
	bpf_loop(DRAWS, draw, choice, 0);
	if (choice->rank >= CROWDED) {
		choice->start = bpf_get_prandom_u32() % choice->count;
		bpf_loop(choice->count, consider_next, choice, 0);
	}
	choice->flow->source = choice->best;
	return choice->rank < CROWDED;
}

static struct source_use *use_of(const struct source_flow *flow)
{
	struct source_use *use = bpf_map_lookup_elem(&uses, flow);
	struct source_use none = {};

	if (use)
		return use;
	bpf_map_update_elem(&uses, flow, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&uses, flow);
}

/* One more is held. False when others took the last port meanwhile. */
static int hold(const struct source_flow *flow)
{
	struct source_use *use = use_of(flow);

	return !use || __sync_fetch_and_add(&use->held, 1) < ports;
}

/* Not below nothing: the entry may have been dropped for a newer one, and begun again. */
static void let_go(const struct source_flow *flow)
{
	struct source_use *use = bpf_map_lookup_elem(&uses, flow);

	if (use && use->held > 0)
		__sync_fetch_and_add(&use->held, -1);
}

/* As the kernel looks up who a packet is for: from the destination to the source. */
static int is_taken(struct choice *choice, const struct source_address *source, __u16 port)
{
	const struct source_flow *flow = choice->flow;
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	int taken;

	if (choice->first) {
		__builtin_memcpy(tuple.v6.from, flow->to.word, sizeof(tuple.v6.from));
		__builtin_memcpy(tuple.v6.to, source->word, sizeof(tuple.v6.to));
		tuple.v6.from_port = (__be16)flow->to_port;
		tuple.v6.to_port = bpf_htons(port);
		sk = bpf_skc_lookup_tcp(choice->ctx, &tuple, sizeof(tuple.v6), BPF_F_CURRENT_NETNS,
					0);
	} else {
		tuple.v4.from = flow->to.word[3];
		tuple.v4.to = source->word[3];
		tuple.v4.from_port = (__be16)flow->to_port;
		tuple.v4.to_port = bpf_htons(port);
		sk = bpf_skc_lookup_tcp(choice->ctx, &tuple, sizeof(tuple.v4), BPF_F_CURRENT_NETNS,
					0);
	}
	if (!sk)
		return 0;
	taken = sk->state != TCP_LISTEN;
	bpf_sk_release(sk);
	return taken;
}

struct looking {
	struct choice *choice;
	struct source_address source;
	__u32 found_free;
};

static long look(__u32 i, struct looking *looking)
{
	__u16 port = (__u16)(port_low + bpf_get_prandom_u32() % port_count);

	if (is_taken(looking->choice, &looking->source, port))
		return 0;
	looking->found_free = 1;
	return 1;
}

/* Are all ports taken that are looked at? By whomever, and in whatever state. */
static int is_crowded(struct choice *choice)
{
	struct looking looking = {.choice = choice};
	struct source_address *source;
	__u32 index = choice->flow->source;

	source = bpf_map_lookup_elem(&sources, &index);
	if (!source || choice->is_udp || !port_count)
		return 0;
	looking.source = *source;
	bpf_loop(LOOKED_AT, look, &looking, 0);
	return !looking.found_free;
}

static long try_one(__u32 i, struct choice *choice)
{
	int held, found = choose(choice);
	struct source_use *use;

	if (found && is_crowded(choice)) {
		use = use_of(choice->flow);
		if (use)
			use->crowded_ns = choice->now;
		return 0;
	}
	held = hold(choice->flow) || !found;
	choice->held = held;
	if (held)
		return 1;
	let_go(choice->flow);
	return 0;
}

/* Also when none will do: the kernel is to say so. */
static void choose_and_hold(struct choice *choice)
{
	bpf_loop(TRIES, try_one, choice, 0);
	if (!choice->held)
		hold(choice->flow);
}

/* The socket is closed, or connects anew; its storage goes then. */
static void forget(const struct source_mine *was)
{
	struct source_flow flow = was->flow;

	let_go(&flow);
	if (!was->placed) {
		struct source_use *use = bpf_map_lookup_elem(&uses, &flow);

		if (use)
			use->refused_ns = bpf_ktime_get_ns();
		/* A UDP socket may also have been disconnected before. */
		if (flow.to_port)
			__sync_fetch_and_add(&counts.refused, 1);
	}
}

static long bind_to(struct bpf_sock_addr *ctx, const struct source_address *address)
{
	struct sockaddr_in6 v6 = {.family = AF_INET6};
	struct sockaddr_in v4 = {.family = AF_INET};

	if (ctx->family == AF_INET) {
		v4.address = address->word[3];
		return bpf_bind((void *)ctx, (void *)&v4, sizeof(v4));
	}
	__builtin_memcpy(v6.address, address->word, sizeof(v6.address));
	return bpf_bind((void *)ctx, (void *)&v6, sizeof(v6));
}

static void give_source(struct bpf_sock_addr *ctx, struct source_flow *flow, int again, int is_v6)
{
	struct choice choice = {.ctx = ctx,
				.flow = flow,
				.is_udp = ctx->protocol == IPPROTO_UDP,
				.now = bpf_ktime_get_ns(),
				.first = is_v6 ? SOURCE_MAX : 0,
				.count = is_v6 ? count_v6 : count_v4};
	struct source_address any = {}, *source;
	struct source_mine is = {};

	if (!choice.count) {
		/* What an earlier connect() was given is of the other family. */
		if (again)
			bind_to(ctx, &any);
		return;
	}
	choose_and_hold(&choice);
	is.flow = *flow;
	source = bpf_map_lookup_elem(&sources, &is.flow.source);
	if (!source || bind_to(ctx, source)) {
		let_go(flow);
		__sync_fetch_and_add(&counts.failed, 1);
		return;
	}
	__sync_fetch_and_add(&counts.bound, 1);
	if (!bpf_sk_storage_get(&mine, ctx->sk, &is, BPF_SK_STORAGE_GET_F_CREATE))
		let_go(flow);
}

/* All zero: none. */
static struct source_address own_address(const struct bpf_sock_addr *ctx, const struct bpf_sock *sk)
{
	struct source_address own = {};

	if (ctx->family == AF_INET6) {
		own.word[0] = sk->src_ip6[0];
		own.word[1] = sk->src_ip6[1];
		own.word[2] = sk->src_ip6[2];
		own.word[3] = sk->src_ip6[3];
	} else if (sk->src_ip4) {
		own.word[2] = bpf_htonl(0xffff);
		own.word[3] = sk->src_ip4;
	}
	return own;
}

static int same(const struct source_address *one, const struct source_address *other)
{
	return one->word[0] == other->word[0] && one->word[1] == other->word[1] &&
	       one->word[2] == other->word[2] && one->word[3] == other->word[3];
}

/* Has the socket the address that an earlier connect() was given? Then it is no choice of the program. */
static int is_given(const struct source_address *own, const struct source_mine *before)
{
	__u32 index = before->flow.source;
	struct source_address *source = bpf_map_lookup_elem(&sources, &index);

	return source && same(own, source);
}

static void at_connect(struct bpf_sock_addr *ctx, struct source_flow *flow, int is_v6)
{
	struct source_address own, none = {};
	struct bpf_sock *sk = ctx->sk;
	struct source_mine *before;
	int again;

	if (!sk || (ctx->protocol != IPPROTO_TCP && ctx->protocol != IPPROTO_UDP))
		return;
	own = own_address(ctx, sk);
	before = bpf_sk_storage_get(&mine, sk, 0, 0);
	again = before && is_given(&own, before);
	if (sk->src_port || (!again && !same(&own, &none))) {
		if (!again) /* else a UDP socket that connects elsewhere as it is */
			__sync_fetch_and_add(&counts.kept, 1);
		return;
	}
	if (before) {
		forget(before);
		bpf_sk_storage_delete(&mine, sk);
	}
	if (ctx->protocol == IPPROTO_UDP)
		__builtin_memset(flow, 0, sizeof(*flow));
	give_source(ctx, flow, again, is_v6);
}

/* To "any address" means to this host, 127.0.0.1 or the socket's own: a source would change where it goes. Nor does one who
 * connects to a group need a source, and bound to one he would not hear it. */
static int is_no_host(__u32 address)
{
	return !address || (bpf_ntohl(address) >= 0xe0000000u);
}

SEC("cgroup/connect4")
int source_connect4(struct bpf_sock_addr *ctx)
{
	struct source_flow flow = {.to_port = ctx->user_port};

	flow.to.word[2] = bpf_htonl(0xffff);
	flow.to.word[3] = ctx->user_ip4;
	if (!is_no_host(flow.to.word[3]))
		at_connect(ctx, &flow, 0);
	return 1;
}

SEC("cgroup/connect6")
int source_connect6(struct bpf_sock_addr *ctx)
{
	struct source_flow flow = {.to_port = ctx->user_port};
	__u32 *to = flow.to.word;

	to[0] = ctx->user_ip6[0];
	to[1] = ctx->user_ip6[1];
	to[2] = ctx->user_ip6[2];
	to[3] = ctx->user_ip6[3];
	if (!to[0] && !to[1] && to[2] == bpf_htonl(0xffff)) {
		if (!is_no_host(to[3]))
			at_connect(ctx, &flow, 0);
	} else if ((to[0] | to[1] | to[2] | to[3]) && (bpf_ntohl(to[0]) >> 24) != 0xff) {
		at_connect(ctx, &flow, 1);
	}
	return 1;
}

SEC("sockops")
int source_placed(struct bpf_sock_ops *ctx)
{
	struct source_mine *is;
	struct source_use *use;

	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB || !ctx->sk)
		return 1;
	is = bpf_sk_storage_get(&mine, ctx->sk, 0, 0);
	if (is) {
		struct source_flow flow = is->flow;

		is->placed = 1;
		use = bpf_map_lookup_elem(&uses, &flow);
		if (use && use->refused_ns)
			use->refused_ns = 0;
	}
	return 1;
}

SEC("cgroup/sock_release")
int source_release(struct bpf_sock *ctx)
{
	struct source_mine *was = bpf_sk_storage_get(&mine, ctx, 0, 0);

	if (was) {
		if (ctx->protocol == IPPROTO_UDP && ctx->state == TCP_ESTABLISHED)
			was->placed = 1;
		forget(was);
	}
	return 1;
}
