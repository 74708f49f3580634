#include "text_netstat_csv.h"

#include <errno.h>
#include <string.h>

#include "parse.h"

static const char *const names[CSV_COLUMNS] = {
	[CSV_LOCAL_ADDRESS] = "LocalAddress",
	[CSV_LOCAL_PORT] = "LocalPort",
	[CSV_REMOTE_ADDRESS] = "RemoteAddress",
	[CSV_REMOTE_PORT] = "RemotePort",
	[CSV_STATE] = "State",
	[CSV_PROCESS] = "OwningProcess",
};

/* The next field, its quotes taken off; false at the end of the line. A quote inside of a field is none of ours. */
static bool next_field(struct text_span *rest, char separator, struct text_span *ret)
{
	const char *from = rest->start, *end, *to;

	if (!from)
		return false;
	end = from + rest->length;
	if (rest->length && *from == '"') {
		to = memchr(from + 1, '"', rest->length - 1);
		if (!to || (to + 1 < end && to[1] != separator))
			return false;
		*ret = (struct text_span){from + 1, (size_t)(to - from - 1)};
		to++;
	} else {
		to = memchr(from, separator, rest->length);
		to = to ? to : end;
		*ret = (struct text_span){from, (size_t)(to - from)};
	}
	*rest = to < end ? (struct text_span){to + 1, (size_t)(end - to - 1)}
			 : (struct text_span){NULL, 0};
	return true;
}

static bool find_columns(struct text_span line, struct netstat_csv *csv)
{
	struct text_span field;
	uint8_t at = 0;

	while (at < NETSTAT_CSV_FIELDS && next_field(&line, csv->separator, &field)) {
		at++;
		for (size_t i = 0; i < CSV_COLUMNS; i++)
			if (text_is(field, names[i]))
				csv->column[i] = at;
	}
	return csv->column[CSV_LOCAL_ADDRESS] && csv->column[CSV_LOCAL_PORT];
}

bool netstat_csv_heading(struct text_span line, struct netstat_csv *ret)
{
	static const char separators[] = {',', ';', '\t'};

	if (!memmem(line.start, line.length, "LocalPort", strlen("LocalPort")))
		return false;
	for (size_t i = 0; i < sizeof(separators); i++) {
		*ret = (struct netstat_csv){.separator = separators[i]};
		if (find_columns(line, ret))
			return true;
	}
	return false;
}

/* An address and a port that stand apart: put together as netstat prints them, so that one parser reads all. */
static int parse_end(struct text_span address, struct text_span port, struct netstat_end *ret)
{
	char text[80];
	char *end = text;

	if (address.length + port.length + 3 > sizeof(text))
		return -EINVAL;
	*end++ = '[';
	end = mempcpy(end, address.start, address.length);
	*end++ = ']';
	*end++ = ':';
	end = mempcpy(end, port.start, port.length);
	return netstat_end_parse((struct text_span){text, (size_t)(end - text)}, ret);
}

static uint8_t state_of(struct text_span text)
{
	/* MSFT_NetTCPConnection, where an export has numbers */
	static const uint8_t numbered[] = {
		0,
		STATE_CLOSE,
		STATE_LISTEN,
		STATE_SYN_SENT,
		STATE_SYN_RECV,
		STATE_ESTABLISHED,
		STATE_FIN_WAIT1,
		STATE_FIN_WAIT2,
		STATE_CLOSE_WAIT,
		STATE_CLOSING,
		STATE_LAST_ACK,
		STATE_TIME_WAIT,
		STATE_CLOSE,
	};
	uint64_t number;

	if (parse_uint(text.start, text.length, 100, &number) < 0)
		return netstat_state(text);
	return number == 100 ? STATE_BOUND : number < sizeof(numbered) ? numbered[number] : 0;
}

int netstat_csv_row(const struct netstat_csv *csv, struct text_span line, struct socket_record *ret,
		    bool *ret_guessed)
{
	struct text_span field, value[CSV_COLUMNS];
	struct netstat_end local, remote = {.star = true};
	bool udp = !csv->column[CSV_REMOTE_PORT];
	uint8_t at = 0;
	int r;

	for (size_t i = 0; i < CSV_COLUMNS; i++)
		value[i] = (struct text_span){"", 0};
	while (at < NETSTAT_CSV_FIELDS && next_field(&line, csv->separator, &field)) {
		at++;
		for (size_t i = 0; i < CSV_COLUMNS; i++)
			if (csv->column[i] == at)
				value[i] = text_trim(field);
	}
	for (size_t i = 0; i < CSV_COLUMNS; i++)
		if (csv->column[i] > at)
			return -EINVAL;
	r = parse_end(value[CSV_LOCAL_ADDRESS], value[CSV_LOCAL_PORT], &local);
	if (r == 0 && !udp)
		r = parse_end(value[CSV_REMOTE_ADDRESS], value[CSV_REMOTE_PORT], &remote);
	if (r < 0)
		return r;
	*ret = netstat_record(
		(struct netstat_protocol){udp ? PROTOCOL_UDP : PROTOCOL_TCP, local.v6_text, true},
		&local, &remote, value[CSV_STATE].length ? state_of(value[CSV_STATE]) : 0,
		text_is(value[CSV_PROCESS], "0"), ret_guessed);
	return 0;
}
