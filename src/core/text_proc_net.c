#include "text_proc_net.h"

#include <errno.h>
#include <string.h>

#include "parse.h"

#define TIMER_TIME_WAIT 3u  /* "tr" of a mini-socket */
#define TICK_MS         10u /* tm->when counts in hundredths of a second */
#define WORD_DIGITS     8u  /* of a 32-bit word */

struct field {
	const char *text;
	size_t length;
};

static bool next_field(struct field *rest, struct field *ret)
{
	const char *cursor = rest->text, *end = rest->text + rest->length;

	ret->text = parse_word(&cursor, end, &ret->length);
	*rest = (struct field){cursor, (size_t)(end - cursor)};
	return ret->text != NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(struct field field, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (!field.length || field.length > 16)
		return false;
	for (size_t i = 0; i < field.length; i++) {
		int digit = hex_digit(field.text[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	*ret = value;
	return value <= max;
}

/* "LEFT:RIGHT" */
static bool split(struct field field, struct field *ret_left, struct field *ret_right)
{
	const char *colon = memchr(field.text, ':', field.length);

	if (!colon)
		return false;
	*ret_left = (struct field){field.text, (size_t)(colon - field.text)};
	*ret_right = (struct field){colon + 1, field.length - ret_left->length - 1};
	return true;
}

static bool parse_address(struct field field, bool v6, struct ip_address *ret)
{
	uint32_t words[4];
	size_t n = v6 ? 4 : 1;

	if (field.length != n * WORD_DIGITS)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct field word = {field.text + i * WORD_DIGITS, WORD_DIGITS};
		uint64_t value;

		if (!parse_hex(word, UINT32_MAX, &value))
			return false;
		words[i] = (uint32_t)value;
	}
	*ret = v6 ? ip_address_v6(words) : ip_address_v4(words);
	return true;
}

static bool parse_end(struct field field, bool v6, struct ip_address *ret, uint16_t *ret_port)
{
	struct field address, port;
	uint64_t value;

	if (!split(field, &address, &port) || !parse_address(address, v6, ret) ||
	    !parse_hex(port, UINT16_MAX, &value))
		return false;
	*ret_port = (uint16_t)value;
	return true;
}

/* "st tx_queue:rx_queue tr:tm->when" */
static bool parse_state(struct field *rest, struct socket_record *record)
{
	struct field state, queues, timer, kind, when;
	uint64_t number, what, ticks;

	if (!next_field(rest, &state) || !next_field(rest, &queues) || !next_field(rest, &timer))
		return false;
	if (!parse_hex(state, STATE_NEW_SYN_RECV, &number) || number == 0 ||
	    !split(timer, &kind, &when) || !parse_hex(kind, UINT8_MAX, &what) ||
	    !parse_hex(when, UINT64_MAX, &ticks))
		return false;
	record->state = (uint8_t)number;
	if (record->protocol != PROTOCOL_TCP)
		return true;
	if (number == STATE_TIME_WAIT || (number == STATE_FIN_WAIT2 && what == TIMER_TIME_WAIT))
		record->flags |= SOCKET_MINI;
	if ((record->flags & SOCKET_MINI) && what == TIMER_TIME_WAIT)
		record->expires_ms =
			ticks < UINT32_MAX / TICK_MS ? (uint32_t)ticks * TICK_MS : UINT32_MAX;
	return true;
}

/* "retrnsmt uid timeout inode" */
static bool parse_owner(struct field *rest, struct socket_record *record)
{
	struct field retransmits, uid, timeout, inode;
	uint64_t number;

	if (!next_field(rest, &retransmits) || !next_field(rest, &uid) ||
	    !next_field(rest, &timeout) || !next_field(rest, &inode))
		return false;
	if (parse_uint(uid.text, uid.length, UINT32_MAX, &number) < 0)
		return false;
	record->uid = (uint32_t)number;
	if (parse_uint(inode.text, inode.length, UINT64_MAX, &number) < 0)
		return false;
	record->inode = (uint32_t)number; /* as sock_diag cuts it */
	return true;
}

int text_proc_net_line(const char *line, size_t length, enum socket_protocol protocol, bool v6,
		       struct socket_record *ret)
{
	struct field rest = {line, length}, number, local, remote;
	struct socket_record record = {
		.protocol = (uint8_t)protocol,
		.flags = SOCKET_DEVICE_HIDDEN | (v6 ? SOCKET_AF_INET6 : 0),
		.known = SOCKET_AF_INET6 | SOCKET_MINI | SOCKET_DEVICE_HIDDEN,
	};

	if (!next_field(&rest, &number) || number.text[number.length - 1] != ':' ||
	    !next_field(&rest, &local) || !next_field(&rest, &remote))
		return -EINVAL;
	if (!parse_end(local, v6, &record.local, &record.local_port) ||
	    !parse_end(remote, v6, &record.remote, &record.remote_port))
		return -EINVAL;
	if (!parse_state(&rest, &record) || !parse_owner(&rest, &record))
		return -EINVAL;
	*ret = record;
	return 0;
}
