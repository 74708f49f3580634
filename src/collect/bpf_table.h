/*
 * Inside the BPF collector: namespaces in batches, the tables they use, and walks over them.
 */
#ifndef EPH_COLLECT_BPF_TABLE_H
#define EPH_COLLECT_BPF_TABLE_H

#include "bpf_kernel.h"
#include "collector.h"

/* The file of a socket that was read with its port. */
struct bpf_file {
	uint64_t file;
	uint32_t inode;
};

/* A UDP socket, and the one behind it in the chain of its address, 0 if none. */
struct bpf_link {
	uint64_t socket, next;
};

struct bpf_state {
	struct bpf_kernel kernel;
	unsigned hz;
	struct bpf_file *file;
	size_t files, files_capacity;
	struct bpf_link *link; /* of the UDP sockets of a port, as they were read */
	size_t links, links_capacity;
};

/* Namespaces that one walk serves, and where their tables are. */
struct bpf_batch {
	struct bpf_state *state;
	struct snapshot *snapshot;
	size_t first, count; /* of snapshot->netns; index in the programs = index - first */
	struct table_info info[TABLE_NETNS_MAX];
	bool gone[TABLE_NETNS_MAX];
};

/* A hash table of the kernel, several namespaces may share it. */
struct bpf_buckets {
	uint64_t heads;
	uint32_t count;
};

enum bpf_table_kind {
	BPF_TABLE_CONNECTIONS,
	BPF_TABLE_BINDS,
	BPF_TABLE_LISTENERS,
	BPF_TABLE_UDP,
};

/* The distinct tables of this kind; at most TABLE_NETNS_MAX. Returns how many. */
unsigned bpf_batch_tables(const struct bpf_batch *batch, enum bpf_table_kind kind,
			  struct bpf_buckets *ret);

/* Flag every namespace of the batch. */
void bpf_batch_flag(struct bpf_batch *batch, uint32_t gap);

/* Called for each record; 0 or negative errno, which ends the reading. */
typedef int (*bpf_record_fn)(void *context, struct netns_snapshot *netns,
			     const struct socket_record *record);

/* Read records: connections, and what is only in the bind table, or UDP. @request->remote is applied to TCP when set. */
enum bpf_stream {
	BPF_STREAM_CONNECTIONS = 1u << 0,
	BPF_STREAM_BINDS = 1u << 1,
	BPF_STREAM_UDP = 1u << 2,
};
int bpf_stream(struct bpf_batch *batch, const struct collect_request *request, unsigned streams,
	       bpf_record_fn fn, void *context);

/* Hand over the first @records records of the answer. Return: 0 or what @fn returned. */
int bpf_deliver(struct bpf_batch *batch, uint32_t records, bpf_record_fn fn, void *context);

/* Fill sockets, sockets_port and bucket for request->local_port. Return: 0 or negative errno. */
int bpf_port(struct bpf_batch *batch, const struct collect_request *request);

/* Tell the @count UDP sockets at @record, one for each link, their ranks. Return: 0; -EAGAIN when the links do not fit
 * together: the chains changed while they were read; -ENOMEM. */
int bpf_rank(const struct bpf_state *state, struct socket_record *record, size_t count);

/* collector.holders */
int bpf_holders(void *state, const uint32_t *inode, size_t count, struct snapshot *snapshot);

/* Count TCP groups inside the kernel. Return: 0; -E2BIG when a thread's table was too small; else negative errno. */
int bpf_groups_walk(struct bpf_batch *batch, const struct collect_request *request);

/* Add what the last walk counted to netns->groups, sockets_read and time_wait of the batch. */
void bpf_groups_merge(struct bpf_batch *batch);

#endif
