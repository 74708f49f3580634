#include <errno.h>

#include "alloc.h"
#include "arguments.h"
#include "look.h"
#include "openmetrics.h"
#include "output.h"
#include "paste.h"
#include "risks.h"
#include "status_view.h"

static const struct option_spec options[] = {
	{"plugin", 0, NULL, "one line for Nagios and Icinga, with performance data", NULL},
	{"openmetrics", 0, NULL, "metrics for Prometheus", NULL},
	{"output", 0, "FILE", "with --openmetrics: replace FILE in one step", "@file"},
	{"top", 0, "N", "with --openmetrics: destinations with metrics of their own (30)", NULL},
	{"probe", 0, NULL, "settle ports in doubt by connecting on loopback", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_PLUGIN,
	FORMAT_OPENMETRICS,
};

static int parse_format(const struct arguments *arguments, enum format *ret, uint64_t *ret_top,
			struct eph_error *reterr)
{
	bool json = arguments_has(arguments, "json"), plugin = arguments_has(arguments, "plugin");
	bool openmetrics = arguments_has(arguments, "openmetrics");
	const char *top = arguments_get(arguments, "top");

	*ret_top = OPENMETRICS_TOP;
	if (json + plugin + openmetrics > 1)
		return error_set(reterr, -EINVAL, "options",
				 "--json, --plugin and --openmetrics exclude each other");
	if (!openmetrics && (top || arguments_has(arguments, "output")))
		return error_set(reterr, -EINVAL, "options", "--%s goes with --openmetrics",
				 top ? "top" : "output");
	*ret = json          ? FORMAT_JSON
	       : plugin      ? FORMAT_PLUGIN
	       : openmetrics ? FORMAT_OPENMETRICS
			     : FORMAT_TEXT;
	return top ? look_count(top, "--top", GROUP_LIMIT, ret_top, reterr) : 0;
}

static int write_metrics(const struct arguments *arguments, const struct status_view *view,
			 uint64_t top, struct outcome *outcome, struct eph_error *reterr)
{
	const char *path = arguments_get(arguments, "output");
	struct strbuf text = STRBUF_INIT;
	int r;

	outcome->status = STATUS_FINE;
	if (!path) {
		openmetrics_write(view->snapshot, view->usage, top, &outcome->text);
		return 0;
	}
	openmetrics_write(view->snapshot, view->usage, top, &text);
	r = text.failed ? error_set(reterr, -ENOMEM, "output", "out of memory")
			: output_replace(path, text.text, text.length, reterr);
	strbuf_done(&text);
	return r;
}

static int show(const struct arguments *arguments, enum format format, uint64_t top,
		const struct status_view *view, struct outcome *outcome, struct eph_error *reterr)
{
	struct screen screen = look_screen();

	outcome->status = (int)view->verdict.level;
	switch (format) {
	case FORMAT_TEXT:
		status_view_text(view, &screen, &outcome->text);
		break;
	case FORMAT_JSON:
		status_view_json(view, &outcome->text);
		break;
	case FORMAT_PLUGIN:
		status_view_plugin(view, &outcome->text);
		break;
	case FORMAT_OPENMETRICS:
		return write_metrics(arguments, view, top, outcome, reterr);
	}
	return 0;
}

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct observe_options observe;
	struct strbuf quoted_netns = STRBUF_INIT;
	struct risks_result risks = {0};
	struct usage_result usage;
	struct status_view view;
	enum format format = FORMAT_TEXT;
	uint64_t top = OPENMETRICS_TOP;
	int r;

	r = look_options(arguments, &observe, reterr);
	if (r == 0)
		r = parse_format(arguments, &format, &top, reterr);
	if (r < 0)
		return r;
	observe.what.by = GROUP_BY_DESTINATION;
	observe.processes = format == FORMAT_TEXT || format == FORMAT_JSON;
	r = observe_usage(&observe, &snapshot, &usage, reterr);
	if (r < 0)
		return r;
	if (observe.netns)
		paste_word(&quoted_netns, observe.netns);
	r = risks_judge(snapshot, &usage, &risks);
	if (r < 0) {
		error_set(reterr, r, "status", "out of memory");
	} else {
		view = (struct status_view){
			.snapshot = snapshot,
			.usage = &usage,
			.risks = &risks,
			.verdict = verdict_of(snapshot, &usage),
			.several_netns = snapshot->n_netns > 1 || observe.all_netns,
			.netns = observe.netns ? quoted_netns.text : NULL,
		};
		r = show(arguments, format, top, &view, outcome, reterr);
		risks_result_done(&risks);
	}
	usage_result_done(&usage);
	strbuf_done(&quoted_netns);
	return r;
}

const struct command cmd_status = {
	.name = "status",
	.summary = "show on one screen whether this host runs out of ports",
	.operands = "",
	.details = "Exit status 1 when a destination is past its knee, 2 past 85 % or when no port "
		   "is left, 3 when it could "
		   "not be told.",
	.options = options,
	.run = run,
};
