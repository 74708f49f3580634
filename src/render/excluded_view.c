#include "excluded_view.h"

#include "json.h"
#include "number.h"
#include "strbuf.h"

#define UNSEEN_SETTING "sysctl net.ipv4.ip_local_port_range"

enum verdict_level excluded_view_level(const struct excluded_bind *result)
{
	return result->verdict == EXCLUDED_FREE ? VERDICT_OK : VERDICT_CRITICAL;
}

static const char *protocol(const struct excluded_bind *result)
{
	return result->udp ? "udp" : "tcp";
}

static void add_range(struct port_range range, bool administered, struct strbuf *out)
{
	if (range.lo == range.hi)
		strbuf_printf(out, "the excluded port %u%s", range.lo, administered ? "*" : "");
	else
		strbuf_printf(out, "%u-%u%s", range.lo, range.hi, administered ? "*" : "");
}

/* --- what helps -------------------------------------------------------------------------------------------------- */

enum help {
	HELP_RESERVE,   /* the three commands */
	HELP_DELETE,    /* an administered range that is in the way of them */
	HELP_SHUT_DOWN, /* WSL */
	HELP_MIRRORED,  /* the block that may be there */
	HELPS,
};

static const char *const help_id[HELPS] = {"reserve", "delete-excluded", "shut-down-wsl",
					   "mirrored-block"};

static bool helps(const struct excluded_bind *result, enum help help)
{
	switch (help) {
	case HELP_RESERVE:
		return result->verdict == EXCLUDED_FORBIDDEN || result->in_dynamic;
	case HELP_DELETE:
		return result->verdict == EXCLUDED_FORBIDDEN && result->administered;
	case HELP_SHUT_DOWN:
		return result->verdict == EXCLUDED_MIRRORED;
	case HELP_MIRRORED:
		return result->verdict == EXCLUDED_FREE && !result->mirrored_told;
	case HELPS:
		break;
	}
	return false;
}

static void add_text(const struct excluded_bind *result, enum help help, struct strbuf *out)
{
	switch (help) {
	case HELP_RESERVE:
		strbuf_printf(out,
			      "reserve %u before Hyper-V, Docker or WinNAT choose their ranges, in "
			      "an elevated prompt:",
			      result->port);
		break;
	case HELP_DELETE:
		strbuf_puts(out, "somebody set ");
		add_range(result->inside, true, out);
		strbuf_puts(out,
			    ", and it is kept over a reboot: stopping WinNAT does not free it. "
			    "If the second command is refused, delete that range first:");
		break;
	case HELP_SHUT_DOWN:
		strbuf_puts(out, "WSL gives its block back when it is shut down, and takes another "
				 "one when the port is in use by then: start the service first.");
		break;
	case HELP_MIRRORED:
		strbuf_puts(
			out,
			"WSL with networkingMode=mirrored has a block of some 4 096 ports that no "
			"such list shows. What it says inside of WSL can be told with --mirrored:");
		break;
	case HELPS:
		break;
	}
}

static void add_reserve(const struct excluded_bind *result, const char *between, struct strbuf *out)
{
	strbuf_printf(out,
		      "net stop winnat%snetsh interface %s add excludedportrange protocol=%s "
		      "startport=%u numberofports=1 store=persistent%snet start winnat",
		      between, result->ipv6 ? "ipv6" : "ipv4", protocol(result), result->port,
		      between);
}

static void add_command(const struct excluded_bind *result, enum help help, const char *between,
			struct strbuf *out)
{
	switch (help) {
	case HELP_RESERVE:
		add_reserve(result, between, out);
		break;
	case HELP_DELETE:
		strbuf_printf(
			out,
			"netsh interface %s delete excludedportrange protocol=%s startport=%u "
			"numberofports=%u",
			result->ipv6 ? "ipv6" : "ipv4", protocol(result), result->inside.lo,
			port_range_width(result->inside));
		break;
	case HELP_SHUT_DOWN:
		strbuf_puts(out, "wsl --shutdown");
		break;
	case HELP_MIRRORED:
		strbuf_puts(out, "wsl " UNSEEN_SETTING);
		break;
	case HELPS:
		break;
	}
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void json_advice(const struct excluded_bind *result, struct json *json)
{
	struct strbuf text = STRBUF_INIT;

	json_array(json, "advice");
	for (unsigned help = 0; help < HELPS; help++) {
		if (!helps(result, (enum help)help))
			continue;
		json_object(json, NULL);
		json_string(json, "id", help_id[help]);
		strbuf_clear(&text);
		add_text(result, (enum help)help, &text);
		json_string(json, "text", text.text);
		strbuf_clear(&text);
		add_command(result, (enum help)help, "\n", &text);
		json_string(json, "command", text.text);
		json_end(json);
	}
	json_end(json);
	strbuf_done(&text);
}

static void json_inside(const struct excluded_bind *result, struct json *json)
{
	if (result->verdict == EXCLUDED_FREE) {
		json_null(json, "excluded");
		return;
	}
	json_object(json, "excluded");
	json_uint(json, "low", result->inside.lo);
	json_uint(json, "high", result->inside.hi);
	json_uint(json, "ports", port_range_width(result->inside));
	json_bool(json, "administered", result->administered);
	json_bool(json, "listed", result->verdict == EXCLUDED_FORBIDDEN);
	json_end(json);
}

void excluded_view_json(const struct excluded_view *view, struct strbuf *out)
{
	static const char *const verdict[] = {"free", "forbidden", "in-use"};
	static const char *const error[] = {NULL, "WSAEACCES", "WSAEADDRINUSE"};
	const struct excluded_bind *result = view->result;
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "os", "windows");
	json_string(&json, "protocol", protocol(result));
	json_string(&json, "address", view->address);
	json_uint(&json, "port", result->port);
	json_string(&json, "verdict", verdict[result->verdict]);
	json_string(&json, "errno", error[result->verdict]);
	json_array(&json, "holders");
	json_end(&json);
	json_inside(result, &json);
	json_bool(&json, "exact", false);
	json_array(&json, "inexact_because");
	json_string(&json, NULL, "kernel-not-verified");
	if (result->verdict == EXCLUDED_FREE)
		json_string(&json, NULL, "sockets-not-read");
	json_end(&json);
	json_bool(&json, "in_ephemeral_range", result->in_dynamic);
	json_bool(&json, "reserved", result->verdict == EXCLUDED_FORBIDDEN);
	json_advice(result, &json);
	json_uint(&json, "ranges", result->ranges);
	json_string(&json, "collector", "excludedportrange");
	json_end(&json);
}

/* --- screen ------------------------------------------------------------------------------------------------------ */

static void add_sentence(const struct excluded_bind *result, struct strbuf *out)
{
	switch (result->verdict) {
	case EXCLUDED_FREE:
		strbuf_printf(out,
			      "by this list, yes: %u is in none of its %s; sockets were not "
			      "looked at (netstat -ano)",
			      result->port, COUNTED(result->ranges, "range"));
		break;
	case EXCLUDED_FORBIDDEN:
		strbuf_printf(out, "no: %u is inside ", result->port);
		add_range(result->inside, result->administered, out);
		strbuf_printf(out,
			      ": %s; bind fails with WSAEACCES (10013) though no socket is shown",
			      result->administered
				      ? "administered, kept over a reboot"
				      : "a run-time reservation, another one after a reboot");
		break;
	case EXCLUDED_MIRRORED:
		strbuf_printf(out, "no: %u is inside ", result->port);
		add_range(result->inside, false, out);
		strbuf_printf(out,
			      ", the block of WSL in mirrored mode: %s unseen by "
			      "excludedportrange; bind fails with WSAEADDRINUSE (10048)",
			      COUNTED(port_range_width(result->inside), "port"));
		break;
	}
}

static void add_dynamic(const struct excluded_bind *result, const struct screen *screen,
			struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	if (!result->in_dynamic)
		return;
	strbuf_printf(&text,
		      "inside the dynamic range %u-%u%s: outgoing connections and other programs "
		      "may be "
		      "given it",
		      result->dynamic.lo, result->dynamic.hi,
		      result->dynamic_told ? "" : " (the default)");
	strbuf_puts(out, "  ");
	screen_wrap(out, text.text, 2, 2, screen->width);
	strbuf_done(&text);
}

void excluded_view_text(const struct excluded_view *view, const struct screen *screen,
			struct strbuf *out)
{
	const struct excluded_bind *result = view->result;
	struct strbuf text = STRBUF_INIT;

	add_sentence(result, &text);
	screen_wrap(out, text.text, 0, 2, screen->width);
	add_dynamic(result, screen, out);
	for (unsigned help = 0; help < HELPS; help++) {
		if (!helps(result, (enum help)help))
			continue;
		strbuf_clear(&text);
		add_text(result, (enum help)help, &text);
		strbuf_puts(out, "  > ");
		screen_wrap(out, text.text, 4, 4, screen->width);
		strbuf_puts(out, "      ");
		add_command(result, (enum help)help, "\n      ", out);
		strbuf_putc(out, '\n');
	}
	strbuf_done(&text);
}
