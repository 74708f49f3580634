#include "destination.h"

#include <errno.h>
#include <string.h>

#include "arguments.h"
#include "capacity.h"
#include "error.h"

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
	return 0;
}

/* "localhost:80": a name, which may stand for several addresses. */
static bool is_name(const char *operand)
{
	return *operand != '[' &&
	       operand[strcspn(operand, "ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ")] &&
	       strchr(operand, ':') == strrchr(operand, ':') && !strpbrk(operand, "/%");
}

int destination_parse(const struct arguments *arguments, const char *command, const char *operand,
		      struct capacity_query *query, struct eph_error *reterr)
{
	bool udp = arguments_has(arguments, "udp"), v6;
	int r;

	if (!operand)
		return error_set(
			reterr, -EINVAL, command,
			"to where? expected DST:PORT, as 10.0.0.5:443 or [2001:db8::1]:443");
	if (udp && arguments_has(arguments, "tcp"))
		return error_set(reterr, -EINVAL, "options",
				 "--tcp and --udp: %s answers for one of them", command);
	query->protocol = udp ? PROTOCOL_UDP : PROTOCOL_TCP;
	if (is_name(operand))
		return error_set(
			reterr, -EINVAL, command,
			"'%.60s': names are not looked up; give an address, as in 127.0.0.1:80",
			operand);
	r = ip_endpoint_parse(operand, &query->to, &query->to_port, reterr);
	if (r < 0)
		return r;
	v6 = query->to.family == IP_V6;
	if (arguments_has(arguments, v6 ? "ipv4" : "ipv6") &&
	    !arguments_has(arguments, v6 ? "ipv6" : "ipv4"))
		return error_set(reterr, -EINVAL, "options",
				 "-%c: '%.60s' is of the other address family", v6 ? '4' : '6',
				 operand);
	/* Brackets make the socket AF_INET6, towards a v4-mapped address too, as in why bind. */
	query->af_inet6 = *operand == '[';
	r = parse_from(arguments, query, reterr);
	/* connect() to "any address" goes to this host, over IPv4 to the address that it comes from. */
	if (r == 0 && ip_address_is_any(&query->to)) {
		if (!v6 && query->from.family == IP_V4)
			query->to = query->from;
		else
			r = ip_address_parse(v6 ? "::1" : "127.0.0.1", &query->to, reterr);
	}
	return r;
}
