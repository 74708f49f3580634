#include "shorten.h"

#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "strbuf.h"

#define LONG_BYTES  300u
#define SHOWN_BYTES 120u

/* How many ports the list @text of @length bytes has. */
static uint64_t count_ports(const char *text, size_t length)
{
	const char *end = text + length;
	uint64_t ports = 0;

	while (text < end) {
		char *behind;
		unsigned long lo = strtoul(text, &behind, 10), hi = lo;

		if (behind < end && *behind == '-')
			hi = strtoul(behind + 1, &behind, 10);
		ports += behind > text && hi >= lo ? hi - lo + 1 : 0;
		text = behind + 1;
	}
	return ports;
}

static void add_list(const char *list, size_t length, struct strbuf *out)
{
	size_t shown = SHOWN_BYTES;

	if (length <= LONG_BYTES || !memchr(list, ',', SHOWN_BYTES)) {
		strbuf_printf(out, "%.*s", (int)length, list);
		return;
	}
	while (list[shown] != ',')
		shown--;
	strbuf_printf(out, "%.*s ... and %s more", (int)shown, list,
		      GROUPED(count_ports(list + shown + 1, length - shown - 1)));
}

void shorten_lists(const char *text, struct strbuf *out)
{
	while (*text) {
		size_t other = strcspn(text, "0123456789"), list;

		strbuf_printf(out, "%.*s", (int)other, text);
		text += other;
		list = strspn(text, "0123456789,-");
		add_list(text, list, out);
		text += list;
	}
}
