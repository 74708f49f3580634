#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "arguments.h"
#include "capacity_view.h"
#include "destination.h"
#include "look.h"

static const struct option_spec options[] = {
	{"from", 0, "ADDRESS", "source address; if not given, the one the routing table chooses",
	 NULL},
	{"reuse-time-wait", 0, "YES|NO", "judge as if tcp_tw_reuse were 1 (yes) or 0 (no)",
	 "yes no"},
	{"range", 0, "LOW-HIGH", "as a socket sees it that has set IP_LOCAL_PORT_RANGE", NULL},
	{"probe", 0, NULL, "settle ports in doubt by connecting on loopback", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

static int parse_reuse(const struct arguments *arguments, int *ret, struct eph_error *reterr)
{
	const char *text = arguments_get(arguments, "reuse-time-wait");

	*ret = -1;
	if (!text)
		return 0;
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return error_set(reterr, -EINVAL, "--reuse-time-wait",
				 "'%.40s' is neither yes nor no", text);
	*ret = strcmp(text, "yes") == 0;
	return 0;
}

static int parse_query(const struct arguments *arguments, struct capacity_query *query,
		       struct eph_error *reterr)
{
	const char *range = arguments_get(arguments, "range");
	int r = destination_parse(arguments, "capacity",
				  arguments->n_operands ? arguments->operand[0] : NULL, query,
				  reterr);

	if (r == 0)
		r = parse_reuse(arguments, &query->reuse_time_wait, reterr);
	if (r == 0 && range) {
		query->has_window = true;
		r = port_range_parse(range, &query->window, reterr);
	}
	return r;
}

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct screen screen = look_screen();
	struct observe_options observe;
	struct capacity_query query = {0};
	struct capacity_result result;
	int r;

	r = look_options(arguments, &observe, reterr);
	if (r == 0 && observe.all_netns)
		r = error_set(reterr, -EINVAL, "options",
			      "--all-netns: capacity answers for one namespace, see --netns");
	if (r == 0)
		r = parse_query(arguments, &query, reterr);
	if (r == 0)
		r = observe_capacity(&observe, &query, &snapshot, &result, reterr);
	if (r < 0)
		return r;
	if (arguments_has(arguments, "json"))
		capacity_view_json(&result, snapshot, &outcome->text);
	else
		capacity_view_text(&result, snapshot, &screen, &outcome->text);
	outcome->status = (int)capacity_view_level(&result);
	return 0;
}

const struct command cmd_capacity = {
	.name = "capacity",
	.summary = "tell how many more connections to one destination will succeed",
	.operands = "DST:PORT",
	.details = "DST is an address, IPv6 in brackets; names are not looked up. Exit status 2 "
		   "when none is left, 1 past "
		   "the knee.",
	.options = options,
	.operands_max = 1,
	.run = run,
};
