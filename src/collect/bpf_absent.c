/*
 * The BPF collector of a build without BPF: says so, and cannot be opened.
 */
#include <errno.h>

#include "collector.h"
#include "error.h"

static int absent_open(void **ret_state, struct eph_error *reterr)
{
	*ret_state = NULL;
	return error_set(reterr, -EOPNOTSUPP, "bpf",
			 "built without BPF: clang, bpftool or libbpf was missing");
}

static void absent_close(void *state)
{
	(void)state;
}

const struct collector collector_bpf = {
	.name = "bpf",
	.open = absent_open,
	.close = absent_close,
};
