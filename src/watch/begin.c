#include "begin.h"

#include <errno.h>
#include <time.h>

#include "alloc.h"
#include "error.h"
#include "netns.h"
#include "process.h"
#include "procfs.h"
#include "replay.h"

uint64_t begin_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int open_namespaces(const struct observe_options *options, struct snapshot *snapshot,
			   struct eph_error *reterr)
{
	if (options->all_netns)
		return netns_open_all(snapshot, &snapshot->netns_skipped, reterr);
	if (options->netns)
		return netns_open(snapshot, options->netns, reterr);
	return netns_open_current(snapshot, reterr);
}

int begin_snapshot(const struct observe_options *options, struct snapshot **ret,
		   struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	int r;

	if (options->replay) {
		r = replay_read(options->replay, &snapshot, reterr);
		if (r == 0 && snapshot->n_netns == 0)
			r = error_set(reterr, -EINVAL, "replay", "%s: has no namespace",
				      options->replay);
	} else {
		snapshot = snapshot_new();
		r = snapshot ? open_namespaces(options, snapshot, reterr)
			     : error_set(reterr, -ENOMEM, "observe", "out of memory");
		if (r == 0)
			r = procfs_read_settings(snapshot, reterr);
	}
	if (r == 0)
		*ret = TAKE_PTR(snapshot);
	return r;
}

int begin_processes(struct snapshot *snapshot, struct eph_error *reterr)
{
	unsigned unreadable;
	int r;

	if (snapshot->has_processes || snapshot->replayed)
		return 0;
	r = process_read(&snapshot->processes, &unreadable, reterr);
	snapshot->has_processes = r == 0;
	return r;
}

int begin_everything(const struct choice *choice, struct snapshot *snapshot,
		     struct eph_error *reterr)
{
	const struct collect_request all = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};
	int r = choice->collector->sockets(choice->state, &all, snapshot, reterr);

	return r < 0 ? r : begin_processes(snapshot, reterr);
}
