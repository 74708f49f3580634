/*
 * Of a build without BPF: says so.
 */
#include <errno.h>
#include <stddef.h>

#include "error.h"
#include "run_cgroup.h"

int run_cgroup_open(const struct eph_pool *pool, struct run_cgroup **ret, struct eph_error *reterr)
{
	(void)pool;
	(void)ret;
	return error_set(reterr, -EOPNOTSUPP, "bpf",
			 "built without BPF: clang, bpftool or libbpf was missing");
}

struct run_cgroup *run_cgroup_close(struct run_cgroup *cgroup)
{
	(void)cgroup;
	return NULL;
}

int run_cgroup_enter(const struct run_cgroup *cgroup)
{
	(void)cgroup;
	return -EOPNOTSUPP;
}

void run_cgroup_links(const struct run_cgroup *cgroup, int ret[RUN_CGROUP_LINKS])
{
	(void)cgroup;
	for (unsigned i = 0; i < RUN_CGROUP_LINKS; i++)
		ret[i] = -1;
}

void run_cgroup_count(const struct run_cgroup *cgroup, struct run_cgroup_counts *ret)
{
	(void)cgroup;
	*ret = (struct run_cgroup_counts){0};
}
