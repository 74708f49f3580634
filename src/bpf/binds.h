/*
 * The bind table: bucket -> tb (namespace, port) -> tb2 (local address) -> owners; the listeners; and UDP.
 *
 * With w->lane the sockets that are in no other table are listed there, without it the sets of each namespace are filled.
 *
 * The lists are read without a lock. What is read is believed only where it is consistent: a tb belongs into the bucket it
 * was found in, an owner has the port of its tb. Otherwise the bucket is read again, a few times.
 */
#ifndef EPH_BPF_BINDS_H
#define EPH_BPF_BINDS_H

#define BIND_TRIES 4u

static __always_inline void bind_bucket_begin(struct walker *w, struct table_bind *c)
{
	__u64 at = w->heads + (__u64)c->bucket * bpf_core_type_size(struct inet_bind_hashbucket);

	c->tb_node = FIELD(__u64, at, inet_bind_hashbucket, chain);
	c->tb2_node = c->owner_node = 0;
	if (w->lane)
		c->start = w->lane->cursor[0].used;
}

/* Something moved: read the bucket again, or give up on it. */
static __always_inline void bind_again(struct walker *w, struct table_bind *c)
{
	if (c->tries++ < BIND_TRIES) {
		if (w->lane)
			w->lane->cursor[0].used = c->start;
		bind_bucket_begin(w, c);
		return;
	}
	w->at->changed++;
	c->tb_node = c->tb2_node = c->owner_node = 0;
}

static __always_inline void bind_owner_sets(struct table_bind *c, struct table_netns *n, __u8 state)
{
	if (state == TCP_LISTEN)
		port_set(n->listening, c->port);
	FORGET();
	if (state == TCP_CLOSE)
		port_set(n->bound, c->port);
	FORGET();
	if (--c->owners == 0)
		c->owner_node = c->tb2_node = 0;
}

static __always_inline void bind_owner(struct walker *w, struct table_bind *c)
{
	__u64 socket = c->owner_node - OFFSET(sock_common, skc_bind_node);
	__u8 state = COMMON(__u8, socket, skc_state);
	__u32 key = c->netns;
	struct table_netns *n = bpf_map_lookup_elem(&netns, &key);

	c->owner_node = READ(__u64, c->owner_node);
	if (!n || COMMON(__u64, socket, skc_net) != c->net ||
	    COMMON(__u16, socket, skc_num) != c->port)
		bind_again(w, c);
	else if (!w->lane)
		bind_owner_sets(c, n, state);
	else if (state == TCP_LISTEN || state == TCP_CLOSE)
		c->full = !list_add(w->lane, socket, ENTRY_BIND | c->l3mdev);
}

static __always_inline void bind_tb(struct walker *w, struct table_bind *c)
{
	__u64 tb = c->tb_node - OFFSET(inet_bind_bucket, node);
	__u64 net = FIELD(__u64, tb, inet_bind_bucket, ib_net);
	int index = walker_net(w, net);
	struct table_netns *n;
	__u32 key;

	c->tb_node = READ(__u64, c->tb_node);
	if (index < 0)
		return;
	c->net = net;
	c->netns = (__u32)index;
	FORGET();
	key = c->netns;
	n = bpf_map_lookup_elem(&netns, &key);
	if (!n)
		return;
	c->port = FIELD(__u16, tb, inet_bind_bucket, port);
	c->owners = w->owners;
	FORGET();
	if (((c->port + n->hash_mix) & w->mask) != c->bucket) {
		bind_again(w, c);
		return;
	}
	c->l3mdev = FIELD(__u32, tb, inet_bind_bucket, l3mdev);
	if (c->l3mdev)
		n->vrf = 1;
	FORGET();
	if (!w->lane)
		port_set(n->held, c->port);
	if (FIELD(__s8, tb, inet_bind_bucket, fastreuse) < 0 &&
	    FIELD(__s8, tb, inet_bind_bucket, fastreuseport) < 0)
		/* open: only sockets that connect() gave the port, all in the connection table */
		return;
	if (!c->l3mdev && !w->lane)
		port_set(n->closed, c->port);
	if (HAS(inet_bind_bucket, bhash2))
		c->tb2_node = FIELD(__u64, tb, inet_bind_bucket, bhash2);
	else
		c->owner_node = FIELD(__u64, tb, inet_bind_bucket, owners);
}

/* One link of whatever chain the cursor is in; false at the end of all. */
static __always_inline bool bind_link(struct walker *w, struct table_bind *c)
{
	if (c->owner_node) {
		bind_owner(w, c);
	} else if (HAS(inet_bind_bucket, bhash2) && c->tb2_node) {
		__u64 tb2 = c->tb2_node - OFFSET(inet_bind2_bucket, bhash_node);

		c->owner_node = FIELD(__u64, tb2, inet_bind2_bucket, owners);
		c->tb2_node = READ(__u64, c->tb2_node);
	} else if (c->tb_node) {
		bind_tb(w, c);
	} else if (w->at->next < w->end) {
		c->bucket = w->at->next++;
		c->tries = 0;
		bind_bucket_begin(w, c);
	} else {
		return false;
	}
	return true;
}

static long bind_step(__u32 i, struct walker *w)
{
	struct table_bind *c = &w->nets->bind;
	bool more;

	bpf_rcu_read_lock();
	more = bind_link(w, c);
	bpf_rcu_read_unlock();
	return !more || c->full;
}

/* The list is full: the bucket that did not fit is the next to be read. */
static __always_inline void list_full(struct walker *w, __u32 bucket, __u32 start)
{
	if (!w->lane)
		return;
	if (start == 0) {
		w->at->changed++; /* one bucket has more than a list holds */
		return;
	}
	w->lane->cursor[0].used = start;
	w->at->next = bucket;
}

static __always_inline void bind_walk(struct walker *w)
{
	struct table_bind *c = &w->nets->bind;

	c->tb_node = c->tb2_node = c->owner_node = 0;
	c->full = 0;
	if (w->lane)
		lists_clear(w->lane);
	bpf_loop(1 << 23, bind_step, w, 0);
	if (c->full)
		list_full(w, c->bucket, c->start);
}

/* Chains of whole sockets: listeners (lhash2, linked by skc_nulls_node) and UDP (skc_node, at the same place). */
static __always_inline void chain_sets(struct walker *w, struct table_chain *c, __u64 socket)
{
	__u32 key = c->netns;
	struct table_netns *n = bpf_map_lookup_elem(&netns, &key);
	__u16 port = COMMON(__u16, socket, skc_num);

	if (!n || !port)
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

static __always_inline void chain_socket(struct walker *w, struct table_chain *c, __u64 socket)
{
	int index = walker_net(w, COMMON(__u64, socket, skc_net));

	if (index < 0)
		return;
	c->netns = (__u32)index;
	FORGET();
	if (w->lane)
		c->full = !list_add(w->lane, socket, ENTRY_UDP);
	else
		chain_sets(w, c, socket);
}

static __always_inline bool chain_link(struct walker *w, struct table_chain *c)
{
	__u64 node = c->node;

	if (node && !(node & 1)) {
		c->node = READ(__u64, node);
		chain_socket(w, c, node - OFFSET(sock_common, skc_nulls_node));
	} else if (w->at->next < w->end) {
		c->bucket = w->at->next++;
		if (w->lane)
			c->start = w->lane->cursor[0].used;
		c->node = READ(__u64, w->heads + (__u64)c->bucket * c->stride + c->head);
	} else {
		return false;
	}
	return true;
}

static long chain_step(__u32 i, struct walker *w)
{
	struct table_chain *c = &w->nets->chain;
	bool more;

	bpf_rcu_read_lock();
	more = chain_link(w, c);
	bpf_rcu_read_unlock();
	return !more || c->full;
}

static __always_inline void chain_walk(struct walker *w, bool udp)
{
	struct table_chain *c = &w->nets->chain;

	c->node = 0;
	c->full = 0;
	c->udp = udp;
	if (udp) {
		c->stride = bpf_core_type_size(struct udp_hslot);
		c->head = OFFSET(udp_hslot, head);
	} else {
		c->stride = bpf_core_type_size(struct inet_listen_hashbucket);
		c->head = OFFSET(inet_listen_hashbucket, nulls_head);
	}
	if (w->lane)
		lists_clear(w->lane);
	bpf_loop(1 << 22, chain_step, w, 0);
	if (c->full)
		list_full(w, c->bucket, c->start);
}

#endif
