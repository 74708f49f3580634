/*
 * Everything about one local port: the bind bucket and its owners, the UDP sockets in its hash chain. Only their slots of
 * the kernel's tables are looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf_table.h"

#define PORT_TRIES 16u /* owners come and go while the lists are read */

static int take_record(void *context, struct netns_snapshot *netns,
		       const struct socket_record *record)
{
	const struct collect_request *request = context;

	netns->sockets_read++;
	if (record->protocol == PROTOCOL_TCP && request->remote.family != IP_NONE &&
	    (!ip_address_equal(&record->remote, &request->remote) ||
	     record->remote_port != request->remote_port))
		return 0;
	netns->time_wait += (record->flags & SOCKET_MINI) != 0;
	return socket_table_add(&netns->sockets, record);
}

/* Of each socket, the file: bpf_holders() looks for it. */
static int note_files(struct bpf_state *state, uint32_t records)
{
	for (uint32_t i = 0; i < records; i++) {
		const struct table_record *record = &state->kernel.records->record[i];

		if (!record->file)
			continue;
		if (state->files == state->files_capacity) {
			size_t wanted = state->files_capacity ? state->files_capacity * 2 : 64;
			void *grown = reallocarray(state->file, wanted, sizeof(*state->file));

			if (!grown)
				return -ENOMEM;
			state->file = grown;
			state->files_capacity = wanted;
		}
		state->file[state->files++] = (struct bpf_file){record->file, record->inode};
	}
	return 0;
}

/* Of each UDP socket, what is behind it. */
static int note_links(struct bpf_state *state, uint32_t records)
{
	if (state->links + records > state->links_capacity) {
		size_t wanted = (state->links + records) * 2;
		void *grown = reallocarray(state->link, wanted, sizeof(*state->link));

		if (!grown)
			return -ENOMEM;
		state->link = grown;
		state->links_capacity = wanted;
	}
	for (uint32_t i = 0; i < records; i++) {
		const struct table_record *record = &state->kernel.records->record[i];

		state->link[state->links++] = (struct bpf_link){record->socket, record->next};
	}
	return 0;
}

/* One walk over the slot, in as many answers as it takes. Return: 0, -EAGAIN when it changed under the reader. */
static int read_slot(struct bpf_batch *batch, const struct collect_request *request,
		     enum bpf_program_id program, const struct table_walk *slot)
{
	struct table_walk walk = *slot;
	int r;

	do {
		walk.records = walk.changed = 0;
		r = bpf_kernel_run(&batch->state->kernel, program, &walk, sizeof(walk));
		if (r == 0 && walk.changed)
			r = -EAGAIN;
		if (r == 0)
			r = note_files(batch->state, walk.records);
		if (r == 0 && program == BPF_PORT_UDP_RECORDS)
			r = note_links(batch->state, walk.records);
		if (r == 0)
			r = bpf_deliver(batch, walk.records, take_record,
					(void *)(uintptr_t)request);
		walk.what |= TABLE_CONTINUE;
	} while (r == 0 && walk.records >= TABLE_RECORDS);
	return r;
}

static void take_bucket(const struct table_bucket *from, struct bind_bucket *to)
{
	to->exists = from->exists;
	to->fastreuse = from->fastreuse;
	to->fastreuseport = from->fastreuseport;
	to->fast_uid = from->fast_uid;
	to->fast_af_inet6 = from->fast_family == 6;
	to->fast_v6only = from->fast_v6only;
	to->fast_address.family = from->fast_address_family;
	memcpy(to->fast_address.bytes, from->fast_address, sizeof(to->fast_address.bytes));
	to->any_v4_made_by = from->any_v4_made_by;
	to->unlisted = from->unlisted;
	to->chain = from->chain;
}

/* The slot of the port for one protocol of the @i-th namespace, again when it changed meanwhile. */
static int read_port(struct bpf_batch *batch, const struct collect_request *request, size_t i,
		     uint8_t protocol)
{
	const struct table_info *info = &batch->info[i];
	struct netns_snapshot *netns = &batch->snapshot->netns[batch->first + i];
	struct table_netns *shared = &batch->state->kernel.netns[i];
	struct bind_bucket *bucket = &netns->bucket[protocol == PROTOCOL_UDP];
	bool tcp = protocol == PROTOCOL_TCP;
	uint32_t slot = (request->local_port + info->hash_mix) &
			(tcp ? info->bhash_size - 1 : info->udp_mask);
	const struct table_walk walk = {.heads = tcp ? info->bhash : info->udp_hash,
					.first = slot,
					.netns = (uint32_t)i,
					.port = request->local_port,
					.hz = batch->state->hz};
	size_t kept = netns->sockets.count;
	int r = -EAGAIN;

	for (unsigned try = 0; try < PORT_TRIES && r == -EAGAIN; try++) {
		netns->sockets.count = kept;
		batch->state->links = 0;
		memset(&shared->bucket, 0, sizeof(shared->bucket));
		r = read_slot(batch, request, tcp ? BPF_PORT_RECORDS : BPF_PORT_UDP_RECORDS, &walk);
		if (r == 0 && !tcp)
			r = bpf_rank(batch->state, netns->sockets.record + kept,
				     netns->sockets.count - kept);
	}
	if (r == -EAGAIN) {
		netns->gaps |= GAP_CHANGED;
		r = 0;
	}
	bucket->protocol = protocol;
	bucket->port = request->local_port;
	take_bucket(&shared->bucket, bucket);
	if (shared->vrf)
		netns->gaps |= GAP_VRF;
	return r;
}

/* What tells whether connect() chose a port: binds() may not have been called. */
static void note_laws(const struct bpf_batch *batch)
{
	struct kernel_laws *laws = &batch->snapshot->laws;
	uint32_t has = batch->info[0].laws;

	if (batch->gone[0])
		return;
	if (laws->bucket_reopens == LAW_UNKNOWN)
		laws->bucket_reopens = has & TABLE_BUCKET_REOPENS ? LAW_YES : LAW_NO;
	laws->mapped_sees_any = has & TABLE_MAPPED_SEES_ANY ? LAW_YES : LAW_NO;
}

int bpf_port(struct bpf_batch *batch, const struct collect_request *request)
{
	bool tcp = request->what.tcp || !request->what.udp,
	     udp = request->what.udp || !request->what.tcp;
	int r = bpf_kernel_need(&batch->state->kernel, BPF_PART_PORT, NULL);

	if (batch->first == 0) {
		note_laws(batch);
		batch->state->files = 0;
	}
	for (size_t i = 0; r == 0 && i < batch->count; i++) {
		struct netns_snapshot *netns = &batch->snapshot->netns[batch->first + i];

		if (batch->gone[i])
			continue;
		if (tcp)
			r = read_port(batch, request, i, PROTOCOL_TCP);
		if (r == 0 && udp && batch->info[i].udp_hash)
			r = read_port(batch, request, i, PROTOCOL_UDP);
		if (r == 0 && tcp && udp && request->remote.family == IP_NONE)
			netns->sockets_port = request->local_port;
	}
	return r;
}
