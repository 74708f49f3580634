#include "observe_pick.h"

#include "alloc.h"
#include "begin.h"
#include "choice.h"
#include "save.h"

static int read_owners(const struct observe_options *options, const struct choice *choice,
		       struct snapshot *snapshot, struct eph_error *reterr)
{
	int r = choice->collector->binds(choice->state, snapshot, reterr);

	if (r == 0 && !options->collector && choice->collector == &collector_netlink &&
	    snapshot->netns[0].gaps & GAP_BOUND_HIDDEN && !snapshot->bpf_absent_because[0])
		choice_settle_binds(snapshot);
	if (r == 0 && options->save)
		r = begin_everything(choice, snapshot, reterr);
	return r;
}

static int observe_live(const struct observe_options *options, struct snapshot *snapshot,
			struct eph_error *reterr)
{
	struct choice choice;
	int r = choice_open(options->collector, false, snapshot, &choice, reterr);

	if (r < 0)
		return r;
	do
		r = read_owners(options, &choice, snapshot, reterr);
	while (r < 0 && choice_fall_back(options->collector, r, &choice, snapshot));
	choice_close(&choice);
	return r == 0 && options->save ? save_snapshot(snapshot, options->save, reterr) : r;
}

int observe_pick(const struct observe_options *options, const struct pick_query *query,
		 struct snapshot **ret_snapshot, struct pick_result *ret, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	uint64_t start = begin_now_us();
	int r = begin_snapshot(options, &snapshot, reterr);

	if (r == 0 && !snapshot->replayed)
		r = observe_live(options, snapshot, reterr);
	if (r == 0)
		r = pick_judge(&snapshot->netns[0], query, ret, reterr);
	if (r < 0)
		return r;
	if (!snapshot->replayed)
		snapshot->elapsed_us = begin_now_us() - start;
	*ret_snapshot = TAKE_PTR(snapshot);
	return 0;
}
