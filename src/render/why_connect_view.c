#include "why_connect_view.h"

#include <string.h>

#include "capacity_view.h"
#include "json.h"
#include "names.h"
#include "number.h"
#include "service.h"
#include "why_connect_words.h"

int why_connect_view_status(const struct connect_result *result)
{
	static const int status[] = {[CONNECT_OK] = 0,
				     [CONNECT_NOT_EXHAUSTION] = 1,
				     [CONNECT_EXHAUSTED] = 2,
				     [CONNECT_NOT_SETTLED] = 3};

	return status[result->answer];
}

static bool route_unknown(const struct connect_result *result)
{
	return !result->facts.asked || result->facts.route_unknown;
}

static bool is_exact(const struct connect_result *result)
{
	if (result->answer == CONNECT_NOT_EXHAUSTION)
		return true;
	return result->answer != CONNECT_NOT_SETTLED && result->capacity.exact &&
	       !route_unknown(result);
}

static void json_list(const char *key, const struct strbuf *list, struct json *json)
{
	json_array(json, key);
	for (const char *e = NULL; (e = connect_words_next(list, e));)
		json_string(json, NULL, e);
	json_end(json);
}

static void json_advice(const struct strbuf *list, struct json *json)
{
	const char *words = NULL, *command;

	json_array(json, "advice");
	while ((words = connect_words_next(list, words)) &&
	       (command = connect_words_next(list, words))) {
		json_object(json, NULL);
		json_string(json, "text", words);
		json_string(json, "command", *command ? command : NULL);
		json_end(json);
		words = command;
	}
	json_end(json);
}

static void json_cause(const struct connect_cause *cause, const struct connect_result *result,
		       const struct snapshot *snapshot, struct json *json)
{
	struct connect_words words = connect_words_of(cause, result, snapshot);

	json_object(json, NULL);
	json_string(json, "id", connect_cause_name(cause->id));
	json_bool(json, "certain", cause->certain);
	json_string(json, "text", words.text.text);
	json_list("evidence", &words.evidence, json);
	json_list("against", &words.against, json);
	json_advice(&words.advice, json);
	json_end(json);
	connect_words_done(&words);
}

void why_connect_view_json(const struct connect_result *result, const struct snapshot *snapshot,
			   struct strbuf *out)
{
	const struct capacity_result *capacity = &result->capacity;
	char text[IP_ADDRESS_TEXT_BYTES];
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "verdict", connect_answer_name(result->answer));
	json_string(&json, "errno", result->error ? strerrorname_np(result->error) : NULL);
	json_string(&json, "call", !result->error ? NULL : result->by_bind ? "bind" : "connect");
	json_string(&json, "protocol", name_protocol(capacity->protocol));
	json_string(&json, "from",
		    capacity->from.family == IP_NONE ? NULL
						     : ip_address_format(&capacity->from, text));
	json_object(&json, "to");
	json_string(&json, "address", ip_address_format(&capacity->to, text));
	json_uint(&json, "port", capacity->to_port);
	json_end(&json);
	json_bool(&json, "exact", is_exact(result));
	json_array(&json, "causes");
	for (unsigned i = 0; i < result->n_causes; i++)
		json_cause(&result->cause[i], result, snapshot, &json);
	json_end(&json);
	if (result->has_capacity) {
		json_object(&json, "capacity");
		capacity_view_members(capacity, snapshot, &json);
		json_end(&json);
	} else {
		json_null(&json, "capacity");
	}
	json_end(&json);
}

/* "connect() from 10.0.0.17 to 10.0.0.5:6379 (redis)". */
static void add_call(const struct connect_result *result, struct strbuf *out)
{
	const struct capacity_result *capacity = &result->capacity;
	const char *service = service_name(capacity->to_port);
	char text[ENDPOINT_TEXT_BYTES];

	if (result->by_bind) {
		strbuf_printf(out, "bind() to %s", ip_address_format(&capacity->from, text));
		return;
	}
	strbuf_puts(out, capacity->protocol == PROTOCOL_UDP ? "UDP connect()" : "connect()");
	if (capacity->from.family != IP_NONE)
		strbuf_printf(out, " from %s", ip_address_format(&capacity->from, text));
	strbuf_printf(out, " to %s", name_endpoint(&capacity->to, capacity->to_port, text));
	if (service && capacity->protocol == PROTOCOL_TCP)
		strbuf_printf(out, " (%s)", service);
}

static void add_left(const struct capacity_result *capacity, struct strbuf *out)
{
	if (capacity->left != capacity->left_max)
		strbuf_printf(out, "%s to ", GROUPED(capacity->left));
	strbuf_printf(out, "%s of %s left", GROUPED(capacity->left_max),
		      COUNTED(port_range_width(capacity->range), "port"));
}

static void add_sentence(const struct connect_result *result, struct strbuf *out)
{
	static const char *const begin[] = {[CONNECT_OK] = "yes: ",
					    [CONNECT_EXHAUSTED] = "no: ",
					    [CONNECT_NOT_EXHAUSTION] = "no: ",
					    [CONNECT_NOT_SETTLED] = "not settled: "};
	const struct capacity_result *capacity = &result->capacity;

	strbuf_puts(out, begin[result->answer]);
	add_call(result, out);
	if (result->answer == CONNECT_OK) {
		strbuf_puts(out, " gets a port: ");
		add_left(capacity, out);
		return;
	}
	strbuf_printf(out, " %s with %s",
		      result->answer == CONNECT_NOT_SETTLED ? "may fail" : "fails",
		      strerrorname_np(result->error));
	if (result->answer == CONNECT_NOT_EXHAUSTION) {
		strbuf_puts(out, ", and this is not exhaustion");
	} else if (result->answer == CONNECT_NOT_SETTLED) {
		strbuf_puts(out, ": ");
		add_left(capacity, out);
	} else {
		strbuf_printf(out, ": exhausted, no port of %u-%u is left", capacity->range.lo,
			      capacity->range.hi);
	}
}

static void add_list(const char *label, const struct strbuf *list, unsigned width,
		     struct strbuf *out)
{
	unsigned column = 4 + (unsigned)strlen(label);

	for (const char *e = NULL; (e = connect_words_next(list, e));) {
		strbuf_printf(out, "    %s", label);
		screen_wrap(out, e, column, column, width);
	}
}

/* A command is never wrapped: it is there to be pasted. */
static void add_advice(const struct strbuf *list, unsigned width, struct strbuf *out)
{
	const char *words = NULL, *command;

	while ((words = connect_words_next(list, words)) &&
	       (command = connect_words_next(list, words))) {
		strbuf_puts(out, "    -> ");
		screen_wrap(out, words, 7, 7, width);
		if (*command)
			strbuf_printf(out, "         %s\n", command);
		words = command;
	}
}

static void add_cause(const struct connect_cause *cause, const struct connect_result *result,
		      const struct snapshot *snapshot, unsigned width, struct strbuf *out)
{
	struct connect_words words = connect_words_of(cause, result, snapshot);

	strbuf_puts(out, cause->certain ? "  " : "  ?  ");
	screen_wrap(out, words.text.text, cause->certain ? 2 : 5, cause->certain ? 2 : 5, width);
	add_list(cause->certain ? "" : "for: ", &words.evidence, width, out);
	add_list("against: ", &words.against, width, out);
	add_advice(&words.advice, width, out);
	out->failed |= words.text.failed | words.evidence.failed | words.against.failed |
		       words.advice.failed;
	connect_words_done(&words);
}

static void add_certainty(const struct connect_result *result, const struct snapshot *snapshot,
			  unsigned width, struct strbuf *out)
{
	if (result->answer == CONNECT_OK)
		screen_wrap(
			out,
			"not looked at: whether the other end answers, firewalls, policies, the "
			"limit of open files",
			0, 0, width);
	if (result->answer == CONNECT_NOT_EXHAUSTION)
		strbuf_puts(out,
			    "exact: the kernel was asked for the way without sending anything\n");
	else if (route_unknown(result) && result->capacity.exact)
		screen_wrap(out, "exact as to ports; addresses and routes are not known", 0, 0,
			    width);
	else
		capacity_view_certainty(&result->capacity, snapshot, width, out);
}

void why_connect_view_text(const struct connect_result *result, const struct snapshot *snapshot,
			   const struct screen *screen, struct strbuf *out)
{
	struct strbuf sentence = STRBUF_INIT;

	add_sentence(result, &sentence);
	screen_wrap(out, sentence.text, 0, 0, screen->width);
	strbuf_done(&sentence);
	strbuf_putc(out, '\n');
	for (unsigned i = 0; i < result->n_causes; i++)
		add_cause(&result->cause[i], result, snapshot, screen->width, out);
	if (result->n_causes)
		strbuf_putc(out, '\n');
	add_certainty(result, snapshot, screen->width, out);
}
