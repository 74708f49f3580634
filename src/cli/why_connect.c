#include <errno.h>

#include "alloc.h"
#include "look.h"
#include "observe_connect.h"
#include "why.h"
#include "why_connect_view.h"

static int parse_from(const struct arguments *arguments, struct capacity_query *query,
		      struct eph_error *reterr)
{
	const char *text = arguments_get(arguments, "from");
	int r;

	if (!text)
		return 0;
	r = ip_address_parse(text, &query->from, reterr);
	if (r < 0)
		return r;
	if (ip_address_is_any(&query->from))
		return error_set(reterr, -EINVAL, "--from",
				 "'%.60s' stands for any address: name one of this host", text);
	if (query->from.family != query->to.family)
		return error_set(reterr, -EINVAL, "--from",
				 "'%.60s' is of another address family than the destination", text);
	query->bound = true;
	return 0;
}

static int parse_query(const struct arguments *arguments, struct capacity_query *query,
		       struct eph_error *reterr)
{
	bool udp = arguments_has(arguments, "udp"), v6;
	int r;

	if (arguments->n_operands < 2)
		return error_set(
			reterr, -EINVAL, "why connect",
			"to where? expected DST:PORT, as 10.0.0.5:443 or [2001:db8::1]:443");
	if (udp && arguments_has(arguments, "tcp"))
		return error_set(reterr, -EINVAL, "options",
				 "--tcp and --udp: why connect answers for one of them");
	*query = (struct capacity_query){.protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP,
					 .reuse_time_wait = -1};
	r = ip_endpoint_parse(arguments->operand[1], &query->to, &query->to_port, reterr);
	if (r < 0)
		return r;
	v6 = query->to.family == IP_V6;
	if (arguments_has(arguments, v6 ? "ipv4" : "ipv6") &&
	    !arguments_has(arguments, v6 ? "ipv6" : "ipv4"))
		return error_set(reterr, -EINVAL, "options",
				 "-%c: '%.60s' is of the other address family", v6 ? '4' : '6',
				 arguments->operand[1]);
	query->af_inet6 = v6;
	/* connect() to "any address" goes to this host. */
	if (ip_address_is_any(&query->to))
		r = ip_address_parse(v6 ? "::1" : "127.0.0.1", &query->to, reterr);
	return r < 0 ? r : parse_from(arguments, query, reterr);
}

int why_connect(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct screen screen = look_screen();
	struct observe_options observe;
	struct capacity_query query;
	struct connect_result result;
	int r = look_options(arguments, &observe, reterr);

	if (r == 0 && observe.all_netns)
		r = error_set(reterr, -EINVAL, "options",
			      "--all-netns: why answers for one namespace, see --netns");
	if (r == 0)
		r = parse_query(arguments, &query, reterr);
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
