#include "reserve_notes.h"

#include <stdarg.h>
#include <string.h>

#include "number.h"

/* A block of an eighth of the range is one; see docs/risks/reserved-hot-spot.md. */
#define HOT_SPOT_DIVISOR 8u
#define FEW_PORTS        1024u /* fewer left for outgoing connections are worth a word */

static void note(struct reserve_notes *notes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct reserve_notes *notes, const char *format, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list arguments;
	bool said = notes->notes == RESERVE_NOTES_MAX;

	va_start(arguments, format);
	strbuf_vprintf(&text, format, arguments);
	va_end(arguments);
	for (unsigned i = 0; i < notes->notes; i++)
		said |= strcmp(notes->note[i].text, text.text) == 0;
	if (said)
		strbuf_done(&text);
	else
		notes->note[notes->notes++] = text;
}

static struct port_range longest_block(const struct port_set *reserved, struct port_range range)
{
	struct port_range longest = {1, 0};
	uint32_t start = range.lo;

	for (uint32_t port = range.lo; port <= range.hi; port++) {
		if (!port_set_has(reserved, (uint16_t)port))
			start = port + 1;
		else if (port - start + 1 > port_range_width(longest))
			longest = (struct port_range){(uint16_t)start, (uint16_t)port};
	}
	return longest;
}

static void note_hot_spot(struct reserve_notes *notes, const struct port_set *reserved,
			  struct port_range range)
{
	struct port_range block = longest_block(reserved, range);
	uint32_t width = port_range_width(block),
		 next = block.hi < range.hi ? block.hi + 1u : range.lo;

	if (port_range_width(range) < 64 || width < port_range_width(range) / HOT_SPOT_DIVISOR ||
	    width == port_range_width(range))
		return;
	note(notes,
	     "%u-%u is one block of %s: each search that starts inside of it ends on the first "
	     "free port behind it (about %u), which is chosen far more often than others; move an "
	     "end of the range past the block instead",
	     block.lo, block.hi, COUNTED(width, "port"), next);
}

static void note_outside(struct reserve_notes *notes, const struct port_set *ports,
			 struct port_range range)
{
	uint32_t all = port_set_count(ports), outside = all - port_set_count_in(ports, range);

	if (outside)
		note(notes, "%s outside the range %u-%u, where automatic choice does not go anyway",
		     all == 1         ? "it lies"
		     : outside == all ? "they lie"
				      : "some of them lie",
		     range.lo, range.hi);
}

void reserve_notes_add(struct reserve_notes *notes, const struct port_set *ports,
		       const struct port_set *before, const struct port_set *after,
		       struct port_range range, bool upwards)
{
	uint32_t width = port_range_width(range);
	uint32_t left = width - port_set_count_in(after, range);

	note_outside(notes, ports, range);
	if (upwards)
		note_hot_spot(notes, after, range);
	if (!left)
		note(notes, "no port of %u-%u is left: connect() without bind() will fail",
		     range.lo, range.hi);
	else if (left < FEW_PORTS && left < width - port_set_count_in(before, range))
		note(notes, "%s of %s %s left for outgoing connections to each destination",
		     GROUPED(left), COUNTED(width, "port"), ARE(left));
}

void reserve_notes_done(struct reserve_notes *notes)
{
	for (unsigned i = 0; i < notes->notes; i++)
		strbuf_done(&notes->note[i]);
	notes->notes = 0;
}
