#include "port_set.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "strbuf.h"

void port_set_clear(struct port_set *set)
{
	memset(set, 0, sizeof(*set));
}

/* The bits of word @index that belong to @range. */
static uint64_t word_mask(uint32_t index, struct port_range range)
{
	uint32_t first = index * 64, last = first + 63;
	uint32_t lo = range.lo > first ? range.lo : first, hi = range.hi < last ? range.hi : last;

	if (lo > hi)
		return 0;
	return (UINT64_MAX << (lo - first)) & (UINT64_MAX >> (last - hi));
}

void port_set_add_range(struct port_set *set, struct port_range range)
{
	for (uint32_t i = range.lo / 64; i <= range.hi / 64u; i++)
		set->word[i] |= word_mask(i, range);
}

void port_set_add_set(struct port_set *set, const struct port_set *other)
{
	for (uint32_t i = 0; i < PORT_SET_WORDS; i++)
		set->word[i] |= other->word[i];
}

void port_set_remove_set(struct port_set *set, const struct port_set *other)
{
	for (uint32_t i = 0; i < PORT_SET_WORDS; i++)
		set->word[i] &= ~other->word[i];
}

void port_set_keep_set(struct port_set *set, const struct port_set *other)
{
	for (uint32_t i = 0; i < PORT_SET_WORDS; i++)
		set->word[i] &= other->word[i];
}

uint32_t port_set_count(const struct port_set *set)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < PORT_SET_WORDS; i++)
		count += (uint32_t)__builtin_popcountll(set->word[i]);
	return count;
}

uint32_t port_set_count_in(const struct port_set *set, struct port_range range)
{
	uint32_t count = 0;

	for (uint32_t i = range.lo / 64; i <= range.hi / 64u; i++)
		count += (uint32_t)__builtin_popcountll(set->word[i] & word_mask(i, range));
	return count;
}

int port_set_next(const struct port_set *set, int from)
{
	for (uint32_t i = from < 0 ? 0 : (uint32_t)from / 64; i < PORT_SET_WORDS; i++) {
		uint64_t bits = set->word[i];

		if (from > 0 && i == (uint32_t)from / 64)
			bits &= UINT64_MAX << ((uint32_t)from % 64);
		if (bits)
			return (int)(i * 64 + (uint32_t)__builtin_ctzll(bits));
	}
	return -1;
}

/* Digits at *@cursor as a port 0..65535; -1 if there are none or too many. */
static int32_t read_port(const char **cursor, const char *end)
{
	const char *p = *cursor;
	int32_t value = 0;

	while (p < end && *p >= '0' && *p <= '9') {
		value = value * 10 + (*p++ - '0');
		if (value > UINT16_MAX)
			return -1;
	}
	if (p == *cursor)
		return -1;
	*cursor = p;
	return value;
}

int port_set_parse(const char *text, size_t length, struct port_set *ret, struct eph_error *reterr)
{
	const char *p = text, *end = text + length;
	struct port_set set = {0};

	while (end > p && (end[-1] == '\n' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	while (p < end) {
		int32_t lo = read_port(&p, end), hi = lo;

		if (lo >= 0 && p < end && *p == '-') {
			p++;
			hi = read_port(&p, end);
		}
		if (lo < 0 || hi < lo || (p < end && *p != ','))
			return error_set_at(
				reterr, -EINVAL, "ports", (long)(p - text),
				"bad port list at byte %ld: expected ports 0-65535 as a,b-c",
				(long)(p - text));
		port_set_add_range(&set, (struct port_range){(uint16_t)lo, (uint16_t)hi});
		if (p < end)
			p++;
	}
	*ret = set;
	return 0;
}

void port_set_format(const struct port_set *set, struct strbuf *out)
{
	const char *comma = "";

	for (int lo = -1; (lo = port_set_next(set, lo + 1)) >= 0;) {
		int hi = lo;

		while (hi < UINT16_MAX && port_set_has(set, (uint16_t)(hi + 1)))
			hi++;
		if (hi == lo)
			strbuf_printf(out, "%s%d", comma, lo);
		else
			strbuf_printf(out, "%s%d-%d", comma, lo, hi);
		comma = ",";
		lo = hi;
	}
}
