/*
 * Sockets of the connection table counted by what they have in common: core/grouping.c inside the kernel.
 */
#ifndef EPH_BPF_GROUPS_H
#define EPH_BPF_GROUPS_H

#define GROUP_PROBES 24
#define GROUP_FILE_TRIES 16

struct seen {
	__u64 socket;
	__u64 local[2], remote[2];
	struct table_netns *netns;
	__u32 netns_index;
	__u16 family, num;
	__u8 state, local_family;
	bool counted;
};

/* Came from a listener? As netns_accepted(). A port whose bucket is open has no other owners than sockets whose port
 * connect() chose, so these need not be looked at. */
static __always_inline bool accepted(const struct seen *s)
{
	int known = -1;

	if (s->state == TCP_NEW_SYN_RECV)
		return true;
	if (s->counted)
		return false;
	if (s->state == TCP_TIME_WAIT)
		known = time_wait_connect_bind(s->socket) ? 0 : -1;
	else
		known = socket_accepted(FIELD(__u8, s->socket, sock, sk_userlocks),
					FIELD(__u32, s->socket, sock, sk_max_ack_backlog));
	if (known >= 0)
		return known;
	return port_in(s->netns->listening, s->num);
}

static __always_inline bool wanted(struct walker *w, const struct seen *s)
{
	if (w->what & TABLE_INBOUND)
		return accepted(s);
	if (s->num < s->netns->lo || s->num > s->netns->hi)
		return false;
	return !accepted(s);
}

static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

static __always_inline struct table_group *group_find(struct walker *w, const struct table_group *key)
{
	__u64 owner = (__u64)key->netns << 16 | (__u64)key->local_family << 8 | key->remote_family;
	__u64 hash = mix(mix(mix(mix(mix(0, key->local[0]), key->local[1]), key->remote[0]), key->remote[1]),
			 owner << 32 | key->ports);
	__u32 slot = (__u32)(hash >> 32);

	for (int i = 0; i < GROUP_PROBES; i++) {
		struct table_group *group = &w->groups->group[slot++ & (TABLE_GROUPS - 1)];

		if (!group->used) {
			group->local[0] = key->local[0];
			group->local[1] = key->local[1];
			group->remote[0] = key->remote[0];
			group->remote[1] = key->remote[1];
			group->ports = key->ports;
			group->netns = key->netns;
			group->local_family = key->local_family;
			group->remote_family = key->remote_family;
			group->used = 1;
			return group;
		}
		if (((group->local[0] ^ key->local[0]) | (group->local[1] ^ key->local[1]) |
		     (group->remote[0] ^ key->remote[0]) | (group->remote[1] ^ key->remote[1]) |
		     (group->ports ^ key->ports) | (__u64)(group->netns ^ key->netns) |
		     (__u64)(group->local_family ^ key->local_family) |
		     (__u64)(group->remote_family ^ key->remote_family)) == 0)
			return group;
	}
	return 0;
}

static __always_inline void group_time_wait(struct walker *w, const struct seen *s, struct table_group *group)
{
	struct time_wait_age age;

	time_wait_read(w, s->socket, &age);
	if (age.fin_wait2 || !age.timestamps)
		return;
	if (HAS(inet_timewait_sock, tw_entry_stamp) ? age.age_ms <= s->netns->delay_ms : age.ts_age_s < 1)
		return;
	group->tw_aged++;
	if (COMMON(__u32, s->socket, skc_bound_dev_if) == 1)
		group->tw_aged_loopback++;
}

/* A group is named after one of its socket files; the first sockets may have none. */
static __always_inline void group_file(const struct seen *s, struct table_group *group)
{
	if (group->inode || group->tries >= GROUP_FILE_TRIES || s->state == TCP_TIME_WAIT ||
	    s->state == TCP_NEW_SYN_RECV)
		return;
	group->tries++;
	group->inode = socket_inode(s->socket);
	if (group->inode)
		group->uid = FIELD(__u32, s->socket, sock, sk_uid);
	if (!group->cgroup)
		group->cgroup = socket_cgroup(s->socket);
}

static __always_inline void group_count(struct walker *w, struct seen *s)
{
	struct table_group key = {0}, *group;

	key.local[0] = s->local[0];
	key.local[1] = s->local[1];
	key.local_family = s->local_family;
	key.netns = (__u16)s->netns_index;
	if (!(w->what & TABLE_BY_SOURCE)) {
		key.remote_family = address_remote(s->socket, s->family, key.remote);
		if (w->what & TABLE_INBOUND)
			key.ports = (__u32)s->num << 16;
		else
			key.ports = bpf_ntohs(COMMON(__u16, s->socket, skc_dport));
	}
	group = group_find(w, &key);
	if (!group) {
		w->overflow = 1;
		return;
	}
	if (s->state < TABLE_STATES)
		group->sockets[s->state]++;
	group_file(s, group);
	if (!s->counted)
		return;
	group->on_counted++;
	if (s->state == TCP_TIME_WAIT)
		group_time_wait(w, s, group);
}

static long group_step(__u32 i, struct walker *w)
{
	struct seen s = {0};
	__u64 bucket = 0;
	bool more;
	int index;

	s.socket = gathered(w, &bucket, &more);
	if (!s.socket)
		return !more;
	bpf_rcu_read_lock();
	index = walker_net(w, COMMON(__u64, s.socket, skc_net));
	s.state = COMMON(__u8, s.socket, skc_state);
	/* Freed and used again since it was gathered: not of this chain any more. */
	if (index < 0 || s.state == TCP_CLOSE || (COMMON(__u32, s.socket, skc_hash) & w->mask) != bucket)
		goto out;
	index &= TABLE_NETNS_MAX - 1;
	w->lane->read[index]++;
	if (s.state == TCP_TIME_WAIT)
		w->lane->time_wait[index]++;
	s.netns_index = (__u32)index;
	s.netns = bpf_map_lookup_elem(&netns, &s.netns_index);
	if (!s.netns)
		goto out;
	s.num = COMMON(__u16, s.socket, skc_num);
	s.family = COMMON(__u16, s.socket, skc_family);
	s.counted = port_in(s.netns->counted, s.num);
	if (!wanted(w, &s))
		goto out;
	s.local_family = address_local(s.socket, s.family, s.local);
	if (w->what & (s.local_family == 6 ? TABLE_V6 : TABLE_V4))
		group_count(w, &s);
out:
	bpf_rcu_read_unlock();
	return 0;
}

#endif
