/*
 * Windows Vista, Server 2008 and later: netsh. Its output is localised, so only numbers are read, never words.
 */
#include <stdio.h>
#include <string.h>

#include "os_text.h"
#include "reserved.h"

static const struct os_range_spec specs[] = {
	{OS_REGULAR,
	 OS_TCP,
	 OS_IPV4,
	 {1024, 65535},
	 "ipv4/tcp/dynamicport",
	 "ipv4/tcp/dynamicport"},
	{OS_REGULAR,
	 OS_UDP,
	 OS_IPV4,
	 {1024, 65535},
	 "ipv4/udp/dynamicport",
	 "ipv4/udp/dynamicport"},
	{OS_REGULAR,
	 OS_TCP,
	 OS_IPV6,
	 {1024, 65535},
	 "ipv6/tcp/dynamicport",
	 "ipv6/tcp/dynamicport"},
	{OS_REGULAR,
	 OS_UDP,
	 OS_IPV6,
	 {1024, 65535},
	 "ipv6/udp/dynamicport",
	 "ipv6/udp/dynamicport"},
};

static const struct os_default defaults[] = {
	{OS_REGULAR, {49152, 65535}, "", "", "Microsoft 929851", false},
	{.source = NULL},
};

static const struct os_fact fact[] = {
	{"protocols",
	 "TCP and UDP, IPv4 and IPv6 have a range each: set all four; IPv4 and IPv6 may "
	 "be one pool in practice",
	 "Microsoft 929851; the pool is uncertain"},
	{"numbers",
	 "netsh takes a start and a count: start=49152 num=16384 ends at 65535; \"start=1024 "
	 "num=65535\" from the web is wrong",
	 "Microsoft 929851"},
	{"bounds", "at least 255 ports, start from 1025, end to 65535; live hosts show start 1024",
	 "Microsoft 929851; outputs kept in public repositories"},
	{"output", "localised: only its numbers can be relied on, and the exit status",
	 "outputs in French and Chinese"},
	{"never chosen",
	 "netsh int ipv4 show excludedportrange protocol=tcp; rows with * last, others "
	 "are gone after a reboot; bind() there fails with WSAEACCES 10013",
	 "outputs kept in public "
	 "repositories"},
	{"algorithm", "TCP mostly sequential as observers see it, UDP random; not documented",
	 "uncertain"},
	{"sharing",
	 "a port serves one connection, unless SO_REUSE_UNICASTPORT or an auto-reuse range "
	 "is set (10 and 2016)",
	 "Microsoft, Set-NetTCPSetting"},
	{"exhausted",
	 "WSAENOBUFS 10055 or WSAEADDRINUSE 10048; events 4227 and 4231 (TCP), 4266 (UDP)",
	 "Microsoft, port exhaustion troubleshooting; the errors are known, not read again"},
	{"TIME_WAIT",
	 "240 s by the documents, 120 s as observers measure it; TcpTimedWaitDelay, 30 to "
	 "300 s",
	 "Microsoft, port exhaustion troubleshooting; 120 s is uncertain"},
	{"boot", "netsh keeps what it sets, unless store=active", "known, not read again"},
	{"privilege", "an elevated prompt", "netsh"},
	{"outdated", "MaxUserPort belongs to 2003 and older: it would be taken as a count here",
	 "MSRC, MS08-037"},
	{.topic = NULL},
};

static const struct os_facts facts = {
	.time_wait_s = 120,
	.time_wait_max_s = 240,
	.sharing = OS_SHARES_NOTHING,
	.show = "netsh int ipv4 show dynamicport tcp",
	.set = "netsh int ipv4 set dynamicport tcp start=49152 num=16384 store=active",
	.persist = "netsh int ipv4 set dynamicport tcp start=49152 num=16384",
	.fact = fact,
};

#define SHOW(family, protocol)                                                                     \
	{                                                                                          \
		"dynamicport " family " " protocol,                                                \
			"netsh int " family " show dynamicport " protocol                          \
	}
#define KEPT(family, protocol)                                                                     \
	{                                                                                          \
		"kept " family " " protocol,                                                       \
			"netsh int " family " show dynamicport " protocol " store=persistent"      \
	}
#define EXCLUDED(family, protocol)                                                                 \
	{                                                                                          \
		"excludedportrange " family " " protocol,                                          \
			"netsh int " family " show excludedportrange protocol=" protocol           \
	}

static const struct os_command commands[] = {
	SHOW("ipv4", "tcp"),
	SHOW("ipv4", "udp"),
	SHOW("ipv6", "tcp"),
	SHOW("ipv6", "udp"),
	KEPT("ipv4", "tcp"),
	KEPT("ipv4", "udp"),
	KEPT("ipv6", "tcp"),
	KEPT("ipv6", "udp"),
	EXCLUDED("ipv4", "tcp"),
	EXCLUDED("ipv4", "udp"),
	EXCLUDED("ipv6", "tcp"),
	EXCLUDED("ipv6", "udp"),
	{NULL, NULL},
};

/* Rows of the table with a star: kept, and running, whoever made them. */
static const struct os_list lists[] = {
	{"ipv4/tcp/excludedportrange", OS_TCP, OS_IPV4, OS_BOTH, true, NULL},
	{"ipv4/udp/excludedportrange", OS_UDP, OS_IPV4, OS_BOTH, true, NULL},
	{"ipv6/tcp/excludedportrange", OS_TCP, OS_IPV6, OS_BOTH, true, NULL},
	{"ipv6/udp/excludedportrange", OS_UDP, OS_IPV6, OS_BOTH, true, NULL},
	{.setting = NULL},
};

static bool is(struct text_span name, struct text_span release, struct text_span version)
{
	(void)version;
	return text_is(name, "Windows") && release.length && release.start[0] >= '0' &&
	       release.start[0] <= '9' &&
	       (!text_begins(release, "5.") && !text_begins(release, "4.") &&
		!text_begins(release, "3."));
}

/* What the numbers are about: told by the id of the output, or by words of a transcript that are the same everywhere. */
struct about {
	bool kept, excluded, ipv6, udp;
};

static bool contains(struct text_span text, const char *word)
{
	return memmem(text.start, text.length, word, strlen(word)) != NULL;
}

static void look_about(struct text_span line, struct about *about)
{
	if (contains(line, "dynamicport") || contains(line, "Dynamic"))
		about->excluded = false;
	if (contains(line, "excludedportrange") || contains(line, "Exclusion"))
		about->excluded = true;
	if (contains(line, "ipv4") || contains(line, "ipv6"))
		about->ipv6 = contains(line, "ipv6");
	if (contains(line, "tcp") || contains(line, "TCP"))
		about->udp = false;
	else if (contains(line, "udp") || contains(line, "UDP"))
		about->udp = true;
	about->kept |= text_begins(line, "kept ");
}

static struct os_range *range_of(struct os_state *state, struct about about)
{
	for (size_t i = 0; i < state->ranges; i++)
		if (state->range[i].spec->families == (about.ipv6 ? OS_IPV6 : OS_IPV4) &&
		    state->range[i].spec->protocols == (about.udp ? OS_UDP : OS_TCP))
			return &state->range[i];
	return NULL;
}

static void take_dynamic(struct os_state *state, struct about about, uint32_t start, uint32_t count)
{
	struct os_range *range = range_of(state, about);
	uint32_t *value;

	if (!range || !count || start + count - 1 > UINT16_MAX)
		return;
	value = about.kept ? range->boot_value : range->value;
	value[OS_END_LOW] = start;
	value[OS_END_HIGH] = start + count - 1;
}

static struct os_reserved *list_of(struct os_state *state, struct about about, bool lasting)
{
	const struct os_list *list = &lists[about.ipv6 * 2 + about.udp];

	return os_text_reserved(state, list->setting, list->protocols, list->families, lasting);
}

/* "----------    --------": under it stands the table, also when it is empty. */
static bool is_rule(struct text_span line)
{
	for (size_t i = 0; i < line.length; i++)
		if (line.start[i] != '-' && line.start[i] != ' ')
			return false;
	return line.length > 2;
}

/* "     50000       50059     *" */
static void take_excluded(struct os_state *state, struct about about, struct text_span line)
{
	struct os_reserved *reserved;
	struct text_span first, last, star = {"", 0};
	uint32_t from, to;

	if (!text_word_next(&line, &first) || !text_word_next(&line, &last) ||
	    !os_text_number(first, UINT16_MAX, &from) || !os_text_number(last, UINT16_MAX, &to) ||
	    from > to)
		return;
	text_word_next(&line, &star);
	reserved = list_of(state, about, text_is(star, "*"));
	if (!reserved)
		return;
	port_set_add_range(&reserved->ports, (struct port_range){(uint16_t)from, (uint16_t)to});
	port_set_add(&reserved->first, (uint16_t)from);
}

/* The number after the last colon. */
static bool number_at_end(struct text_span line, uint32_t *ret)
{
	const char *colon = memrchr(line.start, ':', line.length);

	if (!colon)
		return false;
	return os_text_number(
		(struct text_span){colon + 1, (size_t)(line.start + line.length - colon - 1)},
		UINT16_MAX, ret);
}

/* Get-NetTCPSetting has many numbers, but English names. */
static bool is_cmdlet_noise(bool cmdlet, struct text_span line)
{
	return cmdlet && !text_begins(line, "DynamicPortRange");
}

/* A value of older systems that is still there. */
static void look_outdated(struct os_state *state, struct text_span line)
{
	struct text_span name, type;

	if (!text_word_next(&line, &name) || !text_word_next(&line, &type) ||
	    !text_is(name, "MaxUserPort") || !text_is(type, "REG_DWORD"))
		return;
	for (size_t i = 0; i < state->ranges; i++)
		state->range[i].outdated = "MaxUserPort in the registry is for Windows 2003 and "
					   "older: remove it, netsh "
					   "sets the range";
}

static void parse(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	bool cmdlet =
		contains((struct text_span){output->text, output->length}, "DynamicPortRange");
	struct about about = {.kept = false};
	uint32_t number[2];
	unsigned numbers = 0;
	struct text_span line;

	look_about((struct text_span){output->id, strlen(output->id)}, &about);
	while (text_line_next(&lines, &line)) {
		look_outdated(state, line);
		if (number_at_end(line, &number[numbers])) {
			if (!is_cmdlet_noise(cmdlet, line))
				numbers++;
		} else if (about.excluded && is_rule(line)) {
			list_of(state, about, true);
		} else if (about.excluded) {
			take_excluded(state, about, line);
		}
		if (numbers == 2) {
			take_dynamic(state, about, number[0], number[1]);
			numbers = 0;
		}
		if (!*output->id)
			look_about(line, &about);
	}
}

static void set(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	char family[8], protocol[8];
	unsigned low, high;

	(void)state;
	if (sscanf(step->setting, "%7[^/]/%7[^/]/", family, protocol) != 2)
		return;
	if (step->store == OS_NEXT_BOOT || sscanf(step->after, "%u %u", &low, &high) != 2)
		return;
	strbuf_printf(out, "netsh int %s set dynamicport %s start=%u num=%u%s", family, protocol,
		      low, high - low + 1, step->store == OS_RUNNING ? " store=active" : "");
}

static void put_rows(const struct os_list *list, const char *act, const struct os_ports *ports,
		     const struct os_ports *without, struct strbuf *out)
{
	struct port_range row;

	for (int from = 0; os_ports_row(ports, from, &row); from = row.hi + 1)
		if (!os_ports_has_row(without, row))
			strbuf_printf(out,
				      "netsh int %.4s %s excludedportrange protocol=%.3s "
				      "startport=%u numberofports=%u\n",
				      list->setting, act, list->setting + 5, row.lo,
				      port_range_width(row));
}

static void list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out)
{
	(void)state;
	(void)store;
	put_rows(list, "delete", before, after, out);
	put_rows(list, "add", after, before, out);
}

const struct os_system os_windows = {
	.name = "windows",
	.title = "Windows Vista, Server 2008 and later",
	.flags = OS_CMD_EXE | OS_ONE_SETTING,
	.min_ports = 255,
	.spec = specs,
	.specs = 4,
	.fallback = defaults,
	.facts = &facts,
	.read = commands,
	.is = is,
	.parse = parse,
	.set = set,
	.kept_by = os_kept_both,
	.list = lists,
	.list_set = list_set,
};
