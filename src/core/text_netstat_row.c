#include "text_netstat_row.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "parse.h"

#define CUT_DOT   16u /* BSD netstat: "%.16s." without -W */
#define CUT_COLON 22u /* net-tools: address and port without -W */

static const char *last_of(struct text_span span, char c)
{
	return memrchr(span.start, c, span.length);
}

/* Where address and port part: NULL when they do not. */
static const char *find_split(struct text_span span)
{
	const char *colon = last_of(span, ':'), *dot = last_of(span, '.');

	return colon && (!dot || dot < colon) ? colon : dot;
}

static bool only(struct text_span span, const char *accepted)
{
	for (size_t i = 0; i < span.length; i++)
		if (!strchr(accepted, span.start[i]) || !span.start[i])
			return false;
	return true;
}

static struct text_span take_off_scope(struct text_span span, uint32_t *ret_scope)
{
	const char *percent = memchr(span.start, '%', span.length);
	uint64_t scope = 0;

	if (percent) {
		struct text_span name = {percent + 1,
					 (size_t)(span.start + span.length - percent - 1)};

		if (name.length && name.start[name.length - 1] == ']')
			name.length--;
		if (parse_uint(name.start, name.length, UINT32_MAX, &scope) < 0)
			scope = 0;
		span.length = (size_t)(percent - span.start);
	}
	if (span.length && span.start[0] == '[')
		span = (struct text_span){span.start + 1, span.length - 1};
	if (span.length && span.start[span.length - 1] == ']')
		span.length--;
	*ret_scope = (uint32_t)scope;
	return span;
}

static int parse_address(struct text_span span, struct netstat_end *ret)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	span = take_off_scope(span, &ret->scope);
	ret->star = text_is(span, "*");
	ret->length = span.length;
	if (ret->star)
		return 0;
	if (!span.length || span.length >= sizeof(text))
		return -EINVAL;
	memcpy(text, span.start, span.length);
	text[span.length] = '\0';
	ret->v6_text = strchr(text, ':');
	if (ip_address_parse(text, &ret->address, NULL) == 0)
		return 0;
	ret->cut = ret->v6_text && only(span, "0123456789abcdefABCDEF:.");
	if (ret->cut)
		return 0;
	return only(span, "0123456789.") ? -EINVAL : -ENOTUNIQ;
}

int netstat_end_parse(struct text_span span, struct netstat_end *ret)
{
	const char *split = find_split(span);
	struct text_span port;
	uint64_t number = 0;
	int r;

	*ret = (struct netstat_end){.port = 0};
	if (!split)
		return -EINVAL;
	port = (struct text_span){split + 1, (size_t)(span.start + span.length - split - 1)};
	if (!text_is(port, "*") && parse_uint(port.start, port.length, UINT16_MAX, &number) < 0)
		return port.length && !only(port, "0123456789") ? -ENOTUNIQ : -EINVAL;
	ret->port = (uint16_t)number;
	r = parse_address((struct text_span){span.start, (size_t)(split - span.start)}, ret);
	if (r == 0 && ret->v6_text && *span.start != '[')
		ret->maybe_cut = *split == '.' ? ret->length == CUT_DOT
					       : ret->length + port.length == CUT_COLON;
	return r;
}

bool netstat_end_like(struct text_span span)
{
	const char *percent = memchr(span.start, '%', span.length);
	struct text_span head = {span.start,
				 percent ? (size_t)(percent - span.start) : span.length};

	return span.length > 2 && find_split(span) && only(head, "0123456789abcdefABCDEF:.[]*");
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* In capitals, without what separates words; "" when it does not fit. */
static void normal(struct text_span span, char *ret, size_t bytes)
{
	size_t length = 0;

	for (size_t i = 0; i < span.length; i++) {
		char c = upper(span.start[i]);

		if (c == '_' || c == '-' || c == '(' || c == ')')
			continue;
		if (length + 1 >= bytes) {
			length = 0;
			break;
		}
		ret[length++] = c;
	}
	ret[length] = '\0';
}

bool netstat_protocol_parse(struct text_span span, struct netstat_protocol *ret)
{
	static const char *const ends[] = {"", "4", "6", "46", "V6", "64"};
	char word[8];

	normal(span, word, sizeof(word));
	if (strncmp(word, "TCP", 3) != 0 && strncmp(word, "UDP", 3) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (strcmp(word + 3, ends[i]) != 0)
			continue;
		*ret = (struct netstat_protocol){
			.protocol = *word == 'T' ? PROTOCOL_TCP : PROTOCOL_UDP,
			.v6 = i >= 2,
			.plain = i == 0,
		};
		return true;
	}
	return false;
}

static const struct {
	const char *word;
	uint8_t state;
} states[] = {
	{"LISTEN", STATE_LISTEN},
	{"LISTENING", STATE_LISTEN},
	{"ESTABLISHED", STATE_ESTABLISHED},
	{"ESTAB", STATE_ESTABLISHED},
	{"SYNSENT", STATE_SYN_SENT},
	{"SYNRCVD", STATE_SYN_RECV},
	{"SYNRECV", STATE_SYN_RECV},
	{"SYNRECEIVED", STATE_SYN_RECV},
	{"FINWAIT1", STATE_FIN_WAIT1},
	{"FINWAIT2", STATE_FIN_WAIT2},
	{"CLOSEWAIT", STATE_CLOSE_WAIT},
	{"CLOSING", STATE_CLOSING},
	{"LASTACK", STATE_LAST_ACK},
	{"TIMEWAIT", STATE_TIME_WAIT},
	{"BOUND", STATE_BOUND},
	{"CLOSED", STATE_CLOSE},
	{"CLOSE", STATE_CLOSE},
	{"IDLE", STATE_CLOSE},
	{"UNCONN", STATE_CLOSE},
	{"DELETETCB", STATE_CLOSE},
	/* German; its word for LISTENING has an umlaut in one of several encodings */
	{"HERGESTELLT", STATE_ESTABLISHED},
	{"WARTEND", STATE_TIME_WAIT},
};

uint8_t netstat_state(struct text_span span)
{
	char word[16];

	normal(span, word, sizeof(word));
	for (size_t i = 0; *word && i < ARRAY_SIZE(states); i++)
		if (strcmp(word, states[i].word) == 0)
			return states[i].state;
	return 0;
}

static struct ip_address address_of(const struct netstat_end *end, bool v6)
{
	static const uint8_t zero[16];

	if (end->star)
		return v6 ? ip_address_v6(zero) : ip_address_v4(zero);
	return end->address;
}

static uint8_t state_of(enum socket_protocol protocol, const struct netstat_end *remote,
			uint8_t told, bool waits, bool *ret_guessed)
{
	*ret_guessed = false;
	if (protocol == PROTOCOL_UDP)
		return remote->port ? STATE_ESTABLISHED : STATE_CLOSE;
	if (told == STATE_CLOSE && !remote->port)
		return STATE_BOUND;
	if (told)
		return told;
	if (!remote->port)
		return STATE_LISTEN;
	*ret_guessed = !waits;
	return waits ? STATE_TIME_WAIT : STATE_ESTABLISHED;
}

struct socket_record netstat_record(struct netstat_protocol protocol,
				    const struct netstat_end *local,
				    const struct netstat_end *remote, uint8_t state, bool waits,
				    bool *ret_guessed)
{
	bool v6 = protocol.v6 || local->v6_text;
	struct socket_record record = {
		.protocol = (uint8_t)protocol.protocol,
		.local = address_of(local, v6),
		.remote = address_of(remote, v6),
		.local_port = local->port,
		.remote_port = remote->port,
		.state = state_of(protocol.protocol, remote, state, waits, ret_guessed),
		.flags = (uint16_t)(SOCKET_DEVICE_HIDDEN | (v6 ? SOCKET_AF_INET6 : 0)),
		.known = SOCKET_AF_INET6 | SOCKET_MINI | SOCKET_DEVICE_HIDDEN,
		.device = local->scope,
	};

	if (record.protocol == PROTOCOL_TCP && record.state == STATE_TIME_WAIT)
		record.flags |= SOCKET_MINI;
	return record;
}
