/*
 * Tru64 UNIX: attributes of the subsystem inet. sysconfig changes the running value, sysconfigdb keeps /etc/sysconfigtab,
 * which is never edited by hand.
 */
#include <string.h>

#include "os_text.h"
#include "stanza.h"

static const struct os_range_spec specs[] = {
	{OS_REGULAR,
	 OS_TCP_UDP,
	 OS_IPV4_6,
	 {1024, 65535},
	 "ipport_userreserved_min",
	 "ipport_userreserved"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {1024, 5000},
	 "",
	 "",
	 "NcFTP, The Ephemeral Port Range; 4.4BSD netinet/in_pcb.c",
	 false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"protocols", "one pair for TCP and UDP", "NcFTP, The Ephemeral Port Range"},
	{"older",
	 "old releases lack ipport_userreserved_min: unknown attribute; the lower end is "
	 "then 1024",
	 "a public Tru64 tuning checker"},
	{"bounds", "ipport_userreserved from 5000 to 65535", "uncertain"},
	{"algorithm", "sequential upwards with a wrap; 5000 itself is used",
	 "4.4BSD netinet/in_pcb.c"},
	{"sharing", "a port serves one connection", "4.4BSD netinet/in_pcb.c"},
	{"TIME_WAIT", "2 * tcp_msl, in half seconds (60)", "known, not read again"},
	{"boot",
	 "/etc/sysconfigtab, through sysconfigdb -m with a stanza file; -u would throw away "
	 "every other attribute of inet, -a fails when there is an entry",
	 "NcFTP, The Ephemeral Port Range; the options are known, not read again"},
	{"outdated", "\"sysconfigdb -a\" fails when inet has an entry already",
	 "NcFTP, The Ephemeral Port Range"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 60,
	.time_wait_max_s = 60,
	.sharing = OS_SHARES_NOTHING,
	.show = "sysconfig -q inet ipport_userreserved ipport_userreserved_min",
	.set = "sysconfig -r inet ipport_userreserved=65535",
	.persist = "sysconfigdb -m -f inet.stanza inet",
	.fact = fact,
};

static const struct os_command commands[] = {
	{"sysconfig", "/sbin/sysconfig -q inet ipport_userreserved ipport_userreserved_min"},
	{"sysconfigdb", "/sbin/sysconfigdb -l inet 2>/dev/null"},
	{NULL, NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "OSF1");
}

static void parse(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;
	struct os_range *range = &state->range[0];

	if (strcmp(output->id, "sysconfigdb") == 0) {
		stanza_read(state, output);
		return;
	}
	os_text_parse_pairs(state, output);
	while (text_line_next(&lines, &line))
		if (os_text_pair(line, &name, &value) && text_is(name, "ipport_userreserved_min") &&
		    text_begins(value, "unknown attribute")) {
			range->low_fixed = true;
			range->value[OS_END_LOW] = range->spec->bounds.lo;
		}
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	if (step->store == OS_RUNNING)
		strbuf_printf(out, "/sbin/sysconfig -r inet %s=%s", step->setting, step->after);
	else if (step->store == OS_NEXT_BOOT)
		stanza_command(step, out);
}

const struct os_system os_tru64 = {
	.name = "tru64",
	.title = "Tru64 UNIX",
	.spec = specs,
	.specs = 1,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.is = is,
	.parse = parse,
	.set = set,
	.kept_by = os_kept_next_boot,
	.kept_in = "/etc/sysconfigtab",
	.no_list = "there is no list of ports that are never chosen; "
		   "set the range so that the port lies outside of it: ephemports range set "
		   "LOW-HIGH --host NAME",
};
