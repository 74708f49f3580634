/*
 * The bind table: bucket -> tb (namespace, port) -> tb2 (local address) -> owners; the listeners; and UDP.
 *
 * With w->lane the owners that are in no other table are listed there, without it the sets of each namespace are
 * filled.
 *
 * The lists are read without a lock. What is read is believed only where it is consistent: a tb belongs into the bucket it
 * was found in, an owner has the port of its tb. Otherwise the bucket is read again, a few times.
 */
#ifndef EPH_BPF_BINDS_H
#define EPH_BPF_BINDS_H

#define BIND_TRIES 4

struct bind_cursor {
	struct walker *w;
	__u64 tb_node, tb2_node, owner_node;
	__u64 net;
	__u32 bucket, tries, start, owners;
	__u32 netns_index, l3mdev;
	__u16 port;
	__u32 full;
};

static __always_inline void bind_bucket_begin(struct bind_cursor *c)
{
	struct walker *w = c->w;
	__u64 at = w->heads + (__u64)c->bucket * bpf_core_type_size(struct inet_bind_hashbucket);

	c->tb_node = FIELD(__u64, at, inet_bind_hashbucket, chain);
	c->tb2_node = c->owner_node = 0;
	if (w->lane)
		c->start = w->lane->cursor[0].used;
}

/* Something moved: read the bucket again, or give up on it. */
static __always_inline void bind_again(struct bind_cursor *c)
{
	struct walker *w = c->w;

	if (c->tries++ < BIND_TRIES) {
		if (w->lane)
			w->lane->cursor[0].used = c->start;
		bind_bucket_begin(c);
		return;
	}
	w->changed++;
	c->tb_node = c->tb2_node = c->owner_node = 0;
}

static __always_inline void bind_owner(struct bind_cursor *c, struct table_netns *n)
{
	__u64 socket = c->owner_node - OFFSET(sock_common, skc_bind_node);
	struct walker *w = c->w;
	__u8 state = COMMON(__u8, socket, skc_state);

	c->owner_node = READ(__u64, c->owner_node);
	if (COMMON(__u64, socket, skc_net) != c->net || COMMON(__u16, socket, skc_num) != c->port) {
		bind_again(c);
		return;
	}
	if (!w->lane) {
		if (state == TCP_LISTEN)
			port_set(n->listening, c->port);
		if (state == TCP_CLOSE)
			port_set(n->bound, c->port);
		if (--c->owners == 0)
			c->owner_node = c->tb2_node = 0;
		return;
	}
	if (state == TCP_LISTEN || state == TCP_CLOSE)
		c->full = !list_add(w->lane, socket, ENTRY_BIND | c->l3mdev);
}

static __always_inline void bind_tb(struct bind_cursor *c)
{
	__u64 tb = c->tb_node - OFFSET(inet_bind_bucket, node);
	__u64 net = FIELD(__u64, tb, inet_bind_bucket, ib_net);
	struct walker *w = c->w;
	struct table_netns *n;
	int index;

	c->tb_node = READ(__u64, c->tb_node);
	index = walker_net(w, net);
	if (index < 0)
		return;
	c->net = net;
	c->netns_index = (__u32)index & (TABLE_NETNS_MAX - 1);
	n = bpf_map_lookup_elem(&netns, &c->netns_index);
	if (!n)
		return;
	c->port = FIELD(__u16, tb, inet_bind_bucket, port);
	c->owners = w->owners;
	if (((c->port + n->hash_mix) & w->mask) != c->bucket) {
		bind_again(c);
		return;
	}
	c->l3mdev = FIELD(__u32, tb, inet_bind_bucket, l3mdev);
	if (c->l3mdev)
		n->vrf = 1;
	if (FIELD(__s8, tb, inet_bind_bucket, fastreuse) < 0 &&
	    FIELD(__s8, tb, inet_bind_bucket, fastreuseport) < 0)
		return; /* open: only sockets that connect() gave the port, all in the connection table */
	if (!c->l3mdev && !w->lane)
		port_set(n->closed, c->port);
	if (HAS(inet_bind_bucket, bhash2))
		c->tb2_node = FIELD(__u64, tb, inet_bind_bucket, bhash2);
	else
		c->owner_node = FIELD(__u64, tb, inet_bind_bucket, owners);
}

static long bind_step(__u32 i, struct bind_cursor *c)
{
	struct table_netns *n = bpf_map_lookup_elem(&netns, &c->netns_index);
	struct walker *w = c->w;

	if (!n)
		return 1;
	bpf_rcu_read_lock();
	if (c->owner_node) {
		bind_owner(c, n);
	} else if (c->tb2_node) {
		__u64 tb2 = c->tb2_node - OFFSET(inet_bind2_bucket, bhash_node);

		c->owner_node = FIELD(__u64, tb2, inet_bind2_bucket, owners);
		c->tb2_node = READ(__u64, c->tb2_node);
	} else if (c->tb_node) {
		bind_tb(c);
	} else if (w->next < w->end) {
		c->bucket = w->next++;
		c->tries = w->zero;
		bind_bucket_begin(c);
	} else {
		bpf_rcu_read_unlock();
		return 1;
	}
	bpf_rcu_read_unlock();
	return c->full & 1; /* the verifier wants to see 0 or 1 */
}

/* The list is full: the bucket that did not fit is the next to be read. */
static __always_inline void list_full(struct walker *w, __u32 bucket, __u32 start)
{
	if (!w->lane)
		return;
	if (start == 0) {
		w->changed++; /* one bucket has more than a list holds */
		return;
	}
	w->lane->cursor[0].used = start;
	w->next = bucket;
}

static __always_inline void bind_walk(struct walker *w)
{
	struct bind_cursor c = {.w = w};

	if (w->lane)
		lists_clear(w->lane);
	bpf_loop(1 << 23, bind_step, &c, 0);
	if (c.full)
		list_full(w, c.bucket, c.start);
}

/* Chains of whole sockets: listeners (lhash2, linked by skc_nulls_node) and UDP (skc_node, at the same place). */
struct chain_cursor {
	struct walker *w;
	__u64 node;
	__u32 stride, head; /* of a bucket, and where its list begins */
	__u32 bucket, start;
	__u32 zero;
	bool udp;
	__u32 full;
};

static __always_inline void chain_socket(struct chain_cursor *c, __u64 socket)
{
	struct walker *w = c->w;
	struct table_netns *n;
	__u32 key;
	int index = walker_net(w, COMMON(__u64, socket, skc_net));
	__u16 port = COMMON(__u16, socket, skc_num);

	if (index < 0 || !port)
		return;
	key = (__u32)index & (TABLE_NETNS_MAX - 1);
	if (w->lane) {
		c->full = !list_add(w->lane, socket, ENTRY_UDP);
		return;
	}
	n = bpf_map_lookup_elem(&netns, &key);
	if (!n)
		return;
	if (!c->udp) {
		if (COMMON(__u8, socket, skc_state) == TCP_LISTEN)
			port_set(n->listening, port);
		return;
	}
	/* As socket_meets_any(): :: sees every owner, 0.0.0.0 those that are not V6ONLY. */
	port_set(n->udp_v6, port);
	if (COMMON(__u16, socket, skc_family) != AF_INET6 ||
	    !BPF_CORE_READ_BITFIELD_PROBED((struct sock_common *)socket, skc_ipv6only))
		port_set(n->udp_v4, port);
}

static long chain_step(__u32 i, struct chain_cursor *c)
{
	struct walker *w = c->w;
	__u64 node = c->node;

	bpf_rcu_read_lock();
	if (node && !(node & 1)) {
		chain_socket(c, node - OFFSET(sock_common, skc_nulls_node));
		c->node = READ(__u64, node);
	} else if (w->next < w->end) {
		c->bucket = w->next++;
		if (w->lane)
			c->start = w->lane->cursor[0].used;
		c->node = READ(__u64, w->heads + (__u64)c->bucket * c->stride + c->head);
	} else {
		bpf_rcu_read_unlock();
		return 1;
	}
	bpf_rcu_read_unlock();
	return c->full & 1; /* the verifier wants to see 0 or 1 */
}

static __always_inline void chain_walk(struct walker *w, bool udp)
{
	struct chain_cursor c = {.w = w, .udp = udp};

	if (udp) {
		c.stride = bpf_core_type_size(struct udp_hslot);
		c.head = OFFSET(udp_hslot, head);
	} else {
		c.stride = bpf_core_type_size(struct inet_listen_hashbucket);
		c.head = OFFSET(inet_listen_hashbucket, nulls_head);
	}
	if (w->lane)
		lists_clear(w->lane);
	bpf_loop(1 << 22, chain_step, &c, 0);
	if (c.full)
		list_full(w, c.bucket, c.start);
}

#endif
