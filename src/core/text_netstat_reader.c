#include "text_netstat_reader.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "parse.h"

struct netstat_words netstat_words_of(struct text_span line)
{
	const char *at = line.start, *end = line.start + line.length, *start;
	struct netstat_words words = {.count = 0};
	size_t length;

	while (words.count < NETSTAT_WORDS_MAX && (start = parse_word(&at, end, &length)))
		words.word[words.count++] = (struct text_span){start, length};
	return words;
}

bool netstat_is_number(struct text_span word)
{
	uint64_t value;

	return parse_uint(word.start, word.length, UINT64_MAX, &value) == 0;
}

/* --- one socket ------------------------------------------------------------------------------------------------- */

static void note_width(struct netstat_reader *reader, const struct netstat_end *end)
{
	reader->maybe_cut |= end->maybe_cut;
	reader->wide |= end->v6_text && !end->cut && !end->maybe_cut && end->length > 16;
}

static int add(struct netstat_reader *reader, const struct socket_record *record, bool cut,
	       bool guessed)
{
	struct netstat_text *out = reader->out;

	if (++out->rows > NETSTAT_ROWS_MAX)
		return -E2BIG;
	reader->recognised = true;
	out->cut += cut;
	out->doubts |= (cut ? NETSTAT_CUT : 0) | (guessed ? NETSTAT_STATES : 0);
	reader->listeners |= record->state == STATE_LISTEN;
	reader->tcp |= record->protocol == PROTOCOL_TCP;
	/* IDLE and Unbound: a socket without a port */
	return record->local_port ? socket_table_add(&out->sockets, record) : 0;
}

static int take(struct netstat_reader *reader, struct netstat_protocol protocol,
		struct text_span local, struct text_span remote, uint8_t state, bool waits)
{
	struct netstat_end ends[2] = {{.port = 0}, {.star = true}};
	struct socket_record record;
	bool guessed;
	int r = netstat_end_parse(local, &ends[0]);

	if (r == 0 && remote.length)
		r = netstat_end_parse(remote, &ends[1]);
	if (r < 0)
		return r;
	note_width(reader, &ends[0]);
	note_width(reader, &ends[1]);
	record = netstat_record(protocol, &ends[0], &ends[1], state, waits, &guessed);
	return add(reader, &record, ends[0].cut || ends[1].cut, guessed);
}

/* --- rows that begin with a protocol ---------------------------------------------------------------------------- */

static bool is_colon(struct text_span end)
{
	const char *colon = memrchr(end.start, ':', end.length),
		   *dot = memrchr(end.start, '.', end.length);

	return colon && (!dot || dot < colon);
}

/* TCP    10.0.0.5:52135   93.184.216.34:443   TIME_WAIT   0 */
static int windows_row(struct netstat_reader *reader, const struct netstat_words *words,
		       struct netstat_protocol protocol)
{
	struct text_span state = netstat_word(words, 3),
			 last = netstat_word(words, words->count - 1);

	if (words->count < 3)
		return -EINVAL;
	reader->traits |= TRAIT_WINDOWS;
	return take(reader, protocol, words->word[1], words->word[2], netstat_state(state),
		    words->count > 4 && text_is(last, "0"));
}

/* tcp4       0      0 192.0.2.10.34821       203.0.113.5.443        ESTABLISHED */
static int table_row(struct netstat_reader *reader, const struct netstat_words *words,
		     struct netstat_protocol protocol)
{
	struct text_span state = netstat_word(words, 5);

	if (words->count < 5 || !netstat_is_number(words->word[2]))
		return -EINVAL;
	/* Only UDP rows and listeners that are asked for alone have no state. */
	if (protocol.protocol == PROTOCOL_TCP && !state.length)
		return -EINVAL;
	reader->traits |= is_colon(words->word[3]) ? TRAIT_COLON : TRAIT_DOT;
	if (protocol.protocol == PROTOCOL_TCP)
		reader->traits |= protocol.plain ? TRAIT_PLAIN_TCP : TRAIT_TCP4;
	return take(reader, protocol, words->word[3], words->word[4], netstat_state(state), false);
}

/* root     sshd       812   4  tcp4   *:22                  *:*; @at is the protocol's word */
static int sockstat_row(struct netstat_reader *reader, const struct netstat_words *words, size_t at,
			struct netstat_protocol protocol)
{
	struct text_span state = netstat_word(words, at + 3);

	if (words->count < at + 3)
		return -EINVAL;
	reader->traits |= TRAIT_SOCKSTAT;
	return take(reader, protocol, words->word[at + 1], words->word[at + 2],
		    netstat_state(state), text_is(words->word[0], "?"));
}

/* --- ss --------------------------------------------------------------------------------------------------------- */

bool netstat_is_ss_state(struct text_span word)
{
	static const char *const words[] = {
		"ESTAB",  "SYN-SENT",   "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
		"UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",     "CLOSING",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_is(word, words[i]))
			return true;
	return false;
}

/* [Netid] [State] Recv-Q Send-Q Local:Port Peer:Port ... */
int netstat_take_ss(struct netstat_reader *reader, const struct netstat_words *words)
{
	struct netstat_protocol protocol = reader->protocol, own;
	uint8_t state = reader->state;
	bool told = false;
	size_t at = 0;

	if (!netstat_is_ss_state(words->word[0]) && !netstat_is_number(words->word[0])) {
		if (!netstat_protocol_parse(words->word[0], &own))
			return 0; /* raw, unix, netlink: none of ours */
		protocol = own;
		told = true;
		at++;
	}
	if (netstat_is_ss_state(netstat_word(words, at))) {
		state = netstat_state(words->word[at]);
		reader->unconnected += text_is(words->word[at], "UNCONN");
		at++;
	}
	if (!netstat_is_number(netstat_word(words, at)) ||
	    !netstat_is_number(netstat_word(words, at + 1)) || words->count < at + 4)
		return -EINVAL;
	if (!told && !reader->protocol_told && !reader->ss_assumed) {
		reader->ss_assumed = true;
		reader->ss_from = reader->out->sockets.count;
	}
	reader->traits |= TRAIT_SS;
	/* Its * is :: that takes IPv4 too. */
	protocol.v6 |= *words->word[at + 2].start == '*';
	return take(reader, protocol, words->word[at + 2], words->word[at + 3], state, false);
}

/* ss -u without -t prints no Netid: then all rows are UDP, as UNCONN without a LISTEN shows. */
void netstat_settle_ss(struct netstat_reader *reader)
{
	struct socket_table *sockets = &reader->out->sockets;

	if (!reader->ss_assumed || !reader->unconnected)
		return;
	for (size_t i = reader->ss_from; i < sockets->count; i++)
		if (sockets->record[i].state != STATE_ESTABLISHED &&
		    sockets->record[i].state != STATE_BOUND)
			return;
	for (size_t i = reader->ss_from; i < sockets->count; i++) {
		sockets->record[i].protocol = PROTOCOL_UDP;
		if (sockets->record[i].state == STATE_BOUND)
			sockets->record[i].state = STATE_CLOSE;
	}
	reader->tcp = false;
}

/* The command line that a transcript begins with: "$ ss -uan", "# ss -tan state time-wait". */
void netstat_ss_command(struct netstat_reader *reader, const struct netstat_words *words, size_t at)
{
	bool tcp = false, udp = false;

	reader->form = FORM_SS;
	for (size_t i = at + 1; i < words->count; i++) {
		struct text_span word = words->word[i];

		if (*word.start == '-' && word.length > 1 && word.start[1] != '-') {
			tcp |= memchr(word.start, 't', word.length) != NULL;
			udp |= memchr(word.start, 'u', word.length) != NULL;
		} else if (text_is(word, "state")) {
			reader->state = netstat_state(netstat_word(words, i + 1));
		}
	}
	reader->protocol.protocol = udp && !tcp ? PROTOCOL_UDP : PROTOCOL_TCP;
	reader->protocol_told = tcp != udp;
}

/* --- Solaris ---------------------------------------------------------------------------------------------------- */

/* The state is the last column, or the one before it (If). */
static uint8_t state_at_end(const struct netstat_words *words)
{
	for (size_t i = words->count; i > 1 && i + 2 > words->count; i--) {
		uint8_t state = netstat_state(words->word[i - 1]);

		if (state)
			return state;
	}
	return 0;
}

int netstat_take_solaris(struct netstat_reader *reader, const struct netstat_words *words)
{
	bool udp = reader->protocol.protocol == PROTOCOL_UDP;
	struct text_span remote = netstat_word(words, 1);

	if (*words->word[0].start == '-' || text_is(words->word[0], "Local"))
		return 0;
	if (udp && !netstat_end_like(remote))
		remote = (struct text_span){"", 0};
	if (!udp && (words->count < 7 || !state_at_end(words)))
		return -EINVAL;
	return take(reader, reader->protocol, words->word[0], remote, state_at_end(words), false);
}

static bool is_hex(struct text_span word)
{
	for (size_t i = 0; i < word.length; i++)
		if (!strchr("0123456789abcdefABCDEFx", word.start[i]) || !word.start[i])
			return false;
	return word.length >= 8;
}

/* netstat -A puts the address of a control block first. */
static struct netstat_words without_block(const struct netstat_words *words)
{
	struct netstat_protocol protocol;
	struct netstat_words rest = *words;

	if (words->count < 2 || !is_hex(words->word[0]) ||
	    !netstat_protocol_parse(words->word[1], &protocol))
		return rest;
	rest.count--;
	memmove(rest.word, rest.word + 1, rest.count * sizeof(*rest.word));
	return rest;
}

int netstat_take_protocol(struct netstat_reader *reader, const struct netstat_words *all)
{
	struct netstat_words words = without_block(all);
	struct netstat_protocol protocol;

	if (!netstat_protocol_parse(words.word[0], &protocol))
		return 0; /* a process, a note */
	if (netstat_is_ss_state(netstat_word(&words, 1)))
		return netstat_take_ss(reader, &words);
	return netstat_is_number(netstat_word(&words, 1)) ? table_row(reader, &words, protocol)
							  : windows_row(reader, &words, protocol);
}

int netstat_take_sockstat(struct netstat_reader *reader, const struct netstat_words *words)
{
	struct netstat_protocol protocol;

	/* A command may hold blanks; user, command, pid and descriptor stand before. */
	for (size_t i = 4; i < words->count; i++)
		if (netstat_protocol_parse(words->word[i], &protocol)) {
			int r = sockstat_row(reader, words, i, protocol);

			return r < 0 ? r : 1;
		}
	return 0;
}

int netstat_take_csv(struct netstat_reader *reader, struct text_span line)
{
	struct socket_record record;
	bool guessed;
	int r;

	if (text_begins(line, "PS ") || text_begins(line, "#TYPE"))
		return 0;
	r = netstat_csv_row(&reader->csv, line, &record, &guessed);
	return r < 0 ? r : add(reader, &record, false, guessed);
}
