#include "why.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "arguments.h"
#include "look.h"
#include "observe_bind.h"
#include "observe_claims.h"
#include "parse.h"
#include "why_bind_windows.h"
#include "why_view.h"

/* PORT, *:PORT, :PORT, ADDRESS:PORT. An address in brackets makes the socket AF_INET6, a v4-mapped one too. */
static int parse_endpoint(const char *text, bool v6, struct bind_query *query,
			  struct eph_error *reterr)
{
	const char *port = text + (*text == '*') + (text[*text == '*'] == ':');
	uint64_t value;

	query->af_inet6 = v6 || *text == '[';
	if (strchr(port, ':'))
		return ip_endpoint_parse(text, &query->address, &query->port, reterr);
	if (parse_uint(port, strlen(port), UINT16_MAX, &value) < 0 || value == 0)
		return error_set(
			reterr, -EINVAL, "why bind",
			"'%.60s': expected PORT or ADDRESS:PORT, as 3306 or 127.0.0.1:3306", text);
	query->port = (uint16_t)value;
	return ip_address_parse(query->af_inet6 ? "::" : "0.0.0.0", &query->address, reterr);
}

static int parse_uid(const struct arguments *arguments, struct bind_query *query,
		     struct eph_error *reterr)
{
	const char *text = arguments_get(arguments, "uid");
	uint64_t value = geteuid();
	int r = text ? look_count(text, "--uid", UINT32_MAX, &value, reterr) : 0;

	query->uid = (uint32_t)value;
	query->privileged = value == 0;
	return r;
}

static int parse_query(const struct arguments *arguments, struct bind_query *query,
		       struct eph_error *reterr)
{
	bool udp = arguments_has(arguments, "udp"), v6 = arguments_has(arguments, "ipv6");
	int r;

	if (arguments->n_operands < 2)
		return error_set(reterr, -EINVAL, "why bind",
				 "what? expected [ADDRESS:]PORT, as 3306");
	if (udp && arguments_has(arguments, "tcp"))
		return error_set(reterr, -EINVAL, "options",
				 "--tcp and --udp: why bind answers for one of them");
	*query = (struct bind_query){
		.protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP,
		.reuseaddr = arguments_has(arguments, "reuseaddr"),
		.reuseport = arguments_has(arguments, "reuseport"),
		.v6only = arguments_has(arguments, "v6only"),
		.listens = !udp && !arguments_has(arguments, "no-listen"),
	};
	r = parse_endpoint(arguments->operand[1], v6 || query->v6only, query, reterr);
	if (r == 0 && arguments_has(arguments, "ipv4") && query->af_inet6)
		r = error_set(reterr, -EINVAL, "options", "-4: '%.60s' asks for an IPv6 socket",
			      arguments->operand[1]);
	if (query->address.family == IP_V6)
		query->af_inet6 = true;
	return r < 0 ? r : parse_uid(arguments, query, reterr);
}

int why_bind(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct screen screen = look_screen();
	struct observe_options observe;
	struct observed_bind answer = {.n_advice = 0};
	struct firewall_claims claims;
	struct bind_query query;
	struct why_bind why = {.query = &query, .result = &answer.result, .advice = answer.advice};
	int r = look_options(arguments, &observe, reterr);

	if (r == 0 && observe.all_netns)
		r = error_set(reterr, -EINVAL, "options",
			      "--all-netns: a port is bound in one namespace, see --netns");
	if (r == 0)
		r = parse_query(arguments, &query, reterr);
	if (r == 0 && why_bind_windows_asked(arguments))
		return why_bind_windows(arguments, &query, outcome, reterr);
	if (r == 0)
		r = observe_bind(&observe, arguments_get(arguments, "device"), &query, &snapshot,
				 &answer, reterr);
	if (r < 0)
		return r;
	why.n_advice = answer.n_advice;
	why.holders_whole = answer.holders_whole;
	why.elsewhere = &answer.elsewhere;
	observe_claims(snapshot, &query, &claims);
	why.claims = &claims;
	if (arguments_has(arguments, "json"))
		why_bind_json(&why, snapshot, &outcome->text);
	else
		why_bind_text(&why, snapshot, &screen, &outcome->text);
	firewall_claims_done(&claims);
	outcome->status = (int)why_bind_level(&answer.result);
	return 0;
}
