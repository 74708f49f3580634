#include <errno.h>

#include "alloc.h"
#include "destination.h"
#include "look.h"
#include "observe_connect.h"
#include "why.h"
#include "why_connect_view.h"

int why_connect(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct screen screen = look_screen();
	struct observe_options observe;
	struct capacity_query query = {.reuse_time_wait = -1};
	struct connect_result result;
	int r = look_options(arguments, &observe, reterr);

	if (r == 0 && observe.all_netns)
		r = error_set(reterr, -EINVAL, "options",
			      "--all-netns: why answers for one namespace, see --netns");
	if (r == 0)
		r = destination_parse(arguments, "why connect",
				      arguments->n_operands > 1 ? arguments->operand[1] : NULL,
				      &query, reterr);
	query.bound = arguments_has(arguments, "from");
	if (r == 0)
		r = observe_connect(&observe, &query, &snapshot, &result, reterr);
	if (r < 0)
		return r;
	if (arguments_has(arguments, "json"))
		why_connect_view_json(&result, snapshot, &outcome->text);
	else
		why_connect_view_text(&result, snapshot, &screen, &outcome->text);
	outcome->status = why_connect_view_status(&result);
	return 0;
}
