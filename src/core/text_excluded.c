#include "text_excluded.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "alloc.h"
#include "error.h"
#include "parse.h"
#include "text_line.h"
#include "text_utf16.h"

struct reader {
	struct excluded_list *out;
	bool udp;       /* what was asked */
	bool other;     /* the lines are about the other protocol */
	bool found;     /* a list of ours was there */
	uint64_t start; /* of a dynamic range; 0: its first line has not come */
};

static bool has_word(struct text_span line, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= line.length; i++)
		if (strncasecmp(line.start + i, word, length) == 0)
			return true;
	return false;
}

static bool number(struct text_span word, uint64_t *ret)
{
	return parse_uint(word.start, word.length, UINT32_MAX, ret) == 0;
}

static int take_row(struct reader *reader, uint64_t low, uint64_t high, bool administered)
{
	struct excluded_list *out = reader->out;

	if (low > high || high > UINT16_MAX)
		return -EINVAL;
	if (reader->other)
		return 0;
	reader->found = true;
	if (out->count == EXCLUDED_MAX)
		return -E2BIG;
	out->range[out->count++] =
		(struct excluded_range){{(uint16_t)low, (uint16_t)high}, administered};
	return 0;
}

/* "Start Port      : 49152", then "Number of Ports : 16384", in any language. */
static void take_dynamic(struct reader *reader, uint64_t value)
{
	if (!reader->start) {
		reader->start = value;
		return;
	}
	if (!reader->other && reader->start + value <= UINT16_MAX + 1u && value &&
	    reader->start <= UINT16_MAX)
		reader->out->dynamic = (struct port_range){(uint16_t)reader->start,
							   (uint16_t)(reader->start + value - 1)};
	reader->start = 0;
}

/* net.ipv4.ip_local_port_range = 44619	48715 */
static bool take_mirrored(struct reader *reader, struct text_span line)
{
	struct text_span name, value, low, high;
	uint64_t from, to;

	if (!text_split(line, '=', &name, &value) || !text_is(name, "net.ipv4.ip_local_port_range"))
		return false;
	if (text_word_next(&value, &low) && text_word_next(&value, &high) && number(low, &from) &&
	    number(high, &to) && from && from <= to && to <= UINT16_MAX)
		reader->out->mirrored = (struct port_range){(uint16_t)from, (uint16_t)to};
	return true;
}

/* A line of dashes under the heading: the list begins, whatever language the heading is in. */
static bool is_rule(struct text_span line)
{
	for (size_t i = 0; i < line.length; i++)
		if (line.start[i] != '-' && line.start[i] != ' ' && line.start[i] != '\t')
			return false;
	return line.length > 2;
}

static bool look_protocol(struct reader *reader, struct text_span line)
{
	bool tcp = has_word(line, "tcp"), udp = has_word(line, "udp");

	if (tcp != udp)
		reader->other = udp != reader->udp;
	return tcp != udp;
}

static int take_line(struct reader *reader, struct text_span line)
{
	struct text_span rest = line, word[4], left, right;
	uint64_t low, high;
	size_t words = 0;

	if (is_rule(line)) {
		reader->found |= !reader->other;
		return 0;
	}
	while (words < 4 && text_word_next(&rest, &word[words]))
		words++;
	if (words >= 2 && number(word[0], &low)) {
		bool star = words == 3 && text_is(word[2], "*");

		if (!number(word[1], &high) || (words > 2 && !star))
			return -EINVAL;
		return take_row(reader, low, high, star);
	}
	if (take_mirrored(reader, line) || look_protocol(reader, line))
		return 0;
	if (text_split(line, ':', &left, &right) && number(right, &low))
		take_dynamic(reader, low);
	return 0;
}

static int read_lines(struct reader *reader, const char *text, size_t length,
		      struct eph_error *reterr)
{
	struct text_lines lines = text_lines(text, length, false);
	struct text_span line;

	while (text_line_next(&lines, &line)) {
		int r = take_line(reader, line);

		if (r < 0)
			return error_set_at(
				reterr, r, "excluded", lines.number,
				r == -E2BIG ? "line %u: more ranges than are possible"
					    : "line %u: not a range as excludedportrange has it",
				lines.number);
	}
	if (!reader->found)
		return error_set(
			reterr, -ENOMSG, "excluded",
			"no list of netsh interface ipv4 show excludedportrange protocol=%s",
			reader->udp ? "udp" : "tcp");
	return 0;
}

int text_excluded_read(const char *text, size_t length, bool udp, struct excluded_list *ret,
		       struct eph_error *reterr)
{
	struct reader reader = {.out = ret, .udp = udp};
	CLEANUP(freep) char *bytes = NULL;

	memset(ret, 0, sizeof(*ret));
	if (length > EXCLUDED_BYTES_MAX)
		return error_set(reterr, -E2BIG, "excluded", "more than %u bytes",
				 EXCLUDED_BYTES_MAX);
	bytes = text_utf16_narrow(text, length, &length);
	return read_lines(&reader, bytes ? bytes : text, length, reterr);
}

const struct excluded_range *excluded_list_find(const struct excluded_list *list, uint16_t port)
{
	const struct excluded_range *found = NULL;

	for (unsigned i = 0; i < list->count; i++)
		if (port_range_has(list->range[i].range, port) &&
		    (!found ||
		     port_range_width(list->range[i].range) > port_range_width(found->range)))
			found = &list->range[i];
	return found;
}
