#include "text_netstat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "text_netstat_reader.h"
#include "text_utf16.h"

static bool has(struct text_span line, const char *text)
{
	return memmem(line.start, line.length, text, strlen(text)) != NULL;
}

/* --- lines ------------------------------------------------------------------------------------------------------ */

static bool solaris_heading(struct netstat_reader *reader, struct text_span line)
{
	if (has(line, "Swind") && !has(line, "Swind  "))
		reader->traits |= TRAIT_SOLARIS_NARROW;
	if (!text_ends(line, ": IPv4") && !text_ends(line, ": IPv6"))
		return false;
	reader->form = FORM_OTHER;
	if (text_begins(line, "TCP:") || text_begins(line, "UDP:")) {
		reader->form = FORM_SOLARIS;
		reader->traits |= TRAIT_SOLARIS;
		reader->recognised = true;
		reader->protocol =
			(struct netstat_protocol){*line.start == 'T' ? PROTOCOL_TCP : PROTOCOL_UDP,
						  text_ends(line, "6"), true};
	}
	return true;
}

static void table_traits(struct netstat_reader *reader, struct text_span line)
{
	if (has(line, "Send-Q Local"))
		reader->traits |= TRAIT_ONE_BLANK;
	if (has(line, "TCP-State"))
		reader->traits |= TRAIT_TCP_STATE;
	else if (text_ends(line, " State"))
		reader->traits |= TRAIT_PLAIN_STATE;
	if (has(line, "rhiwat") || has(line, "rxbytes"))
		reader->traits |= TRAIT_RHIWAT;
}

/* A heading sets what the next lines are. */
static bool heading(struct netstat_reader *reader, struct text_span line,
		    const struct netstat_words *words)
{
	enum netstat_form form = FORM_UNKNOWN;

	if (solaris_heading(reader, line))
		return true;
	if (netstat_csv_heading(line, &reader->csv))
		form = FORM_CSV;
	else if (text_is(words->word[0], "USER") && text_is(netstat_word(words, 1), "COMMAND"))
		form = FORM_SOCKSTAT;
	else if (has(line, "Address:Port"))
		form = FORM_SS;
	else if (text_is(words->word[0], "Proto") || text_begins(line, "Active Internet") ||
		 text_begins(line, "Active Connections"))
		form = FORM_TABLE;
	else if (text_begins(line, "Active "))
		form = FORM_OTHER;
	if (form == FORM_UNKNOWN)
		return false;
	reader->form = form;
	reader->recognised |= form != FORM_OTHER;
	if (form == FORM_TABLE)
		table_traits(reader, line);
	if (form == FORM_CSV)
		reader->traits |= TRAIT_WINDOWS;
	if (form == FORM_SS)
		reader->traits |= TRAIT_SS;
	return true;
}

/* "$ netstat -an", "root@host:~# ss -tan": a prompt, and behind it the command. */
static bool command(struct netstat_reader *reader, const struct netstat_words *words)
{
	for (size_t i = 1; i < words->count && i < 6; i++) {
		const struct text_span *before = &words->word[i - 1];

		if (!strchr("$#%>:", before->start[before->length - 1]))
			continue;
		if (text_is(words->word[i], "ss"))
			netstat_ss_command(reader, words, i);
		if (text_is(words->word[i], "ss") || text_is(words->word[i], "netstat") ||
		    text_is(words->word[i], "sockstat"))
			return true;
	}
	return false;
}

/* Whoever names a process must not be able to write a heading. */
static bool begins_row(const struct netstat_words *words)
{
	struct netstat_protocol protocol;

	return netstat_protocol_parse(words->word[0], &protocol) ||
	       netstat_is_ss_state(words->word[0]) || netstat_is_number(words->word[0]) ||
	       netstat_end_like(words->word[0]);
}

static int take_line(struct netstat_reader *reader, struct text_span line)
{
	struct netstat_words words = netstat_words_of(line);
	int r;

	if (!words.count)
		return 0;
	if (reader->form == FORM_SOCKSTAT) {
		r = netstat_take_sockstat(reader, &words);
		if (r)
			return r < 0 ? r : 0;
	}
	if (!begins_row(&words) && (heading(reader, line, &words) || command(reader, &words)))
		return 0;
	switch (reader->form) {
	case FORM_OTHER:
	case FORM_SOCKSTAT:
		return 0;
	case FORM_CSV:
		return netstat_take_csv(reader, line);
	case FORM_SOLARIS:
		return netstat_take_solaris(reader, &words);
	case FORM_SS:
		return netstat_take_ss(reader, &words);
	case FORM_UNKNOWN:
	case FORM_TABLE:
		break;
	}
	return netstat_is_ss_state(words.word[0]) ? netstat_take_ss(reader, &words)
						  : netstat_take_protocol(reader, &words);
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

static const char *system_of(uint32_t traits)
{
	if (traits & TRAIT_SOLARIS)
		return traits & TRAIT_SOLARIS_NARROW ? "solaris10" : "illumos";
	if (traits & TRAIT_WINDOWS)
		return "windows";
	if (traits & (TRAIT_SS | TRAIT_COLON))
		return "linux";
	if (traits & TRAIT_SOCKSTAT)
		return "freebsd";
	if (traits & TRAIT_RHIWAT)
		return "macos";
	if (traits & TRAIT_TCP_STATE)
		return "openbsd";
	if (traits & TRAIT_ONE_BLANK)
		return "freebsd";
	if (traits & TRAIT_PLAIN_STATE)
		return "netbsd";
	/* Only AIX has both kinds in one table. */
	return (traits & TRAIT_PLAIN_TCP) && (traits & TRAIT_TCP4) ? "aix" : NULL;
}

static int by_connection(const void *a, const void *b)
{
	const struct socket_record *x = a, *y = b;
	int r = memcmp(&x->local, &y->local, sizeof(x->local));

	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	if (r == 0)
		r = memcmp(&x->remote, &y->remote, sizeof(x->remote));
	if (r == 0)
		r = (x->local_port > y->local_port) - (x->local_port < y->local_port);
	if (r == 0)
		r = (x->remote_port > y->remote_port) - (x->remote_port < y->remote_port);
	return r ? r : (x->device > y->device) - (x->device < y->device);
}

/* A socket that two processes share is printed twice by sockstat, and a text may hold two tables. Addresses that are cut,
 * and link-local ones without their interface, may be equal and yet not the same. */
static void remove_duplicates(struct socket_table *sockets)
{
	size_t kept = 0;

	if (!sockets->count)
		return;
	qsort(sockets->record, sockets->count, sizeof(*sockets->record), by_connection);
	for (size_t i = 1; i < sockets->count; i++) {
		const struct socket_record *last = &sockets->record[kept],
					   *next = &sockets->record[i];
		bool local = next->local.family == IP_V6 && next->local.bytes[0] == 0xfe &&
			     !next->device;

		if (by_connection(last, next) != 0 || !next->remote_port || local ||
		    next->local.family == IP_NONE || next->remote.family == IP_NONE)
			kept++;
		sockets->record[kept] = *next;
	}
	sockets->count = kept + 1;
}

static int refuse(int r, uint32_t number, struct text_span line, struct eph_error *reterr)
{
	int length = line.length > 80 ? 80 : (int)line.length;

	switch (r) {
	case -EINVAL:
		return error_set_at(
			reterr, r, "netstat", number,
			"line %u: a socket's row that breaks off or is not understood: %.*s",
			number, length, line.start);
	case -ENOTUNIQ:
		return error_set_at(reterr, -EINVAL, "netstat", number,
				    "line %u: names where numbers belong (netstat -n): %.*s",
				    number, length, line.start);
	case -E2BIG:
		return error_set_at(reterr, r, "netstat", number, "line %u: more than %u sockets",
				    number, NETSTAT_ROWS_MAX);
	default:
		return error_set(reterr, r, "netstat", "%s", strerror(-r));
	}
}

static int read_lines(struct netstat_reader *reader, const char *text, size_t length,
		      struct eph_error *reterr)
{
	struct text_lines lines = text_lines(text, length, false);
	struct text_span line;

	while (text_line_next(&lines, &line)) {
		int r = take_line(reader, line);

		if (r < 0)
			return refuse(r, lines.number, line, reterr);
	}
	if (!reader->recognised)
		return error_set(
			reterr, -ENOMSG, "netstat",
			"no output of netstat, sockstat, ss or Get-NetTCPConnection as CSV "
			"(%u lines read)",
			lines.number);
	netstat_settle_ss(reader);
	return 0;
}

int text_netstat_read(const char *text, size_t length, struct netstat_text *ret,
		      struct eph_error *reterr)
{
	struct netstat_reader reader = {.out = ret, .protocol = {PROTOCOL_TCP, false, true}};
	CLEANUP(freep) char *bytes = NULL;
	int r;

	*ret = (struct netstat_text){.rows = 0};
	if (length > NETSTAT_BYTES_MAX)
		return error_set(reterr, -E2BIG, "netstat", "more than %u bytes",
				 NETSTAT_BYTES_MAX);
	bytes = text_utf16_narrow(text, length, &length);
	if (!bytes && length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	r = read_lines(&reader, bytes ? bytes : text, length, reterr);
	if (r < 0)
		return r;
	remove_duplicates(&ret->sockets);
	ret->system = system_of(reader.traits);
	if (reader.maybe_cut && !reader.wide)
		ret->doubts |= NETSTAT_CUT;
	if (reader.tcp && !reader.listeners)
		ret->doubts |= NETSTAT_NO_LISTENERS;
	return 0;
}

void text_netstat_done(struct netstat_text *netstat)
{
	socket_table_done(&netstat->sockets);
}
