#include "why_view.h"

#include <errno.h>
#include <string.h>

#include "json.h"
#include "names.h"
#include "number.h"
#include "paste.h"
#include "port_set.h"
#include "strbuf.h"
#include "why_claims.h"
#include "why_elsewhere.h"
#include "why_end.h"
#include "why_holder.h"

#define HOLDERS_SHOWN 8u /* of those in the way, on a screen */

enum verdict_level why_bind_level(const struct bind_result *result)
{
	return result->verdict == BIND_FREE ? VERDICT_OK : VERDICT_CRITICAL;
}

static const char *errno_name(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "EADDRINUSE";
	case EADDRNOTAVAIL:
		return "EADDRNOTAVAIL";
	case EACCES:
		return "EACCES";
	case EINVAL:
		return "EINVAL";
	case ENODEV:
		return "ENODEV";
	default:
		return "an error";
	}
}

/* --- advice: what the law allows, and what the range calls for --------------------------------------------------- */

static void advice_text(const struct bind_advice *advice, const struct bind_query *query,
			struct strbuf *out)
{
	char text[ENDPOINT_TEXT_BYTES];

	switch (advice->id) {
	case BIND_ADVICE_REUSEADDR:
		strbuf_puts(out, "with SO_REUSEADDR set before bind() it succeeds");
		break;
	case BIND_ADVICE_REUSEPORT:
		strbuf_puts(out, "with SO_REUSEPORT set before bind() it succeeds");
		break;
	case BIND_ADVICE_V6ONLY:
		strbuf_puts(out, "with IPV6_V6ONLY it succeeds, for IPv6 alone");
		break;
	case BIND_ADVICE_ADDRESS:
		strbuf_printf(out, "bound to %s it succeeds",
			      name_endpoint(&advice->address, query->port, text));
		break;
	case BIND_ADVICE_WAIT:
		strbuf_printf(out, "in %u s it succeeds: all that is in the way is TIME_WAIT",
			      advice->seconds);
		break;
	}
}

/* Has a connection taken the port, or may the next one? Not where the command would lose what is reserved. */
static bool wants_reservation(const struct why_bind *why, const struct snapshot *snapshot)
{
	if (!why->result->in_ephemeral_range || why->result->reserved ||
	    !(snapshot->netns[0].settings.known & SETTING_RESERVED))
		return false;
	if (why->result->verdict == BIND_FREE)
		return true;
	for (unsigned i = 0; i < why->result->n_blockers; i++) {
		enum bind_how how = why->result->blocker[i].how;

		if (how == BIND_HOW_OUTGOING || how == BIND_HOW_TIME_WAIT || how == BIND_HOW_SELF ||
		    why->result->blocker[i].automatic == LAW_YES)
			return true;
	}
	return false;
}

/* Keeps what is reserved already. Of another namespace only the running value: the files are the host's. */
static void reserve_command(const struct why_bind *why, const struct snapshot *snapshot,
			    struct strbuf *out)
{
	struct port_set reserved = snapshot->netns[0].settings.reserved;

	if (!*snapshot->netns[0].name) {
		strbuf_printf(out, "ephemports reserve add %u", why->query->port);
		return;
	}
	port_set_add(&reserved, why->query->port);
	paste_command(out, &snapshot->netns[0], "sysctl -w net.ipv4.ip_local_reserved_ports=");
	port_set_format(&reserved, out);
}

static void reserve_text(const struct why_bind *why, struct strbuf *out)
{
	const struct bind_result *result = why->result;
	const struct bind_blocker *first = result->n_blockers ? &result->blocker[0] : NULL;
	bool chosen_by_bind = first && first->automatic == LAW_YES &&
			      first->how != BIND_HOW_OUTGOING && first->how != BIND_HOW_SELF;

	strbuf_printf(out, "%s will not be given %u%s",
		      chosen_by_bind ? "whoever asks for any port" : "outgoing connections",
		      why->query->port, result->verdict == BIND_FREE ? "" : " again");
	if (first && first->automatic != LAW_YES && first->how == BIND_HOW_OUTGOING)
		strbuf_puts(out, "; if it named the port itself, that does not keep it away");
}

/* A program that chooses its source ports itself may name any port, reserved or not. */
static bool named_itself(const struct why_bind *why)
{
	const struct bind_blocker *first = &why->result->blocker[0];

	return why->result->in_ephemeral_range && why->result->n_blockers &&
	       first->how == BIND_HOW_BOUND && first->automatic == LAW_NO;
}

static void named_itself_text(const struct why_bind *why, struct strbuf *out)
{
	strbuf_printf(out,
		      "keep the program from choosing %u, by its own settings: it named the port "
		      "itself, and reserving a port does not prevent that",
		      why->query->port);
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static void json_advice(struct json *json, const char *id, const char *text, const char *command)
{
	json_object(json, NULL);
	json_string(json, "id", id);
	json_string(json, "text", text);
	json_string(json, "command", command);
	json_end(json);
}

static void json_end_process(const struct why_bind *why, const struct snapshot *snapshot,
			     struct json *json)
{
	const struct process_record *process = why_end_process(why, snapshot);
	struct strbuf text = STRBUF_INIT, command = STRBUF_INIT;

	if (process) {
		why_end_text(why, process, &text);
		why_end_command(snapshot, process, &command);
		json_advice(json, "end-process", text.text, command.length ? command.text : NULL);
	}
	strbuf_done(&text);
	strbuf_done(&command);
}

static void json_counts(const struct bind_result *result, struct json *json)
{
	json_object(json, "counts");
	for (unsigned how = 0; how < BIND_HOWS; how++)
		json_uint(json, bind_how_name((enum bind_how)how), result->count[how]);
	json_end(json);
}

static void json_all_advice(const struct why_bind *why, const struct snapshot *snapshot,
			    struct json *json)
{
	struct strbuf text = STRBUF_INIT, command = STRBUF_INIT;

	json_array(json, "advice");
	for (unsigned i = 0; i < why->n_advice; i++) {
		strbuf_clear(&text);
		advice_text(&why->advice[i], why->query, &text);
		json_advice(json, bind_advice_name(why->advice[i].id), text.text, NULL);
	}
	if (wants_reservation(why, snapshot)) {
		strbuf_clear(&text);
		reserve_text(why, &text);
		reserve_command(why, snapshot, &command);
		json_advice(json, "reserve", text.text, command.text);
	}
	if (named_itself(why)) {
		strbuf_clear(&text);
		named_itself_text(why, &text);
		json_advice(json, "named-itself", text.text, NULL);
	}
	json_end_process(why, snapshot, json);
	json_end(json);
	strbuf_done(&text);
	strbuf_done(&command);
}

void why_bind_json(const struct why_bind *why, const struct snapshot *snapshot, struct strbuf *out)
{
	const struct bind_result *result = why->result;
	char text[IP_ADDRESS_TEXT_BYTES];
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "protocol", name_protocol(why->query->protocol));
	json_string(&json, "address", ip_address_format(&why->query->address, text));
	json_uint(&json, "port", why->query->port);
	json_string(&json, "verdict", bind_answer_name(result->verdict));
	json_string(&json, "errno", result->error ? errno_name(result->error) : NULL);
	json_array(&json, "holders");
	for (unsigned i = 0; i < result->n_blockers; i++)
		why_holder_json(snapshot, &result->blocker[i], &json);
	json_end(&json);
	json_uint(&json, "more_holders", result->more_blockers);
	json_counts(result, &json);
	json_bool(&json, "exact", result->exact);
	json_array(&json, "inexact_because");
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1)
		if (result->inexact_because & bit)
			json_string(&json, NULL, snapshot_gap_name(bit));
	json_end(&json);
	json_bool(&json, "in_ephemeral_range", result->in_ephemeral_range);
	json_bool(&json, "reserved", result->reserved);
	json_all_advice(why, snapshot, &json);
	why_elsewhere_json(why->elsewhere, &json);
	why_claims_json(why->claims, why->query, &json);
	json_string(&json, "collector", snapshot->collector);
	json_end(&json);
}

/* --- screen ----------------------------------------------------------------------------------------------------- */

static void add_sentence(const struct why_bind *why, struct strbuf *out)
{
	const struct bind_result *result = why->result;
	bool listens = why->query->listens;
	char text[ENDPOINT_TEXT_BYTES];

	name_endpoint(&why->query->address, why->query->port, text);
	if (result->verdict == BIND_FREE)
		strbuf_printf(out, "%s: bind %s %s%s", result->exact ? "yes" : "probably",
			      name_protocol(why->query->protocol), text,
			      listens ? " and listen succeed" : " succeeds");
	else
		strbuf_printf(out, "%s: %s %s %s fails with %s",
			      result->exact ? "no" : "perhaps not",
			      result->listen_fails ? "listen" : "bind",
			      name_protocol(why->query->protocol), text, errno_name(result->error));
}

/* The connections that the listener accepted, in one line. Those that were not read are alike those that were. */
static uint64_t accepted_of(const struct bind_result *result)
{
	uint64_t known = 0, accepted = result->count[BIND_HOW_ACCEPTED];

	if (!accepted || !result->count[BIND_HOW_LISTENING])
		return 0;
	for (unsigned how = 0; how < BIND_HOWS; how++)
		known += result->count[how];
	if (!result->count[BIND_HOW_OUTGOING] && !result->count[BIND_HOW_TIME_WAIT])
		accepted += result->n_blockers + result->more_blockers - known;
	return accepted;
}

static void add_accepted(uint64_t accepted, struct strbuf *out)
{
	if (accepted)
		strbuf_printf(out, "  and %s connection%s that it accepted: %s the port too\n",
			      GROUPED(accepted), accepted == 1 ? "" : "s",
			      accepted == 1 ? "it holds" : "they hold");
}

static void add_holders(const struct why_bind *why, const struct snapshot *snapshot, unsigned width,
			struct strbuf *out)
{
	const struct bind_result *result = why->result;
	uint64_t accepted = accepted_of(result),
		 more = result->n_blockers + result->more_blockers - accepted;
	bool explained = false;
	unsigned shown = 0;

	for (unsigned i = 0; i < result->n_blockers && shown < HOLDERS_SHOWN; i++) {
		const struct bind_blocker *blocker = &result->blocker[i];

		if (accepted && blocker->how == BIND_HOW_ACCEPTED)
			continue;
		explained |= why_holder_text(why->query, snapshot, blocker, !explained, width, out);
		shown++;
	}
	add_accepted(accepted, out);
	if (more > shown)
		strbuf_printf(out, "  ... and %s more, see --json\n", GROUPED(more - shown));
	if (shown)
		strbuf_putc(out, '\n');
}

static void add_forbidden(const struct why_bind *why, uint32_t unprivileged_start,
			  struct strbuf *out)
{
	switch (why->result->error) {
	case EACCES:
		strbuf_printf(out,
			      "  ports below %u need CAP_NET_BIND_SERVICE "
			      "(net.ipv4.ip_unprivileged_port_start)\n\n",
			      unprivileged_start);
		break;
	case EADDRNOTAVAIL:
		strbuf_puts(out, "  the address is not one of this network namespace\n\n");
		break;
	case EINVAL:
		strbuf_puts(out,
			    "  the kernel does not bind such an address with these options\n\n");
		break;
	default:
		break;
	}
}

static void add_line(struct strbuf *out, const char *label, const char *text, unsigned width)
{
	strbuf_printf(out, "  %-10s", label);
	screen_wrap(out, text, 12, 12, width);
}

static bool has_advice(const struct why_bind *why, enum bind_advice_id id)
{
	for (unsigned i = 0; i < why->n_advice; i++)
		if (why->advice[i].id == id)
			return true;
	return false;
}

/* The folk remedy, where it is none. */
static void add_no_remedy(const struct why_bind *why, unsigned width, struct strbuf *out)
{
	const struct bind_result *result = why->result;
	bool listening = result->n_blockers && result->blocker[0].how == BIND_HOW_LISTENING;

	if (result->verdict != BIND_IN_USE || !result->exact || why->query->reuseaddr ||
	    has_advice(why, BIND_ADVICE_REUSEADDR))
		return;
	if (why->query->reuseport) {
		strbuf_puts(out, "  ");
		screen_wrap(
			out,
			"SO_REUSEPORT does not help: all sockets on the port must set it before "
			"bind(), and belong to one user",
			2, 2, width);
	}
	strbuf_puts(out, "  ");
	screen_wrap(out,
		    listening ? "SO_REUSEADDR does not help: it never shares a port with a listener"
			      : "SO_REUSEADDR does not help: the other socket would need it too",
		    2, 2, width);
	strbuf_putc(out, '\n');
}

static bool add_end_process(const struct why_bind *why, const struct snapshot *snapshot,
			    unsigned width, struct strbuf *out)
{
	const struct process_record *process = why_end_process(why, snapshot);
	struct strbuf text = STRBUF_INIT;

	if (!process)
		return false;
	why_end_text(why, process, &text);
	add_line(out, "now", text.text, width);
	strbuf_clear(&text);
	why_end_command(snapshot, process, &text);
	if (text.length)
		strbuf_printf(out, "            %s\n", text.text);
	strbuf_done(&text);
	return true;
}

static void add_advice(const struct why_bind *why, const struct snapshot *snapshot, unsigned width,
		       struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;
	bool any = add_end_process(why, snapshot, width, out);

	for (unsigned i = 0; i < why->n_advice; i++) {
		strbuf_clear(&text);
		advice_text(&why->advice[i], why->query, &text);
		add_line(out, any ? "" : "now", text.text, width);
		any = true;
	}
	if (wants_reservation(why, snapshot)) {
		strbuf_clear(&text);
		reserve_text(why, &text);
		add_line(out, "for good", text.text, width);
		strbuf_puts(out, "            ");
		reserve_command(why, snapshot, out);
		strbuf_putc(out, '\n');
		any = true;
	}
	if (named_itself(why)) {
		strbuf_clear(&text);
		named_itself_text(why, &text);
		add_line(out, "for good", text.text, width);
		any = true;
	}
	if (any)
		strbuf_putc(out, '\n');
	strbuf_done(&text);
}

static void add_notes(const struct why_bind *why, unsigned width, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	if (why->result->verdict == BIND_FREE && why->result->in_ephemeral_range &&
	    !why->result->reserved)
		strbuf_printf(&text,
			      "%u is inside the ephemeral range and not reserved: an outgoing "
			      "connection may take it first",
			      why->query->port);
	else if (why->result->reserved)
		strbuf_printf(
			&text,
			"%u is reserved: that keeps outgoing connections off it, never a bind",
			why->query->port);
	if (text.length) {
		strbuf_puts(out, "  ");
		screen_wrap(out, text.text, 2, 2, width);
		strbuf_putc(out, '\n');
	}
	strbuf_done(&text);
}

static void add_certainty(const struct why_bind *why, const struct snapshot *snapshot,
			  unsigned width, struct strbuf *out)
{
	if (why->result->exact)
		strbuf_printf(out, "exact, %s %s\n",
			      snapshot->replayed ? "from a snapshot taken through" : "read through",
			      name_collector(snapshot));
	for (uint32_t bit = 1; bit < 1u << GAP_COUNT; bit <<= 1) {
		if (!(why->result->inexact_because & bit))
			continue;
		strbuf_puts(out, "not exact: ");
		screen_wrap(out, name_gap(bit), 11, 11, width);
	}
}

void why_bind_text(const struct why_bind *why, const struct snapshot *snapshot,
		   const struct screen *screen, struct strbuf *out)
{
	struct strbuf sentence = STRBUF_INIT;

	add_sentence(why, &sentence);
	screen_wrap(out, sentence.text, 0, 0, screen->width);
	strbuf_done(&sentence);
	strbuf_putc(out, '\n');
	add_forbidden(why, snapshot->netns[0].settings.unprivileged_start, out);
	add_holders(why, snapshot, screen->width, out);
	add_no_remedy(why, screen->width, out);
	add_notes(why, screen->width, out);
	why_elsewhere_text(why->elsewhere, screen->width, out);
	why_claims_text(why->claims, why->query, screen->width, out);
	add_advice(why, snapshot, screen->width, out);
	add_certainty(why, snapshot, screen->width, out);
}
