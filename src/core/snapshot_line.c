#include "snapshot_line.h"

#include <string.h>

#include "alloc.h"
#include "parse.h"
#include "snapshot_words.h"

#define NAMESPACES_MAX 4096u /* each takes some 90 KiB however short its lines are */

bool snapshot_word_number(const struct snapshot_word *word, uint64_t max, uint64_t *ret)
{
	return parse_uint(word->text, word->length, max, ret) == 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The reverse of put_word() into @text of @bytes; false when it does not fit or an escape is broken. */
static bool read_text(const struct snapshot_word *word, char *text, size_t bytes)
{
	size_t length = 0;

	memset(text, 0, bytes);
	if (parse_is(word->text, word->length, "-"))
		return true;
	for (size_t i = 0; i < word->length; i++) {
		char c = word->text[i];

		if (c == '%') {
			int high = i + 2 < word->length ? hex_digit(word->text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(word->text[i + 2]) : -1;

			if (low < 0 || (high == 0 && low == 0))
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c <= ' ' || c == 0x7f) {
			return false;
		}
		if (length + 1 >= bytes)
			return false;
		text[length++] = c;
	}
	return true;
}

static bool read_address(const struct snapshot_word *word, struct ip_address *ret)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	*ret = (struct ip_address){0};
	if (!read_text(word, text, sizeof(text)))
		return false;
	return !*text || ip_address_parse(text, ret, NULL) == 0;
}

static bool read_ports(const struct snapshot_word *word, struct port_set *ret)
{
	if (parse_is(word->text, word->length, "-")) {
		port_set_clear(ret);
		return true;
	}
	return port_set_parse(word->text, word->length, ret, NULL) == 0;
}

static bool read_flag(const struct snapshot_word *word, bool *ret)
{
	uint64_t value;

	if (!snapshot_word_number(word, 1, &value))
		return false;
	*ret = value == 1;
	return true;
}

static bool line_host(struct snapshot_reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->host, sizeof(reader->snapshot->host));
}

static bool line_os(struct snapshot_reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->os, sizeof(reader->snapshot->os));
}

static bool line_release(struct snapshot_reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->release,
			 sizeof(reader->snapshot->release));
}

static bool line_collector(struct snapshot_reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->collector,
			 sizeof(reader->snapshot->collector));
}

static bool line_taken(struct snapshot_reader *reader)
{
	uint64_t value;

	if (!snapshot_word_number(&reader->word[0], INT64_MAX, &value))
		return false;
	reader->snapshot->taken_at_ms = (int64_t)value;
	return true;
}

static bool line_elapsed(struct snapshot_reader *reader)
{
	return snapshot_word_number(&reader->word[0], UINT64_MAX, &reader->snapshot->elapsed_us);
}

static bool line_load(struct snapshot_reader *reader)
{
	return snapshot_word_number(&reader->word[0], UINT64_MAX, &reader->snapshot->load_us);
}

static bool line_verified(struct snapshot_reader *reader)
{
	return read_flag(&reader->word[0], &reader->snapshot->laws.verified);
}

static bool line_bind_verified(struct snapshot_reader *reader)
{
	return read_flag(&reader->word[0], &reader->snapshot->laws.bind_verified);
}

static bool line_law(struct snapshot_reader *reader)
{
	const struct snapshot_word *name = &reader->word[0], *value = &reader->word[1];

	for (size_t i = 0; i < ARRAY_SIZE(named_laws); i++) {
		char *at = (char *)&reader->snapshot->laws + named_laws[i].offset;

		if (!parse_is(name->text, name->length, named_laws[i].name))
			continue;
		for (unsigned law = 0; law < ARRAY_SIZE(law_words); law++) {
			if (!parse_is(value->text, value->length, law_words[law]))
				continue;
			*(enum law *)(void *)at = (enum law)law;
			return true;
		}
	}
	return false;
}

static bool line_netns(struct snapshot_reader *reader)
{
	if (reader->snapshot->n_netns == NAMESPACES_MAX)
		return false;
	reader->netns = snapshot_add_netns(reader->snapshot);
	reader->seen_in_netns = 0;
	return reader->netns &&
	       snapshot_word_number(&reader->word[0], UINT64_MAX, &reader->netns->id) &&
	       read_text(&reader->word[1], reader->netns->name, sizeof(reader->netns->name));
}

static bool read_range(const struct snapshot_word *words, struct port_range *ret)
{
	uint64_t lo, hi;

	if (!snapshot_word_number(&words[0], UINT16_MAX, &lo) ||
	    !snapshot_word_number(&words[1], UINT16_MAX, &hi) || lo > hi || !lo)
		return false;
	*ret = (struct port_range){(uint16_t)lo, (uint16_t)hi};
	return true;
}

static bool read_setting(struct settings *settings, const struct snapshot_word *words,
			 unsigned n_words, uint32_t *ret_known)
{
	const struct snapshot_word *name = &words[0];
	uint64_t value;

	if (parse_is(name->text, name->length, "ip_local_port_range")) {
		*ret_known = SETTING_RANGE;
		return n_words == 3 && read_range(&words[1], &settings->range);
	}
	if (n_words != 2)
		return false;
	if (parse_is(name->text, name->length, "ip_local_reserved_ports")) {
		*ret_known = SETTING_RESERVED;
		return read_ports(&words[1], &settings->reserved);
	}
	for (size_t i = 0; i < ARRAY_SIZE(number_settings); i++) {
		char *at = (char *)settings + number_settings[i].offset;

		if (!parse_is(name->text, name->length, number_settings[i].name))
			continue;
		if (!snapshot_word_number(&words[1], UINT32_MAX, &value))
			return false;
		*(uint32_t *)(void *)at = (uint32_t)value;
		*ret_known = number_settings[i].known;
		return true;
	}
	return false;
}

static bool line_setting(struct snapshot_reader *reader)
{
	struct settings *settings = &reader->netns->settings;
	uint32_t known = 0;

	if (!read_setting(settings, reader->word, reader->words, &known) || settings->known & known)
		return false;
	settings->known |= known;
	return true;
}

static bool line_ports(struct snapshot_reader *reader)
{
	const struct snapshot_word *name = &reader->word[0];

	for (size_t i = 0; i < ARRAY_SIZE(named_sets); i++) {
		char *at = (char *)reader->netns + named_sets[i].offset;

		if (parse_is(name->text, name->length, named_sets[i].name))
			return read_ports(&reader->word[1], (struct port_set *)(void *)at);
	}
	return false;
}

static bool line_hidden(struct snapshot_reader *reader)
{
	uint64_t value;

	if (!snapshot_word_number(&reader->word[0], UINT32_MAX, &value))
		return false;
	reader->netns->binds.hidden = (uint32_t)value;
	return true;
}

static bool line_sockets_read(struct snapshot_reader *reader)
{
	return snapshot_word_number(&reader->word[0], UINT64_MAX, &reader->netns->sockets_read);
}

static bool line_time_wait(struct snapshot_reader *reader)
{
	return snapshot_word_number(&reader->word[0], UINT64_MAX, &reader->netns->time_wait);
}

static bool line_time_wait_overflows(struct snapshot_reader *reader)
{
	reader->netns->overflows_known = true;
	return snapshot_word_number(&reader->word[0], UINT64_MAX,
				    &reader->netns->time_wait_overflows);
}

static bool line_complete(struct snapshot_reader *reader)
{
	return read_flag(&reader->word[0], &reader->netns->sockets_complete);
}

static bool line_complete_port(struct snapshot_reader *reader)
{
	uint64_t value;

	if (!snapshot_word_number(&reader->word[0], UINT16_MAX, &value) || !value)
		return false;
	reader->netns->sockets_port = (uint16_t)value;
	return true;
}

static bool read_bucket(const struct snapshot_word *word, struct bind_bucket *bucket)
{
	uint64_t reuse, reuseport, uid, unlisted, chain;

	if (!read_flag(&word[1], &bucket->exists) ||
	    !snapshot_word_number(&word[2], INT8_MAX, &reuse) ||
	    !snapshot_word_number(&word[3], INT8_MAX, &reuseport) ||
	    !snapshot_word_number(&word[4], UINT32_MAX, &uid) ||
	    !read_flag(&word[5], &bucket->fast_af_inet6) ||
	    !read_flag(&word[6], &bucket->fast_v6only) ||
	    !read_address(&word[7], &bucket->fast_address) ||
	    !snapshot_word_number(&word[8], UINT32_MAX, &unlisted) ||
	    !snapshot_word_number(&word[9], UINT32_MAX, &chain))
		return false;
	bucket->fastreuse = (int8_t)((int)reuse - 1);
	bucket->fastreuseport = (int8_t)((int)reuseport - 1);
	bucket->fast_uid = (uint32_t)uid;
	bucket->unlisted = (uint32_t)unlisted;
	bucket->chain = (uint32_t)chain;
	return true;
}

static bool read_made_by(const struct snapshot_word *word, uint8_t *ret)
{
	uint64_t family;

	if (!snapshot_word_number(word, 6, &family) || (family && family != 4 && family != 6))
		return false;
	*ret = (uint8_t)family;
	return true;
}

/* Behind complete-port, at most once for each protocol. */
static bool line_bucket(struct snapshot_reader *reader)
{
	struct netns_snapshot *netns = reader->netns;
	struct bind_bucket *bucket;
	uint64_t protocol;

	if (!netns->sockets_port || !snapshot_word_number(&reader->word[0], UINT8_MAX, &protocol) ||
	    (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
		return false;
	bucket = &netns->bucket[protocol == PROTOCOL_UDP];
	if (bucket->protocol)
		return false;
	bucket->protocol = (uint8_t)protocol;
	bucket->port = netns->sockets_port;
	/* The last word is younger than the rest. */
	return read_bucket(reader->word, bucket) &&
	       (reader->words < 11 || read_made_by(&reader->word[10], &bucket->any_v4_made_by));
}

static bool line_gap(struct snapshot_reader *reader)
{
	for (unsigned bit = 0; bit < GAP_COUNT; bit++) {
		if (!parse_is(reader->word[0].text, reader->word[0].length,
			      snapshot_gap_name(1u << bit)))
			continue;
		reader->netns->gaps |= 1u << bit;
		return true;
	}
	return false;
}

/* The numbers of a socket line behind its addresses, in the order of write_socket(). */
static bool read_socket_numbers(const struct snapshot_word *words, struct socket_record *record)
{
	static const uint64_t max[] = {
		SOCKET_FLAGS, SOCKET_FLAGS, UINT16_MAX, UINT16_MAX, UINT32_MAX,
		UINT32_MAX,   UINT32_MAX,   UINT32_MAX, UINT32_MAX, UINT32_MAX,
		UINT32_MAX,   UINT64_MAX,   UINT64_MAX,
	};
	uint64_t value[ARRAY_SIZE(max)];

	for (size_t i = 0; i < ARRAY_SIZE(max); i++)
		if (!snapshot_word_number(&words[i], max[i], &value[i]))
			return false;
	record->flags = (uint16_t)value[0];
	record->known = (uint16_t)value[1];
	record->window = (struct port_range){(uint16_t)value[2], (uint16_t)value[3]};
	record->device = (uint32_t)value[4];
	record->l3_master = (uint32_t)value[5];
	record->uid = (uint32_t)value[6];
	record->inode = (uint32_t)value[7];
	record->age_ms = (uint32_t)value[8];
	record->ts_age_s = (uint32_t)value[9];
	record->expires_ms = (uint32_t)value[10];
	record->cgroup = value[11];
	record->cookie = value[12];
	return true;
}

static bool line_socket(struct snapshot_reader *reader)
{
	const struct snapshot_word *word = reader->word;
	struct socket_record record = {0};
	uint64_t protocol, state, local_port, remote_port, rank;

	if (!snapshot_word_number(&word[0], UINT8_MAX, &protocol) ||
	    !snapshot_word_number(&word[1], SOCKET_STATES - 1, &state) ||
	    !read_address(&word[2], &record.local) ||
	    !snapshot_word_number(&word[3], UINT16_MAX, &local_port) ||
	    !read_address(&word[4], &record.remote) ||
	    !snapshot_word_number(&word[5], UINT16_MAX, &remote_port))
		return false;
	if ((protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) || !state ||
	    !read_socket_numbers(&word[6], &record))
		return false;
	record.protocol = (uint8_t)protocol;
	record.state = (uint8_t)state;
	record.local_port = (uint16_t)local_port;
	record.remote_port = (uint16_t)remote_port;
	/* The last word is younger than the rest. */
	if (reader->words > 19) {
		if (!snapshot_word_number(&word[19], UINT32_MAX, &rank))
			return false;
		record.rank = (uint32_t)rank;
	}
	return socket_table_add(&reader->netns->sockets, &record) == 0;
}

static bool line_processes(struct snapshot_reader *reader)
{
	reader->snapshot->has_processes = true;
	return true;
}

static bool line_process(struct snapshot_reader *reader)
{
	const struct process_table *table = &reader->snapshot->processes;
	struct process_record process = {0};
	uint64_t pid, uid;

	if (!reader->snapshot->has_processes ||
	    !snapshot_word_number(&reader->word[0], INT32_MAX, &pid) ||
	    !snapshot_word_number(&reader->word[1], UINT32_MAX, &uid) ||
	    !read_text(&reader->word[2], process.command, sizeof(process.command)) ||
	    !read_text(&reader->word[3], process.unit, sizeof(process.unit)))
		return false;
	process.pid = (int32_t)pid;
	process.uid = (uint32_t)uid;
	if (table->processes && table->process[table->processes - 1].pid >= process.pid)
		return false;
	return process_table_add(&reader->snapshot->processes, &process) == 0;
}

static bool line_link(struct snapshot_reader *reader)
{
	uint64_t inode, process;

	if (!snapshot_word_number(&reader->word[0], UINT32_MAX, &inode) ||
	    !snapshot_word_number(&reader->word[1], UINT32_MAX, &process) ||
	    process >= reader->snapshot->processes.processes)
		return false;
	return process_table_link(&reader->snapshot->processes, (uint32_t)inode,
				  (uint32_t)process) == 0;
}

static bool line_end(struct snapshot_reader *reader)
{
	uint64_t lines;

	reader->ended = true;
	return snapshot_word_number(&reader->word[0], UINT64_MAX, &lines) &&
	       lines == reader->line - 1;
}

static const struct snapshot_line_kind kinds[] = {
	{"socket", line_socket, 19, 20, true, false},
	{"link", line_link, 2, 2, false, false},
	{"process", line_process, 4, 4, false, false},
	{"host", line_host, 1, 1, false, true},
	{"os", line_os, 1, 1, false, true},
	{"release", line_release, 1, 1, false, true},
	{"collector", line_collector, 1, 1, false, true},
	{"taken-ms", line_taken, 1, 1, false, true},
	{"elapsed-us", line_elapsed, 1, 1, false, true},
	{"load-us", line_load, 1, 1, false, true},
	{"bind-verified", line_bind_verified, 1, 1, false, true},
	{"law", line_law, 2, 2, false, false},
	{"verified", line_verified, 1, 1, false, true},
	{"netns", line_netns, 2, 2, false, false},
	{"setting", line_setting, 2, 3, true, false},
	{"ports", line_ports, 2, 2, true, false},
	{"hidden", line_hidden, 1, 1, true, true},
	{"sockets-read", line_sockets_read, 1, 1, true, true},
	{"time-wait", line_time_wait, 1, 1, true, true},
	{"time-wait-overflows", line_time_wait_overflows, 1, 1, true, true},
	{"complete", line_complete, 1, 1, true, true},
	{"complete-port", line_complete_port, 1, 1, true, true},
	{"bucket", line_bucket, 10, 11, true, false},
	{"gap", line_gap, 1, 1, true, false},
	{"processes", line_processes, 0, 0, false, true},
	{"end", line_end, 1, 1, false, true},
};

const struct snapshot_line_kind *snapshot_line_kind(const char *word, size_t length,
						    unsigned *ret_index)
{
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		*ret_index = i;
		if (parse_is(word, length, kinds[i].word))
			return &kinds[i];
	}
	return NULL;
}
