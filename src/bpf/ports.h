/*
 * One local port of one namespace: its bind bucket and every owner, and the UDP sockets in its hash chain. Costs what the
 * port's owners cost, whatever else there is.
 *
 * What is read is believed only where it is consistent, as in binds.h; otherwise the walk is given up (`changed`) and user
 * space begins anew. When the answer is full it continues where it was.
 */
#ifndef EPH_BPF_PORTS_H
#define EPH_BPF_PORTS_H

#define PORT_ALIKE_LISTED 64u /* owners in a row that are alike: so many are listed */

static __always_inline void port_failed(struct walker *w, struct table_port *c)
{
	w->at->changed++;
	c->tb_node = c->tb2_node = c->owner_node = 0;
	c->failed = 1;
}

static __always_inline __u64 port_file(__u64 socket, __u8 state)
{
	__u64 at;

	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return 0;
	at = FIELD(__u64, socket, sock, sk_socket);
	return at ? FIELD(__u64, at, socket, file) : 0;
}

static __always_inline void port_emit(struct walker *w, __u64 socket, __u64 where)
{
	struct table_seen *s = &w->nets->seen;
	__u32 before;

	s->socket = socket;
	s->where = where;
	s->netns = w->port_netns;
	s->family = COMMON(__u16, socket, skc_family);
	s->state = COMMON(__u8, socket, skc_state);
	FORGET();
	before = w->at->emitted;
	record_emit(w, s);
	if (w->at->emitted != before)
		w->records->record[before & (TABLE_RECORDS - 1)].file = port_file(socket, s->state);
}

/* Options are read as the byte that holds them all. */
static __always_inline __u8 port_options(__u64 socket)
{
	return READ(__u8, socket + __CORE_RELO((struct sock_common *)0, skc_reuse, BYTE_OFFSET));
}

/* Is this owner like the one before, in all that decides over the port? Its address is, they share a tb2. */
static __always_inline bool port_alike(struct table_port *c, __u64 socket)
{
	__u8 state = COMMON(__u8, socket, skc_state);
	__u64 a, b = 0;

	a = (__u64)port_options(socket) | (__u64)COMMON(__u16, socket, skc_family) << 8 |
	    (__u64)(state == TCP_TIME_WAIT) << 24 |
	    (__u64)COMMON(__u32, socket, skc_bound_dev_if) << 32;
	FORGET();
	if (state != TCP_TIME_WAIT)
		b = FIELD(__u32, socket, sock, sk_uid);
	FORGET();
	if (state == TCP_LISTEN || a != c->like[0] || b != c->like[1])
		c->alike = 0;
	FORGET();
	c->like[0] = a;
	c->like[1] = b;
	return c->alike++ >= PORT_ALIKE_LISTED;
}

/* Whose family has the part of the bucket for 0.0.0.0? Every owner on that address is in it. */
static __always_inline void port_any_v4(struct table_bucket *b, __u64 socket)
{
	__u8 state = COMMON(__u8, socket, skc_state);
	__u64 address[2], tb2;

	if (!HAS(inet_bind2_bucket, family) || state == TCP_TIME_WAIT ||
	    address_local(socket, COMMON(__u16, socket, skc_family), address) != 4 || address[0])
		return;
	tb2 = FIELD(__u64, socket, inet_connection_sock, icsk_bind2_hash);
	if (tb2)
		b->any_v4_made_by =
			FIELD(__u16, tb2, inet_bind2_bucket, family) == AF_INET6 ? 6 : 4;
}

static __always_inline void port_owner(struct walker *w, struct table_port *c,
				       struct table_netns *n)
{
	__u64 socket = c->owner_node - OFFSET(sock_common, skc_bind_node);

	c->owner_node = READ(__u64, c->owner_node);
	if (COMMON(__u64, socket, skc_net) != n->net ||
	    COMMON(__u16, socket, skc_num) != (__u16)w->port)
		port_failed(w, c);
	else if (HAS(inet_bind_bucket, bhash2) && port_alike(c, socket))
		n->bucket.unlisted++;
	else
		port_emit(w, socket, ENTRY_BIND | c->l3mdev);
	if (!c->l3mdev)
		port_any_v4(&n->bucket, socket);
}

static __always_inline void port_bucket(struct table_bucket *b, __u64 tb)
{
	__u64 *to = b->fast_address;

	b->exists = 1;
	b->fastreuse = FIELD(__s8, tb, inet_bind_bucket, fastreuse);
	b->fastreuseport = FIELD(__s8, tb, inet_bind_bucket, fastreuseport);
	b->fast_uid = FIELD(__u32, tb, inet_bind_bucket, fastuid);
	b->fast_v6only = FIELD(__u8, tb, inet_bind_bucket, fast_ipv6_only);
	FORGET();
	if (FIELD(__u16, tb, inet_bind_bucket, fast_sk_family) == AF_INET6) {
		b->fast_family = 6;
		b->fast_address_family =
			address_v6(tb + OFFSET(inet_bind_bucket, fast_v6_rcv_saddr), to);
	} else {
		b->fast_family = b->fast_address_family = 4;
		to[0] = FIELD(__u32, tb, inet_bind_bucket, fast_rcv_saddr);
		to[1] = 0;
	}
	FORGET();
}

static __always_inline void port_tb(struct walker *w, struct table_port *c, struct table_netns *n)
{
	__u64 tb = c->tb_node - OFFSET(inet_bind_bucket, node);
	__u16 port = FIELD(__u16, tb, inet_bind_bucket, port);

	c->tb_node = READ(__u64, c->tb_node);
	if (FIELD(__u64, tb, inet_bind_bucket, ib_net) != n->net || port != (__u16)w->port)
		return;
	c->l3mdev = FIELD(__u32, tb, inet_bind_bucket, l3mdev);
	FORGET();
	if (c->l3mdev)
		n->vrf = 1;
	else
		port_bucket(&n->bucket, tb);
	FORGET();
	if (HAS(inet_bind_bucket, bhash2))
		c->tb2_node = FIELD(__u64, tb, inet_bind_bucket, bhash2);
	else
		c->owner_node = FIELD(__u64, tb, inet_bind_bucket, owners);
}

static __always_inline bool port_link(struct walker *w, struct table_port *c)
{
	__u32 key = w->port_netns;
	struct table_netns *n = bpf_map_lookup_elem(&netns, &key);

	if (!n)
		return false;
	if (c->owner_node) {
		port_owner(w, c, n);
	} else if (HAS(inet_bind_bucket, bhash2) && c->tb2_node) {
		__u64 tb2 = c->tb2_node - OFFSET(inet_bind2_bucket, bhash_node);

		c->owner_node = FIELD(__u64, tb2, inet_bind2_bucket, owners);
		c->tb2_node = READ(__u64, c->tb2_node);
		c->alike = 0;
	} else if (c->tb_node) {
		port_tb(w, c, n);
	} else {
		return false;
	}
	return true;
}

static long port_step(__u32 i, struct walker *w)
{
	bool more;

	if (!w->records || w->at->emitted >= TABLE_RECORDS)
		return 1;
	bpf_rcu_read_lock();
	more = port_link(w, &w->nets->port);
	bpf_rcu_read_unlock();
	return !more;
}

static __always_inline void port_walk(struct walker *w, bool from_start)
{
	struct table_port *c = &w->nets->port;
	__u64 at = w->heads + (__u64)w->at->next * bpf_core_type_size(struct inet_bind_hashbucket);

	if (from_start) {
		c->tb_node = FIELD(__u64, at, inet_bind_hashbucket, chain);
		c->tb2_node = c->owner_node = 0;
		c->alike = c->failed = 0;
	}
	bpf_loop(1 << 23, port_step, w, 0);
}

static __always_inline bool port_udp_is_owner(struct walker *w, const struct table_netns *n,
					      __u64 socket)
{
	return COMMON(__u64, socket, skc_net) == n->net &&
	       COMMON(__u16, socket, skc_num) == (__u16)w->port;
}

/* One step along the chain that the last record is in by its address: to the next owner of the port, or the end. */
static __always_inline void port_udp_next(struct walker *w, struct table_port *c,
					  const struct table_netns *n)
{
	__u64 socket = c->address_node - OFFSET(sock_common, skc_portaddr_node);
	__u32 last = w->at->emitted - 1;

	if (!port_udp_is_owner(w, n, socket)) {
		c->address_node = READ(__u64, c->address_node);
		return;
	}
	w->records->record[last & (TABLE_RECORDS - 1)].next = socket;
	c->address_node = 0;
}

static __always_inline void port_udp_owner(struct walker *w, struct table_port *c, __u64 socket)
{
	__u32 index = w->at->emitted;

	port_emit(w, socket, ENTRY_UDP);
	w->records->record[index & (TABLE_RECORDS - 1)].socket = socket;
	c->address_node = READ(__u64, socket + OFFSET(sock_common, skc_portaddr_node));
}

/* UDP: the chain of the port, in its order. */
static __always_inline bool port_udp_link(struct walker *w, struct table_port *c)
{
	__u64 socket = c->owner_node - OFFSET(sock_common, skc_nulls_node);
	__u32 key = w->port_netns;
	struct table_netns *n = bpf_map_lookup_elem(&netns, &key);

	if (!n)
		return false;
	if (c->address_node) {
		port_udp_next(w, c, n);
		return true;
	}
	if (w->at->emitted >= TABLE_RECORDS || !c->owner_node || (c->owner_node & 1))
		return false;
	c->owner_node = READ(__u64, c->owner_node);
	if (port_udp_is_owner(w, n, socket))
		port_udp_owner(w, c, socket);
	return true;
}

static long port_udp_step(__u32 i, struct walker *w)
{
	bool more;

	if (!w->records)
		return 1;
	bpf_rcu_read_lock();
	more = port_udp_link(w, &w->nets->port);
	bpf_rcu_read_unlock();
	return !more;
}

static __always_inline void port_udp_walk(struct walker *w, bool from_start)
{
	struct table_port *c = &w->nets->port;
	__u64 at = w->heads + (__u64)w->at->next * bpf_core_type_size(struct udp_hslot);
	__u32 key = w->port_netns;
	struct table_netns *n = bpf_map_lookup_elem(&netns, &key);

	if (!n)
		return;
	if (from_start) {
		c->owner_node = FIELD(__u64, at, udp_hslot, head);
		n->bucket.chain = FIELD(__u32, at, udp_hslot, count);
		c->address_node = 0;
		c->failed = 0;
	}
	bpf_loop(1 << 22, port_udp_step, w, 0);
}

#endif
