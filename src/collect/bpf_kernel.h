/*
 * The programs of src/bpf in the kernel: loaded when first needed, run, and their memory.
 */
#ifndef EPH_COLLECT_BPF_KERNEL_H
#define EPH_COLLECT_BPF_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf_types.h"
#include "table.h"

struct eph_error;
struct bpf_object;

enum bpf_program_id {
	BPF_INFO,
	BPF_BIND_SETS,
	BPF_LISTEN_SETS,
	BPF_UDP_SETS,
	BPF_COUNT_GROUPS,
	BPF_CONNECTION_RECORDS,
	BPF_BIND_RECORDS,
	BPF_UDP_RECORDS,
	BPF_PORT_RECORDS,
	BPF_PORT_UDP_RECORDS,
	BPF_FILE_HOLDERS,
	BPF_PROGRAMS,
};

/* Programs that are loaded together. */
enum bpf_part {
	BPF_PART_BINDS,
	BPF_PART_GROUPS,
	BPF_PART_RECORDS,
	BPF_PART_PORT,
	BPF_PART_HOLDERS,
	BPF_PARTS,
};

enum bpf_map_id {
	BPF_MAP_NETNS,
	BPF_MAP_NETS,
	BPF_MAP_LANES,
	BPF_MAP_GROUPS,
	BPF_MAP_RECORDS,
	BPF_MAP_HOLDERS,
	BPF_MAPS,
};

struct bpf_kernel {
	struct bpf_object *part[BPF_PARTS];
	/* descriptors, 0 until loaded; owned by the objects, as those of the maps */
	int program[BPF_PROGRAMS];
	int map[BPF_MAPS];
	/* shared with the programs, NULL until a part that uses it is loaded: */
	void *memory[BPF_MAPS];
	struct table_netns *netns; /* TABLE_NETNS_MAX */
	struct table_nets *nets;
	struct table_lane *lane;     /* one per thread */
	struct table_groups *groups; /* one per thread */
	struct table_records *records;
	struct table_holders *holders;
	struct bpf_types types;
	unsigned lanes;
	bool step_one;    /* kernel_laws.step_one */
	bool direct;      /* loads are direct, not calls of bpf_probe_read_kernel */
	uint64_t load_us; /* spent loading so far */
};

/* @allow_direct: false forces the variant that works on 6.1, to test it. @lanes: threads, at most
 * TABLE_LANES_MAX. Return: 0 or negative errno with @reterr; nothing is left behind then. */
int bpf_kernel_open(struct bpf_kernel *kernel, unsigned lanes, bool allow_direct,
		    struct eph_error *reterr);
void bpf_kernel_close(struct bpf_kernel *kernel);

/* Load a part unless it is. Return: 0 or negative errno with @reterr. */
int bpf_kernel_need(struct bpf_kernel *kernel, enum bpf_part part, struct eph_error *reterr);

/* Run a program with its context, which it may change. Return: 0 or negative errno. Safe in parallel. */
int bpf_kernel_run(const struct bpf_kernel *kernel, enum bpf_program_id program, void *context,
		   size_t bytes);

#endif
