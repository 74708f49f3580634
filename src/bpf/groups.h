/*
 * Sockets of the connection table counted by what they have in common: core/grouping.c inside the kernel.
 */
#ifndef EPH_BPF_GROUPS_H
#define EPH_BPF_GROUPS_H

#define GROUP_PROBES     16
#define GROUP_FILE_TRIES 16

/* Came from a listener? As netns_accepted(). A port whose bucket is open has no other owners than sockets whose port
 * connect() chose, so these need not be looked at. */
static __always_inline __u8 accepted(const struct table_seen *s, const struct table_netns *n)
{
	int known;

	if (s->state == TCP_NEW_SYN_RECV)
		return 1;
	if (s->counted)
		return 0;
	if (s->state == TCP_TIME_WAIT)
		known = time_wait_connect_bind(s->socket) ? 0 : -1;
	else
		known = socket_accepted(USERLOCKS(s->socket),
					FIELD(__u32, s->socket, sock, sk_max_ack_backlog));
	return known >= 0 ? (__u8)known : port_in(n->listening, s->num);
}

/* Is a socket of this port and origin to be counted? */
static __always_inline bool wanted(struct walker *w, const struct table_seen *s,
				   const struct table_netns *n)
{
	if (w->what & TABLE_INBOUND)
		return s->accepted;
	return !s->accepted && s->num >= n->lo && s->num <= n->hi;
}

static __always_inline __u64 mix(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

static __always_inline bool group_is(const struct table_group *group, const struct table_group *key)
{
	return ((group->local[0] ^ key->local[0]) | (group->local[1] ^ key->local[1]) |
		(group->remote[0] ^ key->remote[0]) | (group->remote[1] ^ key->remote[1]) |
		(__u64)(group->ports ^ key->ports) | (__u64)(group->netns ^ key->netns) |
		(__u64)(group->local_family ^ key->local_family) |
		(__u64)(group->remote_family ^ key->remote_family)) == 0;
}

/* Find or make the group of lane->key: its index in lane->seen, false when there is no room. */
static __always_inline bool group_find(struct walker *w)
{
	const struct table_group *key = &w->lane->key;
	__u64 owner = (__u64)key->netns << 16 | (__u64)key->local_family << 8 | key->remote_family;
	__u64 hash = mix(
		mix(mix(mix(mix(0, key->local[0]), key->local[1]), key->remote[0]), key->remote[1]),
		owner << 32 | key->ports);
	__u32 slot = (__u32)(hash >> 32);

	for (int i = 0; i < GROUP_PROBES; i++, slot++) {
		struct table_group *group = &w->groups->group[slot & (TABLE_GROUPS - 1)];

		if (group->used && !group_is(group, key))
			continue;
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
		}
		w->lane->seen.group = slot;
		return true;
	}
	return false;
}

static __always_inline void group_time_wait(struct walker *w, const struct table_seen *s,
					    const struct table_netns *n, struct table_group *group)
{
	struct time_wait_age age;

	time_wait_read(w, s->socket, &age);
	if (age.fin_wait2 || !age.timestamps)
		return;
	if (HAS(inet_timewait_sock, tw_entry_stamp) ? age.age_ms <= n->delay_ms : age.ts_age_s < 1)
		return;
	group->tw_aged++;
	if (COMMON(__u32, s->socket, skc_bound_dev_if) == 1)
		group->tw_aged_loopback++;
}

/* A group is named after one of its socket files; the first sockets may have none. */
static __always_inline void group_file(const struct table_seen *s, struct table_group *group)
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

static __always_inline void group_key(struct walker *w, const struct table_seen *s,
				      struct table_group *key)
{
	key->local_family = address_local(s->socket, s->family, key->local);
	key->netns = (__u16)s->netns;
	key->remote_family = 0;
	key->remote[0] = key->remote[1] = 0;
	key->ports = 0;
	if (w->what & TABLE_BY_SOURCE)
		return;
	key->remote_family = address_remote(s->socket, s->family, key->remote);
	if (w->what & TABLE_INBOUND)
		key->ports = (__u32)s->num << 16;
	else
		key->ports = bpf_ntohs(COMMON(__u16, s->socket, skc_dport));
}

static __always_inline void group_count(struct walker *w, const struct table_seen *s,
					const struct table_netns *n)
{
	struct table_group *group = &w->groups->group[s->group & (TABLE_GROUPS - 1)];

	if (s->state < TABLE_STATES)
		group->sockets[s->state]++;
	group_file(s, group);
	if (!s->counted)
		return;
	group->on_counted++;
	if (s->state == TCP_TIME_WAIT)
		group_time_wait(w, s, n, group);
}

/* Is it still what it was when it was gathered, and of a namespace of this walk? */
static __always_inline bool group_look(struct walker *w, struct table_seen *s)
{
	__u64 bucket = 0, socket = gathered(w, &bucket);
	int index;

	if (!socket)
		return false;
	index = walker_net(w, COMMON(__u64, socket, skc_net));
	s->state = COMMON(__u8, socket, skc_state);
	if (index < 0 || s->state == TCP_CLOSE ||
	    (COMMON(__u32, socket, skc_hash) & w->mask) != bucket)
		return false;
	s->socket = socket;
	s->netns = (__u32)index;
	s->num = COMMON(__u16, socket, skc_num);
	s->family = COMMON(__u16, socket, skc_family);
	return true;
}

static __always_inline void group_socket(struct walker *w)
{
	struct table_lane *lane = w->lane;
	struct table_seen *s = &lane->seen;
	struct table_netns *n;
	__u32 index, key;

	if (!group_look(w, s))
		return;
	FORGET();
	key = s->netns;
	n = bpf_map_lookup_elem(&netns, &key);
	if (!n)
		return;
	FORGET();
	index = s->netns & (TABLE_NETNS_MAX - 1);
	lane->read[index]++;
	if (s->state == TCP_TIME_WAIT)
		lane->time_wait[index]++;
	s->counted = port_in(n->counted, s->num);
	FORGET();
	s->accepted = accepted(s, n);
	FORGET();
	if (!wanted(w, s, n))
		return;
	group_key(w, s, &lane->key);
	FORGET();
	if (!(w->what & (lane->key.local_family == 6 ? TABLE_V6 : TABLE_V4)))
		return;
	if (!group_find(w)) {
		lane->overflow = 1;
		return;
	}
	FORGET();
	group_count(w, s, n);
}

static long group_step(__u32 i, struct walker *w)
{
	if (gathered_all(w))
		return 1;
	bpf_rcu_read_lock();
	group_socket(w);
	bpf_rcu_read_unlock();
	return 0;
}

#endif
