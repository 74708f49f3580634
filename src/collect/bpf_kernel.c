#include "bpf_kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "bpf_types.h"
#include "error.h"
#include "fd.h"
#include "kernel_types.h"
#include "table_direct.skel.h"
#include "table_probe.skel.h"

#define PART(name) (1u << BPF_PART_##name)

/* A program is loaded with the first of its parts that is needed. */
static const struct {
	const char *name;
	unsigned parts;
} programs[BPF_PROGRAMS] = {
	[BPF_INFO] = {"info", PART(BINDS)},
	[BPF_BIND_SETS] = {"bind_sets", PART(BINDS)},
	[BPF_LISTEN_SETS] = {"listen_sets", PART(BINDS)},
	[BPF_UDP_SETS] = {"udp_sets", PART(BINDS)},
	[BPF_COUNT_GROUPS] = {"count_groups", PART(GROUPS)},
	[BPF_CONNECTION_RECORDS] = {"connection_records", PART(RECORDS)},
	[BPF_BIND_RECORDS] = {"bind_records", PART(RECORDS)},
	[BPF_UDP_RECORDS] = {"udp_records", PART(GROUPS) | PART(RECORDS)},
	[BPF_PORT_RECORDS] = {"port_records", PART(PORT)},
	[BPF_PORT_UDP_RECORDS] = {"port_udp_records", PART(PORT)},
	[BPF_FILE_HOLDERS] = {"file_holders", PART(HOLDERS)},
};

/* Maps are shared by all parts, and made by the first that needs them. */
static const struct {
	const char *name;
	unsigned parts;
	bool per_lane;
	uint32_t entries, entry_bytes;
} maps[BPF_MAPS] = {
	[BPF_MAP_NETNS] = {"netns", ~0u, false, TABLE_NETNS_MAX, sizeof(struct table_netns)},
	[BPF_MAP_NETS] = {"nets", ~0u, false, 1, sizeof(struct table_nets)},
	[BPF_MAP_LANES] = {"lanes", PART(GROUPS) | PART(RECORDS), true, 0,
			   sizeof(struct table_lane)},
	[BPF_MAP_GROUPS] = {"groups", PART(GROUPS), true, 0, sizeof(struct table_groups)},
	[BPF_MAP_RECORDS] = {"records", PART(GROUPS) | PART(RECORDS) | PART(PORT), false, 1,
			     sizeof(struct table_records)},
	[BPF_MAP_HOLDERS] = {"holders", PART(HOLDERS), false, 1, sizeof(struct table_holders)},
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static uint32_t map_entries(const struct bpf_kernel *kernel, unsigned i)
{
	return maps[i].per_lane ? kernel->lanes : maps[i].entries;
}

static size_t map_bytes(const struct bpf_kernel *kernel, unsigned i)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return ((size_t)map_entries(kernel, i) * maps[i].entry_bytes + page - 1) / page * page;
}

static struct bpf_map *map_of(const struct bpf_kernel *kernel, enum bpf_part part, unsigned i)
{
	return bpf_object__find_map_by_name(kernel->part[part], maps[i].name);
}

static int prepare_maps(struct bpf_kernel *kernel, enum bpf_part part)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < BPF_MAPS; i++) {
		struct bpf_map *map = map_of(kernel, part, i);

		if (kernel->memory[i])
			r = bpf_map__reuse_fd(map, kernel->map[i]);
		else if (!(maps[i].parts & (1u << part)))
			r = bpf_map__set_autocreate(map, false);
		else
			r = bpf_map__set_max_entries(map, map_entries(kernel, i));
	}
	return r;
}

static int share_memory(struct bpf_kernel *kernel, enum bpf_part part)
{
	for (unsigned i = 0; i < BPF_MAPS; i++) {
		void *memory;
		int fd;

		if (kernel->memory[i] || !(maps[i].parts & (1u << part)))
			continue;
		fd = bpf_map__fd(map_of(kernel, part, i));
		memory =
			mmap(NULL, map_bytes(kernel, i), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (memory == MAP_FAILED)
			return -errno;
		kernel->memory[i] = memory;
		kernel->map[i] = fd;
	}
	kernel->netns = kernel->memory[BPF_MAP_NETNS];
	kernel->nets = kernel->memory[BPF_MAP_NETS];
	kernel->lane = kernel->memory[BPF_MAP_LANES];
	kernel->groups = kernel->memory[BPF_MAP_GROUPS];
	kernel->records = kernel->memory[BPF_MAP_RECORDS];
	kernel->holders = kernel->memory[BPF_MAP_HOLDERS];
	return 0;
}

static bool loads(const struct bpf_kernel *kernel, enum bpf_part part, unsigned i)
{
	return (programs[i].parts & (1u << part)) && kernel->program[i] <= 0;
}

/* The programs call functions of the kernel by made-up numbers (src/bpf/kernel.h), which become the real ones here. libbpf
 * can do it, too, and reads all type information of the kernel for it. */
static void link_functions(const struct bpf_kernel *kernel, char *elf, size_t bytes)
{
	for (size_t at = 0; at + sizeof(struct bpf_insn) <= bytes; at += sizeof(struct bpf_insn)) {
		struct bpf_insn call;
		uint32_t function;

		memcpy(&call, elf + at, sizeof(call));
		function = (uint32_t)call.imm - TABLE_FUNCTION;
		if (call.code != (BPF_JMP | BPF_CALL) || call.dst_reg || call.src_reg || call.off ||
		    function >= BPF_FUNCTIONS)
			continue;
		call.src_reg = BPF_PSEUDO_KFUNC_CALL;
		call.imm = (int32_t)kernel->types.function[function];
		memcpy(elf + at, &call, sizeof(call));
	}
}

static int open_part(struct bpf_kernel *kernel, enum bpf_part part)
{
	size_t bytes;
	const void *raw =
		kernel->direct ? table_direct__elf_bytes(&bytes) : table_probe__elf_bytes(&bytes);
	CLEANUP(freep) char *elf = malloc(bytes);
	char types[32];
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "ephemports",
		    .btf_custom_path = types);

	if (!elf)
		return -ENOMEM;
	memcpy(elf, raw, bytes);
	link_functions(kernel, elf, bytes);
	snprintf(types, sizeof(types), "/proc/self/fd/%d", kernel->types.fd);
	kernel->part[part] = bpf_object__open_mem(elf, bytes, &options);
	return kernel->part[part] ? 0 : -errno;
}

static int load_part(struct bpf_kernel *kernel, enum bpf_part part)
{
	int r = open_part(kernel, part);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < BPF_PROGRAMS; i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(kernel->part[part], programs[i].name),
			loads(kernel, part, i));
	r = prepare_maps(kernel, part);
	if (r == 0)
		r = bpf_object__load(kernel->part[part]);
	if (r == 0)
		r = share_memory(kernel, part);
	for (unsigned i = 0; r == 0 && i < BPF_PROGRAMS; i++)
		if (loads(kernel, part, i))
			kernel->program[i] = bpf_program__fd(bpf_object__find_program_by_name(
				kernel->part[part], programs[i].name));
	return r;
}

static void unload_part(struct bpf_kernel *kernel, enum bpf_part part)
{
	bpf_object__close(kernel->part[part]);
	kernel->part[part] = NULL;
}

int bpf_kernel_need(struct bpf_kernel *kernel, enum bpf_part part, struct eph_error *reterr)
{
	libbpf_print_fn_t print;
	uint64_t start = now_us();
	int r;

	if (kernel->part[part])
		return 0;
	print = libbpf_set_print(silent);
	r = load_part(kernel, part);
	if (r < 0) {
		unload_part(kernel, part);
		if (kernel->direct && part == BPF_PART_BINDS && r != -EPERM) {
			kernel->direct = false;
			r = load_part(kernel, part);
			if (r < 0)
				unload_part(kernel, part);
		}
	}
	libbpf_set_print(print);
	kernel->load_us += now_us() - start;
	if (r < 0)
		return error_set(reterr, r, "bpf", "cannot load BPF programs: %s%s",
				 r == -ESRCH ? "this kernel lacks a type or field they read"
					     : strerror(-r),
				 r == -EPERM ? " (needs root, or CAP_BPF and CAP_PERFMON)" : "");
	return 0;
}

static int read_types(struct bpf_kernel *kernel)
{
	struct kernel_types types;
	int r = kernel_types_open(&types);

	if (r < 0)
		return r;
	kernel->step_one = kernel_types_have(&types, "TCP_BOUND_INACTIVE");
	r = bpf_types_cut(&types, &kernel->types);
	kernel_types_close(&types);
	return r;
}

int bpf_kernel_open(struct bpf_kernel *kernel, unsigned lanes, bool allow_direct,
		    struct eph_error *reterr)
{
	uint64_t start = now_us();
	int r;

	*kernel = (struct bpf_kernel){.lanes = lanes, .types.fd = -1};
	r = read_types(kernel);
	if (r == -ENOENT)
		return error_set(reterr, r, "bpf",
				 "%s: %s: the kernel must describe its types (BTF)",
				 KERNEL_TYPES_PATH, strerror(-r));
	if (r < 0)
		return error_set(reterr, r, "bpf", "%s: %s", KERNEL_TYPES_PATH, strerror(-r));
	kernel->direct = allow_direct;
	for (unsigned i = 0; i < BPF_FUNCTIONS; i++)
		kernel->direct &= kernel->types.function[i] != 0;
	kernel->load_us = now_us() - start;
	r = bpf_kernel_need(kernel, BPF_PART_BINDS, reterr);
	if (r < 0)
		bpf_kernel_close(kernel);
	return r;
}

void bpf_kernel_close(struct bpf_kernel *kernel)
{
	for (unsigned i = 0; i < BPF_MAPS; i++)
		if (kernel->memory[i])
			munmap(kernel->memory[i], map_bytes(kernel, i));
	for (unsigned part = 0; part < BPF_PARTS; part++)
		bpf_object__close(kernel->part[part]);
	fd_closep(&kernel->types.fd);
	*kernel = (struct bpf_kernel){.types.fd = -1};
}

int bpf_kernel_run(const struct bpf_kernel *kernel, enum bpf_program_id program, void *context,
		   size_t bytes)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context, .ctx_size_in = (__u32)bytes);
	int r = bpf_prog_test_run_opts(kernel->program[program], &options);

	if (r < 0)
		return r;
	return options.retval ? -EIO : 0;
}
