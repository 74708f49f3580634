#include "run_cgroup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "pool.h"
#include "run_cgroup_place.h"
#include "source.h"
#include "source.skel.h"

_Static_assert(SOURCE_MAX == SOURCES_MAX, "a pool has no more sources than the programs");

struct run_cgroup {
	char *path;
	int link[RUN_CGROUP_LINKS];
	const struct source__bss *seen; /* what the programs count, as they do it */
};

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* With a range of odd size the kernel does not look at one of its ends. A hint: too much costs a refused connection for each
 * source, too little nothing as long as another source has ports. */
static int64_t ports_of_a_source(const struct eph_pool *pool)
{
	uint32_t range = (uint32_t)(pool->host_range.hi - pool->host_range.lo) + 1;
	uint32_t usable = pool->range_given ? range : port_set_count(&pool->usable);

	return usable > 1 ? usable - (range & 1) : usable;
}

static int put_list(int map, unsigned first, const struct source_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		const struct ip_address *from = &list->address[i];
		struct source_address address = {{0}};
		unsigned index = first + i;
		char *to = (char *)address.word;

		if (from->family == IP_V6) {
			memcpy(to, from->bytes, 16);
		} else {
			memset(to + 10, 0xff, 2);
			memcpy(to + 12, from->bytes, 4);
		}
		if (bpf_map_update_elem(map, &index, &address, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

static int load(struct source *object, const struct eph_pool *pool)
{
	int map, r;

	object->rodata->count_v4 = pool->sources.v4.count;
	object->rodata->count_v6 = pool->sources.v6.count;
	object->rodata->port_low = pool->host_range.lo;
	object->rodata->port_count = 1u + pool->host_range.hi - pool->host_range.lo;
	object->rodata->ports = ports_of_a_source(pool);
	r = source__load(object);
	if (r < 0)
		return r;
	map = bpf_map__fd(object->maps.sources);
	r = put_list(map, 0, &pool->sources.v4);
	return r < 0 ? r : put_list(map, SOURCE_MAX, &pool->sources.v6);
}

/* The link's own descriptor goes with the object; ours stays. */
static int attach_one(struct bpf_program *program, int directory, int *ret)
{
	struct bpf_link *link = bpf_program__attach_cgroup(program, directory);

	if (!link)
		return -errno;
	*ret = fcntl(bpf_link__fd(link), F_DUPFD_CLOEXEC, 3);
	bpf_link__destroy(link);
	return *ret < 0 ? -errno : 0;
}

static int attach(const struct source *object, struct run_cgroup *cgroup)
{
	struct bpf_program *const program[RUN_CGROUP_LINKS] = {
		object->progs.source_placed, object->progs.source_release,
		object->progs.source_connect4, object->progs.source_connect6};
	CLEANUP(fd_closep) int directory = open(cgroup->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = directory < 0 ? -errno : 0;

	for (unsigned i = 0; r == 0 && i < RUN_CGROUP_LINKS; i++)
		r = attach_one(program[i], directory, &cgroup->link[i]);
	return r;
}

static int watch_counts(const struct source *object, struct run_cgroup *cgroup)
{
	void *seen = mmap(NULL, sizeof(*cgroup->seen), PROT_READ, MAP_SHARED,
			  bpf_map__fd(object->maps.bss), 0);

	if (seen == MAP_FAILED)
		return -errno;
	cgroup->seen = seen;
	return 0;
}

static int load_and_attach(const struct eph_pool *pool, struct run_cgroup *cgroup)
{
	struct source *object = source__open();
	int r = object ? load(object, pool) : -errno;

	if (r == 0)
		r = watch_counts(object, cgroup);
	if (r == 0)
		r = attach(object, cgroup);
	source__destroy(object);
	return r;
}

static int explain(int r, struct eph_error *reterr)
{
	return error_set(
		reterr, r, "bpf", "cannot attach BPF programs to a cgroup: %s%s", strerror(-r),
		r == -EPERM || r == -EACCES ? " (needs root, or CAP_BPF and CAP_NET_ADMIN)" : "");
}

int run_cgroup_open(const struct eph_pool *pool, struct run_cgroup **ret, struct eph_error *reterr)
{
	struct run_cgroup *cgroup = malloc(sizeof(*cgroup));
	libbpf_print_fn_t print;
	int r;

	if (!cgroup)
		return error_set(reterr, -ENOMEM, "cgroup", "out of memory");
	*cgroup = (struct run_cgroup){.link = {-1, -1, -1, -1}};
	r = run_cgroup_make(&cgroup->path, reterr);
	if (r == 0) {
		print = libbpf_set_print(silent);
		r = load_and_attach(pool, cgroup);
		libbpf_set_print(print);
		if (r < 0)
			explain(r, reterr);
	}
	if (r < 0)
		run_cgroup_close(cgroup);
	else
		*ret = cgroup;
	return r;
}

struct run_cgroup *run_cgroup_close(struct run_cgroup *cgroup)
{
	if (!cgroup)
		return NULL;
	for (unsigned i = 0; i < RUN_CGROUP_LINKS; i++)
		fd_closep(&cgroup->link[i]);
	if (cgroup->seen)
		munmap((void *)(uintptr_t)cgroup->seen, sizeof(*cgroup->seen));
	if (cgroup->path)
		rmdir(cgroup->path);
	free(cgroup->path);
	free(cgroup);
	return NULL;
}

int run_cgroup_enter(const struct run_cgroup *cgroup)
{
	char path[4200];
	CLEANUP(fd_closep) int fd = -1;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup->path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fd_write_all(fd, "0", 1);
}

void run_cgroup_links(const struct run_cgroup *cgroup, int ret[RUN_CGROUP_LINKS])
{
	memcpy(ret, cgroup->link, sizeof(cgroup->link));
}

void run_cgroup_count(const struct run_cgroup *cgroup, struct run_cgroup_counts *ret)
{
	const volatile struct source_counts *counts = &cgroup->seen->counts;

	*ret = (struct run_cgroup_counts){counts->bound, counts->refused, counts->failed,
					  counts->kept};
}
