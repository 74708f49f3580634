#include "bpf_kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
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
#include "table_direct.skel.h"
#include "table_probe.skel.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

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

int bpf_kernel_knows(const char *const *words, bool *ret_found, unsigned count)
{
	CLEANUP(fd_closep) int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
	CLEANUP(freep) char *text = NULL;
	struct btf_header header;
	size_t got = 0;

	if (fd < 0)
		return -errno;
	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || header.magic != BTF_MAGIC)
		return -EINVAL;
	text = malloc((size_t)header.str_len + 1);
	if (!text)
		return -ENOMEM;
	while (got < header.str_len) {
		ssize_t n = pread(fd, text + got, header.str_len - got,
				  (off_t)header.hdr_len + header.str_off + (off_t)got);

		if (n <= 0)
			return n < 0 ? -errno : -EINVAL;
		got += (size_t)n;
	}
	for (unsigned i = 0; i < count; i++) {
		char pattern[64] = "";

		/* Strings follow each other, each with its NUL; the first is empty. */
		strncpy(pattern + 1, words[i], sizeof(pattern) - 2);
		ret_found[i] = memmem(text, got, pattern, strlen(words[i]) + 2) != NULL;
	}
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
	return 0;
}

static bool loads(const struct bpf_kernel *kernel, enum bpf_part part, unsigned i)
{
	return (programs[i].parts & (1u << part)) && kernel->program[i] <= 0;
}

static int load_part(struct bpf_kernel *kernel, enum bpf_part part)
{
	size_t bytes;
	const void *elf =
		kernel->direct ? table_direct__elf_bytes(&bytes) : table_probe__elf_bytes(&bytes);
	char types[32];
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "ephemports",
		    .btf_custom_path = types);
	int r;

	snprintf(types, sizeof(types), "/proc/self/fd/%d", kernel->types);
	kernel->part[part] = bpf_object__open_mem(elf, bytes, &options);
	if (!kernel->part[part])
		return -errno;
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
		return error_set(reterr, r, "bpf", "cannot load BPF programs: %s%s", strerror(-r),
				 r == -EPERM ? " (needs root, or CAP_BPF and CAP_PERFMON)" : "");
	return 0;
}

int bpf_kernel_open(struct bpf_kernel *kernel, unsigned lanes, bool allow_direct,
		    struct eph_error *reterr)
{
	static const char *const words[] = {"bpf_rdonly_cast", "bpf_rcu_read_lock"};
	bool found[ARRAY_SIZE(words)];
	uint64_t start = now_us();
	libbpf_print_fn_t print;
	int r;

	*kernel = (struct bpf_kernel){.lanes = lanes, .types = -1};
	r = bpf_kernel_knows(words, found, ARRAY_SIZE(words));
	if (r < 0)
		return error_set(reterr, r, "bpf",
				 "%s: %s: the kernel must describe its types (BTF)", BTF_PATH,
				 strerror(-r));
	kernel->direct = allow_direct && found[0] && found[1];
	print = libbpf_set_print(silent);
	kernel->types = bpf_types_cut();
	libbpf_set_print(print);
	if (kernel->types < 0)
		return error_set(reterr, kernel->types, "bpf", "%s: %s", BTF_PATH,
				 strerror(-kernel->types));
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
	fd_closep(&kernel->types);
	*kernel = (struct bpf_kernel){.types = -1};
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
