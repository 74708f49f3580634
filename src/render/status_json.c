#include "json.h"
#include "names.h"
#include "risk_json.h"
#include "status_view.h"
#include "strbuf.h"
#include "usage_view.h"

static void add_netns(const struct status_view *view, size_t index, struct json *json)
{
	const struct usage_netns *seen = &view->usage->netns[index];
	const struct settings *settings = &view->snapshot->netns[index].settings;

	if (settings->known & SETTING_RANGE) {
		json_object(json, "range");
		json_uint(json, "low", seen->range.lo);
		json_uint(json, "high", seen->range.hi);
		json_uint(json, "ports", seen->ports);
		json_end(json);
	} else {
		json_null(json, "range");
	}
	json_uint(json, "reserved", seen->reserved);
	json_uint(json, "blocked", seen->blocked);
	json_uint(json, "blocked_maybe", seen->blocked_maybe);
	json_uint(json, "knee", seen->knee);
	json_uint(json, "time_wait", seen->time_wait);
	if (settings->known & SETTING_TW_REUSE)
		json_uint(json, "tcp_tw_reuse", settings->tw_reuse);
	else
		json_null(json, "tcp_tw_reuse");
	json_uint(json, "sockets", seen->sockets);
	json_array(json, "inexact_because");
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1)
		if (seen->gaps & bit)
			json_string(json, NULL, snapshot_gap_name(bit));
	json_end(json);
}

static void add_groups(const struct status_view *view, struct json *json)
{
	struct usage_view usage = {.snapshot = view->snapshot,
				   .usage = view->usage,
				   .by = USAGE_BY_DESTINATION,
				   .several_netns = view->several_netns};
	size_t shown = view->usage->groups < STATUS_GROUPS ? view->usage->groups : STATUS_GROUPS;

	json_array(json, "groups");
	for (size_t i = 0; i < shown; i++)
		usage_view_group(&usage, &view->usage->group[i], json);
	json_end(json);
	json_uint(json, "more", view->usage->groups - shown);
}

void status_view_json(const struct status_view *view, struct strbuf *out)
{
	const struct snapshot *snapshot = view->snapshot;
	struct strbuf sentence = STRBUF_INIT;
	struct json json = {.out = out};

	verdict_sentence(&view->verdict, snapshot, view->usage, &sentence);
	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "verdict", verdict_id(view->verdict.level));
	json_string(&json, "summary", sentence.text);
	json_string(&json, "host", snapshot->host);
	json_string(&json, "os", snapshot->os);
	json_string(&json, "release", snapshot->release);
	json_int(&json, "taken_at_ms", snapshot->taken_at_ms);
	if (view->usage->n_netns)
		add_netns(view, 0, &json);
	if (view->several_netns) {
		json_array(&json, "namespaces");
		for (size_t i = 0; i < view->usage->n_netns; i++) {
			json_object(&json, NULL);
			json_string(&json, "netns", name_netns(&snapshot->netns[i]));
			json_uint(&json, "id", snapshot->netns[i].id);
			add_netns(view, i, &json);
			json_end(&json);
		}
		json_end(&json);
	}
	add_groups(view, &json);
	json_array(&json, "risks");
	for (size_t i = 0; view->risks && i < view->risks->count; i++)
		risk_json(&view->risks->risk[i], snapshot, view->several_netns, &json);
	json_end(&json);
	json_uint(&json, "netns_skipped", snapshot->netns_skipped);
	if (snapshot->netns_hidden)
		json_uint(&json, "netns_hidden_processes", snapshot->netns_hidden);
	json_string(&json, "collector", snapshot->collector);
	json_uint(&json, "elapsed_us", snapshot->elapsed_us);
	json_end(&json);
	strbuf_done(&sentence);
}
