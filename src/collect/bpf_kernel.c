#include "bpf_kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "table_direct.skel.h"
#include "table_probe.skel.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

static const struct {
	const char *name;
	enum bpf_part part;
} programs[BPF_PROGRAMS] = {
	[BPF_INFO] = {"info", BPF_PART_BINDS},
	[BPF_BIND_SETS] = {"bind_sets", BPF_PART_BINDS},
	[BPF_LISTEN_SETS] = {"listen_sets", BPF_PART_BINDS},
	[BPF_UDP_SETS] = {"udp_sets", BPF_PART_BINDS},
	[BPF_COUNT_GROUPS] = {"count_groups", BPF_PART_GROUPS},
	[BPF_CONNECTION_RECORDS] = {"connection_records", BPF_PART_RECORDS},
	[BPF_BIND_RECORDS] = {"bind_records", BPF_PART_RECORDS},
	[BPF_UDP_RECORDS] = {"udp_records", BPF_PART_RECORDS},
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

static int map_memory(const struct bpf_map *map, size_t bytes, void **ret)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t whole = (bytes + (size_t)page - 1) / (size_t)page * (size_t)page;
	void *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		return -errno;
	*ret = memory;
	return 0;
}

static struct bpf_map *map_of(const struct bpf_kernel *kernel, enum bpf_part part, const char *name)
{
	return bpf_object__find_map_by_name(kernel->part[part], name);
}

/* Only the maps that this part uses are made, as large as it needs. */
static int prepare_maps(struct bpf_kernel *kernel, enum bpf_part part)
{
	struct bpf_map *netns = map_of(kernel, part, "netns"), *nets = map_of(kernel, part, "nets");
	struct bpf_map *lanes = map_of(kernel, part, "lanes"),
		       *groups = map_of(kernel, part, "groups");
	struct bpf_map *records = map_of(kernel, part, "records");
	int r = 0;

	if (part == BPF_PART_BINDS)
		r = bpf_map__set_max_entries(netns, TABLE_NETNS_MAX);
	else
		r = bpf_map__reuse_fd(netns, kernel->netns_map);
	if (r == 0 && part != BPF_PART_BINDS)
		r = bpf_map__reuse_fd(nets, kernel->nets_map);
	if (r == 0)
		r = bpf_map__set_max_entries(lanes, part == BPF_PART_GROUPS ? kernel->lanes : 1);
	if (r == 0 && part == BPF_PART_GROUPS)
		r = bpf_map__set_max_entries(groups, kernel->lanes);
	if (r == 0)
		r = bpf_map__set_autocreate(lanes, part != BPF_PART_BINDS);
	if (r == 0)
		r = bpf_map__set_autocreate(groups, part == BPF_PART_GROUPS);
	if (r == 0)
		r = bpf_map__set_autocreate(records, part == BPF_PART_RECORDS);
	return r;
}

static int share_memory(struct bpf_kernel *kernel, enum bpf_part part)
{
	int r = 0;

	switch (part) {
	case BPF_PART_BINDS:
		kernel->netns_map = bpf_map__fd(map_of(kernel, part, "netns"));
		kernel->nets_map = bpf_map__fd(map_of(kernel, part, "nets"));
		r = map_memory(map_of(kernel, part, "netns"),
			       TABLE_NETNS_MAX * sizeof(struct table_netns),
			       (void **)&kernel->netns);
		if (r == 0)
			r = map_memory(map_of(kernel, part, "nets"), sizeof(struct table_nets),
				       (void **)&kernel->nets);
		return r;
	case BPF_PART_GROUPS:
		r = map_memory(map_of(kernel, part, "groups"),
			       kernel->lanes * sizeof(struct table_groups),
			       (void **)&kernel->groups);
		break;
	case BPF_PART_RECORDS:
		r = map_memory(map_of(kernel, part, "records"), sizeof(struct table_records),
			       (void **)&kernel->records);
		break;
	case BPF_PARTS:
		break;
	}
	if (r == 0)
		r = map_memory(map_of(kernel, part, "lanes"),
			       (part == BPF_PART_GROUPS ? kernel->lanes : 1) *
				       sizeof(struct table_lane),
			       (void **)&kernel->lane[part]);
	return r;
}

static int load_part(struct bpf_kernel *kernel, enum bpf_part part)
{
	size_t bytes;
	const void *elf =
		kernel->direct ? table_direct__elf_bytes(&bytes) : table_probe__elf_bytes(&bytes);
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "ephemports");
	int r;

	kernel->part[part] = bpf_object__open_mem(elf, bytes, &options);
	if (!kernel->part[part])
		return -errno;
	for (unsigned i = 0; i < BPF_PROGRAMS; i++)
		bpf_program__set_autoload(
			bpf_object__find_program_by_name(kernel->part[part], programs[i].name),
			programs[i].part == part);
	r = prepare_maps(kernel, part);
	if (r == 0)
		r = bpf_object__load(kernel->part[part]);
	if (r == 0)
		r = share_memory(kernel, part);
	for (unsigned i = 0; r == 0 && i < BPF_PROGRAMS; i++)
		if (programs[i].part == part)
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
	int r;

	*kernel = (struct bpf_kernel){.lanes = lanes};
	r = bpf_kernel_knows(words, found, ARRAY_SIZE(words));
	if (r < 0)
		return error_set(reterr, r, "bpf",
				 "%s: %s: the kernel must describe its types (BTF)", BTF_PATH,
				 strerror(-r));
	kernel->direct = allow_direct && found[0] && found[1];
	r = bpf_kernel_need(kernel, BPF_PART_BINDS, reterr);
	if (r < 0)
		bpf_kernel_close(kernel);
	return r;
}

static void unmap(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

void bpf_kernel_close(struct bpf_kernel *kernel)
{
	unmap(kernel->netns, TABLE_NETNS_MAX * sizeof(*kernel->netns));
	unmap(kernel->nets, sizeof(*kernel->nets));
	unmap(kernel->groups, kernel->lanes * sizeof(*kernel->groups));
	unmap(kernel->records, sizeof(*kernel->records));
	unmap(kernel->lane[BPF_PART_GROUPS], kernel->lanes * sizeof(struct table_lane));
	unmap(kernel->lane[BPF_PART_RECORDS], sizeof(struct table_lane));
	for (int part = BPF_PARTS - 1; part >= 0; part--)
		bpf_object__close(kernel->part[part]);
	*kernel = (struct bpf_kernel){0};
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
