/*
 * AIX: no(1). From 5.2 on it writes /etc/tunables/nextboot itself; before that, /etc/rc.tcpip has to call it.
 */
#include <string.h>

#include "os_text.h"
#include "rc_tcpip.h"

#define NO "/usr/sbin/no"

static const struct os_range_spec specs[] = {
	{OS_REGULAR, OS_TCP, OS_IPV4_6, {1024, 65535}, "tcp_ephemeral_low", "tcp_ephemeral_high"},
	{OS_REGULAR, OS_UDP, OS_IPV4_6, {1024, 65535}, "udp_ephemeral_low", "udp_ephemeral_high"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR,
	 {32768, 65535},
	 "",
	 "",
	 "NcFTP, The Ephemeral Port Range; Oracle installation "
	 "notes for AIX",
	 false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"protocols", "TCP and UDP are set apart; IPv4 and IPv6 together", "IBM no command"},
	{"bounds", "low from 1024, low < high; AIX 4.3 and 5.1 do not check at all",
	 "IBM no command for AIX 4.3 and 5.1; bounds of later releases uncertain"},
	{"output", "no -L and -x may abbreviate (32K): read no -o or no -a", "IBM no command"},
	{"set", "no blanks around the =, or the command fails", "IBM no command"},
	{"algorithm", "sequential with a wrap", "uncertain"},
	{"sharing", "a port serves one connection", "uncertain"},
	{"TIME_WAIT", "tcp_timewait in units of 15 s, 1 to 5, by default 1",
	 "known, not read again"},
	{"boot",
	 "no -p sets now and in /etc/tunables/nextboot, no -r there only (5.2 and later); until "
	 "5.1 a no command in /etc/rc.tcpip or rc.net",
	 "IBM no command; transcripts of Oracle "
	 "installations"},
	{"compatibility", "with lsattr -El sys0 -a pre520tune enabled rc.net counts, not nextboot",
	 "Oracle installation notes for AIX"},
	{"privilege", "root", "IBM no command"},
	{"outdated", "\"put no into rc.tcpip\" is right until 5.1 only",
	 "NcFTP, The Ephemeral Port "
	 "Range"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 15,
	.time_wait_max_s = 15,
	.sharing = OS_SHARES_NOTHING,
	.show = "no -a | grep ephemeral",
	.set = "no -o tcp_ephemeral_low=49152",
	.persist = "no -p -o tcp_ephemeral_low=49152; until 5.1 " RC_TCPIP_PATH,
	.fact = fact,
};

static const struct os_command commands[] = {
	{"no", "for n in tcp_ephemeral_low tcp_ephemeral_high udp_ephemeral_low "
	       "udp_ephemeral_high; do " NO " -o $n; done"},
	{"nextboot", "/bin/cat /etc/tunables/nextboot 2>/dev/null"},
	{NULL, NULL},
};

static const struct os_boot_file boot_files[] = {
	{RC_TCPIP_PATH},
	{"/etc/rc.net"},
	{NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)release;
	(void)version;
	return text_is(name, "AIX");
}

/* A quoted value of a stanza: "9000", also with STATIC after a blank in old notes; "DEFAULT" is no number. */
static struct text_span unquoted(struct text_span value)
{
	if (value.length >= 2 && *value.start == '"' && value.start[value.length - 1] == '"')
		return (struct text_span){value.start + 1, value.length - 2};
	return value;
}

/* /etc/tunables/nextboot: "no:" begins the stanza, "vmo:" the next one. */
static void parse_nextboot(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;
	struct os_range *range;
	enum os_end end;
	uint32_t number;
	bool ours = false;

	for (size_t i = 0; i < state->ranges; i++)
		state->range[i].boot_told = rc_tcpip_has_nextboot(state);
	while (text_line_next(&lines, &line)) {
		if (text_ends(line, ":"))
			ours = text_is(line, "no:");
		if (!ours || !os_text_pair(line, &name, &value) ||
		    !(range = os_text_range(state, name, &end)))
			continue;
		if (os_text_number(unquoted(value), UINT16_MAX, &number))
			range->boot_value[end] = number;
	}
}

/* "tcp_ephemeral_low,32768,32768,32768,1024,65534,numeric,D,tcp_ephemeral_high," of no -x */
static void parse_commas(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;
	struct os_range *range;
	enum os_end end;
	uint32_t number;

	while (text_line_next(&lines, &line)) {
		const char *comma;

		if (!text_split(line, ',', &name, &value) ||
		    !(range = os_text_range(state, name, &end)))
			continue;
		comma = memchr(value.start, ',', value.length);
		if (comma)
			value.length = (size_t)(comma - value.start);
		if (os_text_number(value, UINT16_MAX, &number))
			range->value[end] = number;
	}
}

/* "Setting tcp_ephemeral_low to 49152", and "... in nextboot file" */
static void parse_setting(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, word[4];
	struct os_range *range;
	enum os_end end;
	uint32_t number;

	while (text_line_next(&lines, &line)) {
		size_t words = 0;

		while (words < 4 && text_word_next(&line, &word[words]))
			words++;
		if (words < 4 || !text_is(word[0], "Setting") || !text_is(word[2], "to") ||
		    !(range = os_text_range(state, word[1], &end)) ||
		    !os_text_number(word[3], UINT16_MAX, &number))
			continue;
		if (text_begins(text_trim(line), "in nextboot"))
			range->boot_value[end] = number;
		else
			range->value[end] = number;
	}
}

static void parse(struct os_state *state, const struct os_output *output)
{
	if (strcmp(output->id, "nextboot") == 0) {
		parse_nextboot(state, output);
		return;
	}
	os_text_parse_pairs(state, output);
	parse_commas(state, output);
	parse_setting(state, output);
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	static const char *const option[] = {
		[OS_RUNNING] = "",
		[OS_NEXT_BOOT] = "-r ",
		[OS_BOTH] = "-p ",
	};

	(void)state;
	if (*step->after)
		strbuf_printf(out, NO " %s-o %s=%s", option[step->store], step->setting,
			      step->after);
	else
		strbuf_printf(out, NO " %s-d %s", option[step->store], step->setting);
}

static enum os_store kept_by(const struct os_state *state)
{
	return rc_tcpip_has_nextboot(state) ? OS_NEXT_BOOT : OS_RUNNING;
}

const struct os_system os_aix = {
	.name = "aix",
	.title = "AIX",
	.flags = OS_ORDERED,
	.spec = specs,
	.specs = 2,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.boot_file = boot_files,
	.is = is,
	.parse = parse,
	.set = set,
	.kept_by = kept_by,
	.kept_in = "/etc/tunables/nextboot",
	.boot = rc_tcpip_boot,
	.persist = rc_tcpip_persist,
	.no_list = "there is no list of ports that are never chosen; "
		   "set the range so that the port lies outside of it: ephemports range set "
		   "LOW-HIGH --host NAME",
};
