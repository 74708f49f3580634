#include "stanza.h"

void stanza_read(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;
	struct os_range *range;
	enum os_end end;
	uint32_t number;
	bool ours = false;

	for (size_t i = 0; i < state->ranges; i++)
		state->range[i].boot_told = true;
	while (text_line_next(&lines, &line)) {
		if (text_ends(line, ":"))
			ours = text_is(line, "inet:");
		if (!ours || !os_text_pair(line, &name, &value) ||
		    !(range = os_text_range(state, name, &end)))
			continue;
		if (os_text_number(value, UINT16_MAX, &number))
			range->boot_value[end] = number;
	}
}

void stanza_command(const struct os_step *step, struct strbuf *out)
{
	const char *value = *step->after ? step->after : step->before;
	/* -m may want an entry to merge with, -a wants none. */
	const char *store = *step->after ? "{ /sbin/sysconfigdb -m -f $f inet 2>/dev/null || "
					   "/sbin/sysconfigdb -a -f $f inet; }"
					 : "/sbin/sysconfigdb -r -f $f inet";

	strbuf_printf(out,
		      "f=/etc/ephemports.$$; (umask 077; echo \"inet:\"; "
		      "echo \"\t%s = %s\") >$f && %s; r=$?; /bin/rm -f $f; exit $r",
		      step->setting, value, store);
}
