/*
 * A socket as a record: everything about it that decides over ports.
 */
#ifndef EPH_BPF_RECORDS_H
#define EPH_BPF_RECORDS_H

static __always_inline __u32 socket_window(__u64 socket)
{
	if (HAS(inet_sock, local_port_range))
		return FIELD(__u32, socket, inet_sock, local_port_range);
	if (HAS(inet_sock___halves, local_port_range)) {
		__u64 at =
			socket + bpf_core_field_offset(struct inet_sock___halves, local_port_range);

		return (__u32)READ(__u16, at + 2) << 16 | READ(__u16, at);
	}
	return 0;
}

static __always_inline void record_full(struct table_record *r, __u64 socket)
{
	r->uid = FIELD(__u32, socket, sock, sk_uid);
	r->inode = socket_inode(socket);
	r->cgroup = socket_cgroup(socket);
	r->userlocks = USERLOCKS(socket);
	r->max_ack_backlog = FIELD(__u32, socket, sock, sk_max_ack_backlog);
	r->window = socket_window(socket);
}

static __always_inline void record_time_wait(struct walker *w, struct table_record *r, __u64 socket)
{
	__u64 timer = socket + OFFSET(inet_timewait_sock, tw_timer) + OFFSET(timer_list, expires);
	__s64 left = (__s64)(READ(__u64, timer) - w->jiffies);
	struct time_wait_age age;

	time_wait_read(w, socket, &age);
	r->substate = FIELD(__u8, socket, inet_timewait_sock, tw_substate);
	r->flags |= TABLE_MINI | (age.timestamps ? TABLE_TIMESTAMPS : 0);
	if (time_wait_connect_bind(socket))
		r->flags |= TABLE_CONNECT_BIND;
	r->age_ms = age.age_ms;
	r->ts_age_s = age.ts_age_s;
	r->expires_ms = left > 0 && w->hz ? (__u32)((__u64)left * 1000 / w->hz) : 0;
}

static __always_inline void record_clear(struct table_record *r)
{
	__u64 *word = (__u64 *)r;

#pragma clang loop unroll(full)
	for (int i = 0; i < (int)(sizeof(*r) / sizeof(*word)); i++)
		word[i] = 0;
}

static __always_inline bool record_wanted(struct walker *w, const struct table_record *r)
{
	if ((w->what & TABLE_REMOTE_PORT) && r->remote_port != (__u16)w->remote_port)
		return false;
	if (!(w->what & TABLE_REMOTE))
		return true;
	return r->remote_family == (__u8)w->remote_family && r->remote[0] == w->remote[0] &&
	       r->remote[1] == w->remote[1];
}

static __always_inline void record_flags(struct table_record *r, __u64 socket)
{
	struct sock_common *common = (struct sock_common *)socket;

	if (BPF_CORE_READ_BITFIELD_PROBED(common, skc_reuse))
		r->flags |= TABLE_REUSEADDR;
	FORGET();
	if (BPF_CORE_READ_BITFIELD_PROBED(common, skc_reuseport))
		r->flags |= TABLE_REUSEPORT;
	FORGET();
	if (BPF_CORE_READ_BITFIELD_PROBED(common, skc_ipv6only))
		r->flags |= TABLE_V6ONLY;
	FORGET();
}

/* Write the record of lane->seen, unless it is not wanted. */
static __always_inline void record_emit(struct walker *w, const struct table_seen *s)
{
	struct table_record *r = &w->records->record[w->at->emitted & (TABLE_RECORDS - 1)];

	record_clear(r);
	r->remote_family = address_remote(s->socket, s->family, r->remote);
	r->remote_port = bpf_ntohs(COMMON(__u16, s->socket, skc_dport));
	FORGET();
	if (!record_wanted(w, r))
		return;
	FORGET();
	w->at->emitted++;
	r->local_family = address_local(s->socket, s->family, r->local);
	FORGET();
	r->state = s->state;
	r->local_port = COMMON(__u16, s->socket, skc_num);
	r->device = COMMON(__u32, s->socket, skc_bound_dev_if);
	r->cookie = COMMON(__u64, s->socket, skc_cookie);
	r->netns = s->netns;
	if (s->family == AF_INET6)
		r->flags |= TABLE_AF_INET6;
	FORGET();
	if (s->where & ENTRY_BIND)
		r->l3_master = (__u32)s->where;
	FORGET();
	if (s->where & ENTRY_UDP)
		r->flags |= TABLE_UDP;
	FORGET();
	record_flags(r, s->socket);
	if (s->state == TCP_TIME_WAIT)
		record_time_wait(w, r, s->socket);
	else if (s->state == TCP_NEW_SYN_RECV)
		r->flags |= TABLE_REQUEST;
	else
		record_full(r, s->socket);
}

/* Is it still what it was when it was gathered? */
static __always_inline bool record_current(struct walker *w, __u64 socket, __u64 where)
{
	__u8 state = COMMON(__u8, socket, skc_state);

	if (where & ENTRY_UDP)
		return COMMON(__u16, socket, skc_num) != 0;
	if (where & ENTRY_BIND)
		return (state == TCP_CLOSE || state == TCP_LISTEN) &&
		       COMMON(__u16, socket, skc_num) != 0;
	return state != TCP_CLOSE && (COMMON(__u32, socket, skc_hash) & w->mask) == where;
}

static __always_inline void record_socket(struct walker *w)
{
	struct table_lane *lane = w->lane;
	struct table_seen *s = &lane->seen;
	__u64 where = 0, socket = gathered(w, &where);
	int index;

	if (!socket)
		return;
	index = walker_net(w, COMMON(__u64, socket, skc_net));
	if (index < 0 || !record_current(w, socket, where))
		return;
	s->socket = socket;
	s->where = where;
	s->netns = (__u32)index;
	s->family = COMMON(__u16, socket, skc_family);
	s->state = COMMON(__u8, socket, skc_state);
	FORGET();
	lane->read[s->netns & (TABLE_NETNS_MAX - 1)]++;
	FORGET();
	record_emit(w, s);
}

static long record_step(__u32 i, struct walker *w)
{
	if (!w->records || w->at->emitted >= TABLE_RECORDS || gathered_all(w))
		return 1;
	bpf_rcu_read_lock();
	record_socket(w);
	bpf_rcu_read_unlock();
	return 0;
}

#endif
