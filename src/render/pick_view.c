#include "pick_view.h"

#include "json.h"
#include "number.h"
#include "snapshot.h"
#include "strbuf.h"

void pick_view_text(const struct pick_view *view, struct strbuf *out)
{
	for (uint32_t i = 0; i < view->ports; i++)
		strbuf_printf(out, "%u\n", view->port[i]);
}

/* "1 023 below 1024 or privileged, 28 232 in the ephemeral range 32768-60999, ..." */
static void add_reasons(const struct pick_result *result, struct strbuf *out)
{
	static const char *const words[PICK_REASONS] = {
		[PICK_PRIVILEGED] = "below 1024 or privileged",
		[PICK_IN_USE] = "in use",
		[PICK_CONFIGURED] = "configured for services",
		[PICK_NAMED] = "named in /etc/services",
		[PICK_NODEPORT] = "NodePorts of Kubernetes",
	};
	const char *comma = "";

	for (unsigned i = 0; i < PICK_REASONS; i++) {
		if (!result->excluded[i])
			continue;
		strbuf_printf(out, "%s%s ", comma, GROUPED(result->excluded[i]));
		if (i == PICK_EPHEMERAL)
			strbuf_printf(out, "in the ephemeral range %u-%u", result->ephemeral.lo,
				      result->ephemeral.hi);
		else
			strbuf_puts(out, words[i]);
		comma = ", ";
	}
}

static void add_safe(const struct pick_result *result, struct strbuf *out)
{
	struct port_range range = result->looked_at;

	if (range.lo == range.hi)
		strbuf_printf(out, "port %u is %ssafe", range.lo, result->safe ? "" : "not ");
	else
		strbuf_printf(out, "%s of the ports %u-%u %s safe",
			      result->safe ? GROUPED(result->safe) : "none", range.lo, range.hi,
			      result->safe > 1 ? "are" : "is");
}

void pick_view_count(const struct pick_result *result, struct strbuf *out)
{
	add_safe(result, out);
	if (port_range_width(result->looked_at) > result->safe) {
		strbuf_puts(out, "; left out: ");
		add_reasons(result, out);
	}
}

void pick_view_warning(const struct pick_view *view, struct strbuf *out)
{
	if (!view->last_resort)
		return;
	if (view->ports == 1)
		strbuf_printf(out, "port %u lies", view->port[0]);
	else
		strbuf_printf(out, "%s of the %s lie%s", GROUPED(view->last_resort),
			      COUNTED(view->ports, "port"), view->last_resort == 1 ? "s" : "");
	strbuf_puts(out, " in 30000-32767, which Kubernetes gives to NodePort services: no other "
			 "safe one was left");
}

static void add_excluded(struct json *json, const struct pick_result *result)
{
	json_object(json, "excluded");
	for (unsigned i = 0; i < PICK_REASONS; i++)
		json_uint(json, pick_reason_name((enum pick_reason)i), result->excluded[i]);
	json_end(json);
}

void pick_view_json(const struct pick_view *view, struct strbuf *out)
{
	const struct pick_result *result = view->result;
	struct strbuf warning = STRBUF_INIT;
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_array(&json, "ports");
	for (uint32_t i = 0; i < view->ports; i++)
		json_uint(&json, NULL, view->port[i]);
	json_end(&json);
	json_uint(&json, "safe", result->safe);
	json_object(&json, "looked_at");
	json_uint(&json, "low", result->looked_at.lo);
	json_uint(&json, "high", result->looked_at.hi);
	json_end(&json);
	add_excluded(&json, result);
	json_array(&json, "warnings");
	pick_view_warning(view, &warning);
	if (warning.length)
		json_string(&json, NULL, warning.text);
	json_end(&json);
	json_bool(&json, "exact", !result->inexact_because);
	json_array(&json, "inexact_because");
	for (uint32_t gaps = result->inexact_because; gaps; gaps &= gaps - 1)
		json_string(&json, NULL, snapshot_gap_name(gaps));
	json_end(&json);
	json_string(&json, "collector", view->snapshot->collector);
	json_end(&json);
	strbuf_done(&warning);
}
