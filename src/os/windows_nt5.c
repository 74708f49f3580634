/*
 * Windows XP, Server 2003, 2000 and NT: only the upper end can be set, in the registry, and after a reboot.
 */
#include <string.h>

#include "os_text.h"
#include "reserved.h"

#define KEY "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters"

static const struct os_range_spec specs[] = {
	{OS_REGULAR, OS_TCP_UDP, OS_IPV4, {1025, 65534}, NULL, "MaxUserPort"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR, {1025, 5000}, "", "", "Microsoft 929851, of the systems before", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"setting",
	 "MaxUserPort (REG_DWORD, 5000 to 65534) is the upper end; without it 5000; the lower "
	 "end is fixed",
	 "Microsoft 196271, quoted by NcFTP, The Ephemeral Port Range"},
	{"never chosen",
	 "ReservedPorts (REG_MULTI_SZ), one range as 1433-1434 in each string; give "
	 "neighbours as one range",
	 "Microsoft 812873"},
	{"DNS",
	 "after MS08-037 ports of the DNS resolver are drawn from 49152-65535, or from 1024 to "
	 "MaxUserPort when that is set; whether others are too is read both ways",
	 "MSRC, MS08-037; uncertain"},
	{"algorithm", "sequential from 1025", "known, not read again"},
	{"TIME_WAIT", "TcpTimedWaitDelay, 30 to 300 s, without it 240 s", "known, not read again"},
	{"boot", "a change counts after a reboot", "Microsoft 196271"},
	{"outdated",
	 "\"1024 through 4999\" is 1025-5000; \"ReservedPorts cannot be made to work\": it "
	 "is documented, one range a string",
	 "Microsoft 929851 and 812873"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 240,
	.time_wait_max_s = 240,
	.sharing = OS_SHARES_NOTHING,
	.show = "reg query " KEY " /v MaxUserPort",
	.set = "nothing: a change counts after a reboot",
	.persist = "reg add " KEY " /v MaxUserPort /t REG_DWORD /d 65534 /f",
	.fact = fact,
};

static const struct os_command commands[] = {
	{"MaxUserPort", "reg query " KEY " /v MaxUserPort"},
	{"ReservedPorts", "reg query " KEY " /v ReservedPorts"},
	{NULL, NULL},
};

static const struct os_list lists[] = {
	{"ReservedPorts", OS_TCP_UDP, OS_IPV4_6, OS_NEXT_BOOT, false, ""},
	{.setting = NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)version;
	return text_is(name, "Windows") &&
	       (text_begins(release, "5.") || text_begins(release, "4.") ||
		text_begins(release, "3."));
}

/* 0xfffe, as reg prints it. */
static bool hexadecimal(struct text_span word, uint32_t *ret)
{
	uint32_t number = 0;

	if (word.length < 3 || word.length > 10 || !text_begins(word, "0x"))
		return false;
	for (size_t i = 2; i < word.length; i++) {
		static const char digits[] = "0123456789abcdef";
		char c = (char)(word.start[i] | 0x20);
		const char *digit = c ? strchr(digits, c) : NULL;

		if (!digit)
			return false;
		number = number << 4 | (uint32_t)(digit - digits);
	}
	*ret = number;
	return true;
}

/* 1433-1434\04500-4500: strings are separated by \0, written out. */
static void take_reserved(struct os_state *state, struct text_span list)
{
	while (list.length) {
		const char *separator = memmem(list.start, list.length, "\\0", 2);
		struct text_span one = {list.start,
					separator ? (size_t)(separator - list.start) : list.length};

		os_text_reserve(state, "ReservedPorts", OS_TCP_UDP, one, true);
		if (!separator)
			return;
		list = (struct text_span){separator + 2, list.length - one.length - 2};
	}
}

/* The registry tells what the next boot brings; what runs now it may have told before. */
static void keep_reserved(struct os_state *state)
{
	for (size_t i = 0; i < state->reserveds; i++) {
		struct os_reserved *reserved = &state->reserved[i];

		reserved->boot_known = reserved->boot_whole = true;
		reserved->boot_plus = reserved->ports;
		reserved->boot_set = port_set_count(&reserved->ports);
	}
}

static void parse(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct os_range *range = &state->range[0];
	struct text_span line, name, type, value;
	uint32_t number;

	/* Without the value, which reg reports as an error in the words of the system's language, the default holds. */
	if (range->value[OS_END_HIGH] == OS_UNREAD && strcmp(output->id, "ReservedPorts") != 0) {
		range->value[OS_END_LOW] = range->spec->bounds.lo;
		range->value[OS_END_HIGH] = range->built_in->range.hi;
		range->low_fixed = true;
		range->boot_told = true;
	}
	if (strcmp(output->id, "ReservedPorts") == 0)
		os_text_reserved(state, "ReservedPorts", OS_TCP_UDP, OS_IPV4_6, true);
	while (text_line_next(&lines, &line)) {
		if (!text_word_next(&line, &name) || !text_word_next(&line, &type) ||
		    !text_word_next(&line, &value))
			continue;
		if (text_is(name, "MaxUserPort") && text_is(type, "REG_DWORD") &&
		    hexadecimal(value, &number) && number <= UINT16_MAX &&
		    number >= range->spec->bounds.lo)
			range->value[OS_END_HIGH] = range->boot_value[OS_END_HIGH] = number;
		else if (text_is(name, "ReservedPorts") && text_is(type, "REG_MULTI_SZ"))
			take_reserved(state, value);
	}
	keep_reserved(state);
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	(void)state;
	if (step->store != OS_NEXT_BOOT)
		return;
	if (*step->after)
		strbuf_printf(out, "reg add " KEY " /v %s /t REG_DWORD /d %s /f", step->setting,
			      step->after);
	else
		strbuf_printf(out, "reg delete " KEY " /v %s /f", step->setting);
}

/* Neighbours as one range: given as two they do not work. */
static void list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out)
{
	struct port_range row;
	const char *separator = "";

	(void)state;
	(void)store;
	(void)before;
	if (!port_set_count(&after->set)) {
		strbuf_printf(out, "reg delete " KEY " /v %s /f\n", list->setting);
		return;
	}
	strbuf_printf(out, "reg add " KEY " /v %s /t REG_MULTI_SZ /d ", list->setting);
	for (int from = 0; os_ports_row(after, from, &row); from = row.hi + 1) {
		strbuf_printf(out, "%s%u-%u", separator, row.lo, row.hi);
		separator = "\\0";
	}
	strbuf_puts(out, " /f\n");
}

const struct os_system os_windows_nt5 = {
	.name = "windows-nt5",
	.title = "Windows XP, Server 2003, 2000 and NT",
	.flags = OS_CMD_EXE | OS_REBOOT,
	.spec = specs,
	.specs = 1,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.is = is,
	.parse = parse,
	.set = set,
	.kept_by = os_kept_next_boot,
	.list = lists,
	.list_set = list_set,
};
