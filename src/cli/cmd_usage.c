#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "arguments.h"
#include "filter.h"
#include "look.h"
#include "many_hosts.h"
#include "usage_elsewhere.h"
#include "usage_view.h"
#include "verdict.h"

/* lines of the screen that the table leaves for its title, what follows it, and the prompt */
#define LINES_BESIDE 6u

static const struct option_spec options[] = {
	{"by", 0, "WHAT", "group by destination (default), source, process or container",
	 "destination source process container"},
	{"inbound", 0, NULL, "accepted connections: which peers use up our listeners' tuples",
	 NULL},
	{"top", 0, "N", "show the N fullest groups; 0 shows all", NULL},
	{"probe", 0, NULL, "settle ports in doubt by connecting on loopback", NULL},
	{"netstat", 0, "FILE",
	 "of another system: what its netstat, sockstat or ss printed (-: standard input)",
	 "@file"},
	MANY_HOSTS_OPTIONS("of another machine, by ssh; repeat it for several"),
	{"os", 0, "NAME", "with --netstat, --host: which system it is", SYSTEM_WORDS},
	{"release", 0, "VERSION", "with --netstat: release of that system", NULL},
	{"range", 0, "LOW-HIGH", "with --netstat, --host: its ephemeral range", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

static int parse_by(const struct arguments *arguments, enum usage_by *ret, struct eph_error *reterr)
{
	static const char *const names[] = {
		[USAGE_BY_DESTINATION] = "destination",
		[USAGE_BY_SOURCE] = "source",
		[USAGE_BY_PROCESS] = "process",
		[USAGE_BY_CONTAINER] = "container",
	};
	const char *by = arguments_get(arguments, "by");

	if (arguments_has(arguments, "inbound")) {
		*ret = USAGE_BY_PEER;
		if (by)
			return error_set(reterr, -EINVAL, "options",
					 "--by and --inbound exclude each other");
		return 0;
	}
	*ret = USAGE_BY_DESTINATION;
	for (size_t i = 0; by && i < ARRAY_SIZE(names); i++) {
		if (strcmp(by, names[i]) == 0) {
			*ret = (enum usage_by)i;
			return 0;
		}
	}
	if (by)
		return error_set(
			reterr, -EINVAL, "--by",
			"'%.40s' is not one: expected destination, source, process or container",
			by);
	return 0;
}

static int parse_top(const struct arguments *arguments, struct usage_view *view,
		     struct eph_error *reterr)
{
	const char *text = arguments_get(arguments, "top");
	uint64_t top = 0;
	int r = text ? look_count(text, "--top", UINT32_MAX, &top, reterr) : 0;

	view->top = top ? top : SIZE_MAX;
	view->fit = !text;
	return r;
}

static void set_grouping(enum usage_by by, bool json, struct observe_options *observe)
{
	static const enum group_by group_by[] = {
		[USAGE_BY_DESTINATION] = GROUP_BY_DESTINATION,
		[USAGE_BY_SOURCE] = GROUP_BY_SOURCE,
		[USAGE_BY_PROCESS] = GROUP_BY_OWNER,
		[USAGE_BY_CONTAINER] = GROUP_BY_OWNER,
		[USAGE_BY_PEER] = GROUP_INBOUND,
	};

	observe->what.by = group_by[by];
	observe->by_process = by == USAGE_BY_PROCESS;
	/* Walking /proc costs more than reading the sockets: only for people, and where processes are what is asked. */
	observe->processes = by == USAGE_BY_PROCESS || by == USAGE_BY_CONTAINER ||
			     (by == USAGE_BY_DESTINATION && !json);
}

static int worst_level(const struct usage_result *usage)
{
	enum verdict_level worst = VERDICT_OK;

	for (size_t i = 0; i < usage->groups; i++)
		if (verdict_group(&usage->group[i]) > worst)
			worst = verdict_group(&usage->group[i]);
	return (int)worst;
}

/* What belongs to another machine has no meaning without one. */
static int check_alone(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const names[] = {"os", "release", "range", "parallel"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (arguments_has(arguments, names[i]))
			return error_set(reterr, -EINVAL, "options", "--%s needs %s--host",
					 names[i], i < 3 ? "--netstat or " : "");
	return 0;
}

static int observe(const struct arguments *arguments, const char *host,
		   const struct observe_options *given, struct usage_elsewhere *elsewhere,
		   struct snapshot **ret_snapshot, struct usage_result *ret,
		   struct eph_error *reterr)
{
	int r;

	if (usage_elsewhere_asked(arguments))
		return usage_elsewhere(arguments, host, &given->what, elsewhere, ret_snapshot, ret,
				       reterr);
	r = check_alone(arguments, reterr);
	return r < 0 ? r : observe_usage(given, ret_snapshot, ret, reterr);
}

/* Of @host, or with NULL of what the arguments say. */
static int show(const struct arguments *arguments, const char *host, struct host_row *row,
		struct outcome *outcome, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	CLEANUP(filter_freep) struct filter *filter = NULL;
	bool json = arguments_has(arguments, "json");
	struct screen screen = look_screen();
	struct observe_options given;
	struct usage_elsewhere elsewhere = {.title = NULL};
	struct usage_view view = {0};
	struct usage_result usage;
	int r;

	(void)row;
	r = look_options(arguments, &given, reterr);
	if (r == 0)
		r = parse_by(arguments, &view.by, reterr);
	if (r == 0)
		r = parse_top(arguments, &view, reterr);
	if (r == 0)
		r = filter_parse(arguments->operand, arguments->n_operands, &filter, reterr);
	if (r < 0)
		return r;
	given.what.filter = filter;
	set_grouping(view.by, json || !screen.width, &given);
	r = observe(arguments, host, &given, &elsewhere, &snapshot, &usage, reterr);
	if (r < 0)
		return r;
	view.snapshot = snapshot;
	view.usage = &usage;
	view.several_netns = snapshot->n_netns > 1 || given.all_netns;
	view.elsewhere = elsewhere.title ? &elsewhere : NULL;
	if (json)
		usage_view_json(&view, &outcome->text);
	else
		usage_view_table(&view, &screen, &outcome->text);
	outcome->status = worst_level(&usage);
	usage_result_done(&usage);
	return 0;
}

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	if (many_hosts_asked(arguments) && !arguments_has(arguments, "netstat"))
		return many_hosts(arguments, show, MANY_HOSTS_SECTIONS, outcome, reterr);
	return show(arguments, NULL, NULL, outcome, reterr);
}

const struct command cmd_usage = {
	.name = "usage",
	.summary =
		"count connections and ports left, per destination, source, process or container",
	.operands = "[FILTER...]",
	.details = "FILTER has the syntax of ss: dst 10/8, dport = :443, sport >= 40000 and not "
		   "src 127.0.0.1, "
		   "state time-wait. Exit status 1 when a destination is past its knee, 2 past 85 "
		   "% or when none is left.",
	.words = "dst src dport sport state and or not",
	.options = options,
	.operands_max = 1000,
	.run = run,
};
