#include "os_text.h"

#include <string.h>

#include "parse.h"

bool os_text_number(struct text_span span, uint32_t max, uint32_t *ret)
{
	uint64_t number;

	span = text_trim(span);
	if (parse_uint(span.start, span.length, max, &number) < 0)
		return false;
	*ret = (uint32_t)number;
	return true;
}

static bool is_name(struct text_span name)
{
	if (!name.length || name.length >= OS_SETTING_BYTES)
		return false;
	for (size_t i = 0; i < name.length; i++)
		if (name.start[i] <= ' ' || name.start[i] >= 0x7f)
			return false;
	return true;
}

static struct text_span after_arrow(struct text_span value)
{
	for (size_t i = 0; i + 1 < value.length; i++)
		if (value.start[i] == '-' && value.start[i + 1] == '>')
			return text_trim(
				(struct text_span){value.start + i + 2, value.length - i - 2});
	return value;
}

bool os_text_pair(struct text_span line, struct text_span *ret_name, struct text_span *ret_value)
{
	struct text_span name = line;

	for (size_t i = 0; i < line.length; i++) {
		if (line.start[i] != '=' && line.start[i] != ':')
			continue;
		name.length = i;
		name = text_trim(name);
		if (!is_name(name))
			return false;
		*ret_name = name;
		*ret_value = after_arrow(
			text_trim((struct text_span){line.start + i + 1, line.length - i - 1}));
		return true;
	}
	return false;
}

struct os_range *os_text_range(struct os_state *state, struct text_span setting,
			       enum os_end *ret_end)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range_spec *spec = state->range[i].spec;

		if (spec->low && text_is(setting, spec->low))
			*ret_end = OS_END_LOW;
		else if (spec->high && text_is(setting, spec->high))
			*ret_end = OS_END_HIGH;
		else
			continue;
		return &state->range[i];
	}
	return NULL;
}

void os_text_parse_pairs(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;
	struct os_range *range;
	enum os_end end;
	uint32_t number;

	while (text_line_next(&lines, &line)) {
		if (!os_text_pair(line, &name, &value) ||
		    !(range = os_text_range(state, name, &end)))
			continue;
		if (os_text_number(value, UINT16_MAX, &number))
			range->value[end] = number;
	}
}

struct os_reserved *os_text_reserved(struct os_state *state, const char *setting,
				     unsigned protocols, unsigned families, bool lasting)
{
	struct os_reserved *reserved;

	for (size_t i = 0; i < state->reserveds; i++) {
		reserved = &state->reserved[i];
		if (strcmp(reserved->setting, setting) == 0 && reserved->protocols == protocols &&
		    reserved->families == families && reserved->lasting == lasting)
			return reserved;
	}
	if (state->reserveds == OS_RESERVED_MAX)
		return NULL;
	reserved = &state->reserved[state->reserveds++];
	*reserved = (struct os_reserved){.setting = setting,
					 .protocols = protocols,
					 .families = families,
					 .lasting = lasting};
	return reserved;
}

/* One element of a list: "5" or "5-7". */
static bool element(struct text_span word, struct port_range *ret)
{
	const char *dash = memchr(word.start, '-', word.length);
	struct text_span low = word, high = word;
	uint32_t from, to;

	if (dash) {
		low.length = (size_t)(dash - word.start);
		high = (struct text_span){dash + 1, word.length - low.length - 1};
	}
	if (!os_text_number(low, UINT16_MAX, &from) || !os_text_number(high, UINT16_MAX, &to) ||
	    from > to)
		return false;
	*ret = (struct port_range){(uint16_t)from, (uint16_t)to};
	return true;
}

static bool separates(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void os_text_reserve(struct os_state *state, const char *setting, unsigned protocols,
		     struct text_span list, bool lasting)
{
	struct os_reserved *reserved =
		os_text_reserved(state, setting, protocols, OS_IPV4_6, lasting);
	const char *at = list.start, *end = list.start + list.length;
	struct port_range range;

	while (reserved && at < end) {
		struct text_span word = {at, 0};

		while (at < end && !separates(*at))
			at++;
		word.length = (size_t)(at - word.start);
		if (word.length && element(word, &range))
			port_set_add_range(&reserved->ports, range);
		at += at < end;
	}
}
