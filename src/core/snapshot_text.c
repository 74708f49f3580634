#include "snapshot_text.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "parse.h"
#include "snapshot.h"
#include "strbuf.h"

#define STEP           "replay"
#define FIRST_LINE     "ephemports-snapshot"
#define WORDS_MAX      24u
#define NAMESPACES_MAX 4096u         /* each takes some 90 KiB however short its lines are */
#define PIECE_BYTES    (32u * 1024u) /* the writer hands over pieces of about this size */

/* --- what is the same for writing and reading ------------------------------------------------------------------- */

struct number_setting {
	const char *name;
	enum setting_known known;
	size_t offset;
};

#define NUMBER_SETTING(name, known, field)                                                         \
	{                                                                                          \
		name, known, offsetof(struct settings, field)                                      \
	}

static const struct number_setting number_settings[] = {
	NUMBER_SETTING("ip_unprivileged_port_start", SETTING_UNPRIVILEGED_START,
		       unprivileged_start),
	NUMBER_SETTING("tcp_tw_reuse", SETTING_TW_REUSE, tw_reuse),
	NUMBER_SETTING("tcp_tw_reuse_delay", SETTING_TW_REUSE_DELAY, tw_reuse_delay_ms),
	NUMBER_SETTING("ip_autobind_reuse", SETTING_AUTOBIND_REUSE, autobind_reuse),
	NUMBER_SETTING("tcp_fin_timeout", SETTING_FIN_TIMEOUT, fin_timeout_s),
	NUMBER_SETTING("tcp_max_tw_buckets", SETTING_MAX_TW_BUCKETS, max_tw_buckets),
	NUMBER_SETTING("tcp_timestamps", SETTING_TIMESTAMPS, timestamps),
	NUMBER_SETTING("ip_local_port_step_width", SETTING_STEP_WIDTH, step_width),
	NUMBER_SETTING("tcp_l3mdev_accept", SETTING_L3MDEV_ACCEPT, l3mdev_accept),
};

struct named_set {
	const char *name;
	size_t offset;
};

#define NAMED_SET(name, field)                                                                     \
	{                                                                                          \
		name, offsetof(struct netns_snapshot, field)                                       \
	}

static const struct named_set named_sets[] = {
	NAMED_SET("closed", binds.closed),       NAMED_SET("maybe", binds.maybe),
	NAMED_SET("listening", binds.listening), NAMED_SET("bound", binds.bound),
	NAMED_SET("udp-v4", binds.udp_v4),       NAMED_SET("udp-v4-maybe", binds.udp_v4_maybe),
	NAMED_SET("udp-v6", binds.udp_v6),       NAMED_SET("counted", counted),
};

struct named_law {
	const char *name;
	size_t offset;
};

#define NAMED_LAW(name, field)                                                                     \
	{                                                                                          \
		name, offsetof(struct kernel_laws, field)                                          \
	}

static const struct named_law named_laws[] = {
	NAMED_LAW("step-one", step_one),           NAMED_LAW("window", window),
	NAMED_LAW("bound-visible", bound_visible), NAMED_LAW("bucket-reopens", bucket_reopens),
	NAMED_LAW("entry-stamp", entry_stamp),
};

static const char *const law_words[] = {
	[LAW_UNKNOWN] = "unknown", [LAW_NO] = "no", [LAW_YES] = "yes"};

/* --- writing ---------------------------------------------------------------------------------------------------- */

struct writer {
	struct strbuf out;
	int (*emit)(void *context, const char *bytes, size_t length);
	void *context;
	uint64_t lines;
	int error;
};

static void flush(struct writer *writer)
{
	if (writer->out.failed && !writer->error)
		writer->error = -ENOMEM;
	if (!writer->error && writer->out.length)
		writer->error = writer->emit(writer->context, writer->out.text, writer->out.length);
	strbuf_clear(&writer->out);
}

static void end_line(struct writer *writer)
{
	strbuf_putc(&writer->out, '\n');
	writer->lines++;
	if (writer->out.length >= PIECE_BYTES)
		flush(writer);
}

/* A blank and @text as one word: "-" when empty, bytes that are not plain become %XX. */
static void put_word(struct writer *writer, const char *text)
{
	strbuf_putc(&writer->out, ' ');
	if (!*text || parse_is(text, strlen(text), "-")) {
		strbuf_puts(&writer->out, *text ? "%2d" : "-");
		return;
	}
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c > ' ' && c < 0x7f && c != '%')
			strbuf_putc(&writer->out, *text);
		else
			strbuf_printf(&writer->out, "%%%02x", c);
	}
}

static void put_number(struct writer *writer, uint64_t value)
{
	strbuf_printf(&writer->out, " %llu", (unsigned long long)value);
}

static void write_string(struct writer *writer, const char *word, const char *value)
{
	strbuf_puts(&writer->out, word);
	put_word(writer, value);
	end_line(writer);
}

static void write_number(struct writer *writer, const char *word, uint64_t value)
{
	strbuf_puts(&writer->out, word);
	put_number(writer, value);
	end_line(writer);
}

static void write_ports(struct writer *writer, const char *word, const char *name,
			const struct port_set *set)
{
	size_t before;

	strbuf_printf(&writer->out, "%s %s ", word, name);
	before = writer->out.length;
	port_set_format(set, &writer->out);
	if (writer->out.length == before)
		strbuf_putc(&writer->out, '-');
	end_line(writer);
}

static void write_host(struct writer *writer, const struct snapshot *snapshot)
{
	write_number(writer, FIRST_LINE, SNAPSHOT_TEXT_VERSION);
	write_string(writer, "host", snapshot->host);
	write_string(writer, "os", snapshot->os);
	write_string(writer, "release", snapshot->release);
	write_string(writer, "collector", snapshot->collector);
	write_number(writer, "taken-ms", (uint64_t)snapshot->taken_at_ms);
	write_number(writer, "elapsed-us", snapshot->elapsed_us);
	write_number(writer, "load-us", snapshot->load_us);
	for (size_t i = 0; i < ARRAY_SIZE(named_laws); i++) {
		const char *at = (const char *)&snapshot->laws + named_laws[i].offset;

		strbuf_printf(&writer->out, "law %s %s", named_laws[i].name,
			      law_words[*(const enum law *)(const void *)at]);
		end_line(writer);
	}
	write_number(writer, "verified", snapshot->laws.verified);
	write_number(writer, "bind-verified", snapshot->laws.bind_verified);
}

static void write_settings(struct writer *writer, const struct settings *settings)
{
	if (settings->known & SETTING_RANGE) {
		strbuf_printf(&writer->out, "setting ip_local_port_range %u %u", settings->range.lo,
			      settings->range.hi);
		end_line(writer);
	}
	if (settings->known & SETTING_RESERVED)
		write_ports(writer, "setting", "ip_local_reserved_ports", &settings->reserved);
	for (size_t i = 0; i < ARRAY_SIZE(number_settings); i++) {
		const char *at = (const char *)settings + number_settings[i].offset;

		if (!(settings->known & number_settings[i].known))
			continue;
		strbuf_printf(&writer->out, "setting %s %u", number_settings[i].name,
			      *(const uint32_t *)(const void *)at);
		end_line(writer);
	}
}

static void put_address(struct writer *writer, const struct ip_address *address)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	put_word(writer, ip_address_format(address, text));
}

static void write_socket(struct writer *writer, const struct socket_record *record)
{
	const uint64_t numbers[] = {
		record->flags,  record->known,     record->window.lo,  record->window.hi,
		record->device, record->l3_master, record->uid,        record->inode,
		record->age_ms, record->ts_age_s,  record->expires_ms, record->cgroup,
		record->cookie,
	};

	strbuf_puts(&writer->out, "socket");
	put_number(writer, record->protocol);
	put_number(writer, record->state);
	put_address(writer, &record->local);
	put_number(writer, record->local_port);
	put_address(writer, &record->remote);
	put_number(writer, record->remote_port);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		put_number(writer, numbers[i]);
	end_line(writer);
}

/* What BPF read of the port that was asked about. */
static void write_buckets(struct writer *writer, const struct netns_snapshot *netns)
{
	if (!netns->sockets_port)
		return;
	write_number(writer, "complete-port", netns->sockets_port);
	for (size_t i = 0; i < ARRAY_SIZE(netns->bucket); i++) {
		const struct bind_bucket *bucket = &netns->bucket[i];

		if (!bucket->protocol)
			continue;
		strbuf_printf(&writer->out, "bucket %u %u %u %u %u %u %u", bucket->protocol,
			      bucket->exists, (unsigned)(bucket->fastreuse + 1),
			      (unsigned)(bucket->fastreuseport + 1), bucket->fast_uid,
			      bucket->fast_af_inet6, bucket->fast_v6only);
		put_address(writer, &bucket->fast_address);
		put_number(writer, bucket->unlisted);
		put_number(writer, bucket->chain);
		end_line(writer);
	}
}

static void write_netns(struct writer *writer, const struct netns_snapshot *netns)
{
	strbuf_puts(&writer->out, "netns");
	put_number(writer, netns->id);
	put_word(writer, netns->name);
	end_line(writer);
	write_settings(writer, &netns->settings);
	for (size_t i = 0; i < ARRAY_SIZE(named_sets); i++) {
		const char *at = (const char *)netns + named_sets[i].offset;

		write_ports(writer, "ports", named_sets[i].name,
			    (const struct port_set *)(const void *)at);
	}
	write_number(writer, "hidden", netns->binds.hidden);
	write_number(writer, "sockets-read", netns->sockets_read);
	write_number(writer, "time-wait", netns->time_wait);
	write_number(writer, "complete", netns->sockets_complete);
	write_buckets(writer, netns);
	for (unsigned bit = 0; bit < GAP_COUNT; bit++)
		if (netns->gaps & 1u << bit)
			write_string(writer, "gap", snapshot_gap_name(1u << bit));
	for (size_t i = 0; i < netns->sockets.count && !writer->error; i++)
		write_socket(writer, &netns->sockets.record[i]);
}

static void write_processes(struct writer *writer, const struct process_table *table)
{
	strbuf_puts(&writer->out, "processes");
	end_line(writer);
	for (size_t i = 0; i < table->processes; i++) {
		const struct process_record *process = &table->process[i];

		strbuf_printf(&writer->out, "process %u %u", (unsigned)process->pid, process->uid);
		put_word(writer, process->command);
		put_word(writer, process->unit);
		end_line(writer);
	}
	for (size_t i = 0; i < table->links; i++) {
		strbuf_printf(&writer->out, "link %u %u", table->link[i].inode,
			      table->link[i].process);
		end_line(writer);
	}
}

int snapshot_write(const struct snapshot *snapshot,
		   int (*emit)(void *context, const char *bytes, size_t length), void *context)
{
	struct writer writer = {.out = STRBUF_INIT, .emit = emit, .context = context};

	write_host(&writer, snapshot);
	for (size_t i = 0; i < snapshot->n_netns; i++)
		write_netns(&writer, &snapshot->netns[i]);
	if (snapshot->has_processes)
		write_processes(&writer, &snapshot->processes);
	write_number(&writer, "end", writer.lines);
	flush(&writer);
	strbuf_done(&writer.out);
	return writer.error;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

struct word {
	const char *text;
	size_t length;
};

struct reader {
	struct snapshot *snapshot;
	struct netns_snapshot *netns; /* the one being read, NULL before the first */
	uint64_t line;                /* number of the line being read, from 1 */
	struct word word[WORDS_MAX];  /* of the line, without its first */
	unsigned words;
	uint64_t seen, seen_in_netns; /* kinds of lines that may stand only once */
	bool ended;
};

static bool read_number(const struct word *word, uint64_t max, uint64_t *ret)
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
static bool read_text(const struct word *word, char *text, size_t bytes)
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

static bool read_address(const struct word *word, struct ip_address *ret)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	*ret = (struct ip_address){0};
	if (!read_text(word, text, sizeof(text)))
		return false;
	return !*text || ip_address_parse(text, ret, NULL) == 0;
}

static bool read_ports(const struct word *word, struct port_set *ret)
{
	if (parse_is(word->text, word->length, "-")) {
		port_set_clear(ret);
		return true;
	}
	return port_set_parse(word->text, word->length, ret, NULL) == 0;
}

static bool read_flag(const struct word *word, bool *ret)
{
	uint64_t value;

	if (!read_number(word, 1, &value))
		return false;
	*ret = value == 1;
	return true;
}

static bool line_host(struct reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->host, sizeof(reader->snapshot->host));
}

static bool line_os(struct reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->os, sizeof(reader->snapshot->os));
}

static bool line_release(struct reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->release,
			 sizeof(reader->snapshot->release));
}

static bool line_collector(struct reader *reader)
{
	return read_text(&reader->word[0], reader->snapshot->collector,
			 sizeof(reader->snapshot->collector));
}

static bool line_taken(struct reader *reader)
{
	uint64_t value;

	if (!read_number(&reader->word[0], INT64_MAX, &value))
		return false;
	reader->snapshot->taken_at_ms = (int64_t)value;
	return true;
}

static bool line_elapsed(struct reader *reader)
{
	return read_number(&reader->word[0], UINT64_MAX, &reader->snapshot->elapsed_us);
}

static bool line_load(struct reader *reader)
{
	return read_number(&reader->word[0], UINT64_MAX, &reader->snapshot->load_us);
}

static bool line_verified(struct reader *reader)
{
	return read_flag(&reader->word[0], &reader->snapshot->laws.verified);
}

static bool line_bind_verified(struct reader *reader)
{
	return read_flag(&reader->word[0], &reader->snapshot->laws.bind_verified);
}

static bool line_law(struct reader *reader)
{
	const struct word *name = &reader->word[0], *value = &reader->word[1];

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

static bool line_netns(struct reader *reader)
{
	if (reader->snapshot->n_netns == NAMESPACES_MAX)
		return false;
	reader->netns = snapshot_add_netns(reader->snapshot);
	reader->seen_in_netns = 0;
	return reader->netns && read_number(&reader->word[0], UINT64_MAX, &reader->netns->id) &&
	       read_text(&reader->word[1], reader->netns->name, sizeof(reader->netns->name));
}

static bool read_range(const struct word *words, struct port_range *ret)
{
	uint64_t lo, hi;

	if (!read_number(&words[0], UINT16_MAX, &lo) || !read_number(&words[1], UINT16_MAX, &hi) ||
	    lo > hi || !lo)
		return false;
	*ret = (struct port_range){(uint16_t)lo, (uint16_t)hi};
	return true;
}

static bool read_setting(struct settings *settings, const struct word *words, unsigned n_words,
			 uint32_t *ret_known)
{
	const struct word *name = &words[0];
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
		if (!read_number(&words[1], UINT32_MAX, &value))
			return false;
		*(uint32_t *)(void *)at = (uint32_t)value;
		*ret_known = number_settings[i].known;
		return true;
	}
	return false;
}

static bool line_setting(struct reader *reader)
{
	struct settings *settings = &reader->netns->settings;
	uint32_t known = 0;

	if (!read_setting(settings, reader->word, reader->words, &known) || settings->known & known)
		return false;
	settings->known |= known;
	return true;
}

static bool line_ports(struct reader *reader)
{
	const struct word *name = &reader->word[0];

	for (size_t i = 0; i < ARRAY_SIZE(named_sets); i++) {
		char *at = (char *)reader->netns + named_sets[i].offset;

		if (parse_is(name->text, name->length, named_sets[i].name))
			return read_ports(&reader->word[1], (struct port_set *)(void *)at);
	}
	return false;
}

static bool line_hidden(struct reader *reader)
{
	uint64_t value;

	if (!read_number(&reader->word[0], UINT32_MAX, &value))
		return false;
	reader->netns->binds.hidden = (uint32_t)value;
	return true;
}

static bool line_sockets_read(struct reader *reader)
{
	return read_number(&reader->word[0], UINT64_MAX, &reader->netns->sockets_read);
}

static bool line_time_wait(struct reader *reader)
{
	return read_number(&reader->word[0], UINT64_MAX, &reader->netns->time_wait);
}

static bool line_complete(struct reader *reader)
{
	return read_flag(&reader->word[0], &reader->netns->sockets_complete);
}

static bool line_complete_port(struct reader *reader)
{
	uint64_t value;

	if (!read_number(&reader->word[0], UINT16_MAX, &value) || !value)
		return false;
	reader->netns->sockets_port = (uint16_t)value;
	return true;
}

static bool read_bucket(const struct word *word, struct bind_bucket *bucket)
{
	uint64_t reuse, reuseport, uid, unlisted, chain;

	if (!read_flag(&word[1], &bucket->exists) || !read_number(&word[2], INT8_MAX, &reuse) ||
	    !read_number(&word[3], INT8_MAX, &reuseport) ||
	    !read_number(&word[4], UINT32_MAX, &uid) ||
	    !read_flag(&word[5], &bucket->fast_af_inet6) ||
	    !read_flag(&word[6], &bucket->fast_v6only) ||
	    !read_address(&word[7], &bucket->fast_address) ||
	    !read_number(&word[8], UINT32_MAX, &unlisted) ||
	    !read_number(&word[9], UINT32_MAX, &chain))
		return false;
	bucket->fastreuse = (int8_t)((int)reuse - 1);
	bucket->fastreuseport = (int8_t)((int)reuseport - 1);
	bucket->fast_uid = (uint32_t)uid;
	bucket->unlisted = (uint32_t)unlisted;
	bucket->chain = (uint32_t)chain;
	return true;
}

/* Behind complete-port, at most once for each protocol. */
static bool line_bucket(struct reader *reader)
{
	struct netns_snapshot *netns = reader->netns;
	struct bind_bucket *bucket;
	uint64_t protocol;

	if (!netns->sockets_port || !read_number(&reader->word[0], UINT8_MAX, &protocol) ||
	    (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP))
		return false;
	bucket = &netns->bucket[protocol == PROTOCOL_UDP];
	if (bucket->protocol)
		return false;
	bucket->protocol = (uint8_t)protocol;
	bucket->port = netns->sockets_port;
	return read_bucket(reader->word, bucket);
}

static bool line_gap(struct reader *reader)
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
static bool read_socket_numbers(const struct word *words, struct socket_record *record)
{
	static const uint64_t max[] = {
		SOCKET_AGE * 2 - 1, SOCKET_AGE * 2 - 1, UINT16_MAX, UINT16_MAX, UINT32_MAX,
		UINT32_MAX,         UINT32_MAX,         UINT32_MAX, UINT32_MAX, UINT32_MAX,
		UINT32_MAX,         UINT64_MAX,         UINT64_MAX,
	};
	uint64_t value[ARRAY_SIZE(max)];

	for (size_t i = 0; i < ARRAY_SIZE(max); i++)
		if (!read_number(&words[i], max[i], &value[i]))
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

static bool line_socket(struct reader *reader)
{
	const struct word *word = reader->word;
	struct socket_record record = {0};
	uint64_t protocol, state, local_port, remote_port;

	if (!read_number(&word[0], UINT8_MAX, &protocol) ||
	    !read_number(&word[1], SOCKET_STATES - 1, &state) ||
	    !read_address(&word[2], &record.local) ||
	    !read_number(&word[3], UINT16_MAX, &local_port) ||
	    !read_address(&word[4], &record.remote) ||
	    !read_number(&word[5], UINT16_MAX, &remote_port))
		return false;
	if ((protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) || !state ||
	    !read_socket_numbers(&word[6], &record))
		return false;
	record.protocol = (uint8_t)protocol;
	record.state = (uint8_t)state;
	record.local_port = (uint16_t)local_port;
	record.remote_port = (uint16_t)remote_port;
	return socket_table_add(&reader->netns->sockets, &record) == 0;
}

static bool line_processes(struct reader *reader)
{
	reader->snapshot->has_processes = true;
	return true;
}

static bool line_process(struct reader *reader)
{
	const struct process_table *table = &reader->snapshot->processes;
	struct process_record process = {0};
	uint64_t pid, uid;

	if (!reader->snapshot->has_processes || !read_number(&reader->word[0], INT32_MAX, &pid) ||
	    !read_number(&reader->word[1], UINT32_MAX, &uid) ||
	    !read_text(&reader->word[2], process.command, sizeof(process.command)) ||
	    !read_text(&reader->word[3], process.unit, sizeof(process.unit)))
		return false;
	process.pid = (int32_t)pid;
	process.uid = (uint32_t)uid;
	if (table->processes && table->process[table->processes - 1].pid >= process.pid)
		return false;
	return process_table_add(&reader->snapshot->processes, &process) == 0;
}

static bool line_link(struct reader *reader)
{
	uint64_t inode, process;

	if (!read_number(&reader->word[0], UINT32_MAX, &inode) ||
	    !read_number(&reader->word[1], UINT32_MAX, &process) ||
	    process >= reader->snapshot->processes.processes)
		return false;
	return process_table_link(&reader->snapshot->processes, (uint32_t)inode,
				  (uint32_t)process) == 0;
}

static bool line_end(struct reader *reader)
{
	uint64_t lines;

	reader->ended = true;
	return read_number(&reader->word[0], UINT64_MAX, &lines) && lines == reader->line - 1;
}

struct line_kind {
	const char *word;
	bool (*read)(struct reader *reader); /* false: refused */
	unsigned min, max;                   /* words behind the first */
	enum { HOST, NETNS } place;          /* NETNS: only behind a netns line */
	bool once;                           /* in its place */
};

static const struct line_kind line_kinds[] = {
	{"socket", line_socket, 19, 19, NETNS, false},
	{"link", line_link, 2, 2, HOST, false},
	{"process", line_process, 4, 4, HOST, false},
	{"host", line_host, 1, 1, HOST, true},
	{"os", line_os, 1, 1, HOST, true},
	{"release", line_release, 1, 1, HOST, true},
	{"collector", line_collector, 1, 1, HOST, true},
	{"taken-ms", line_taken, 1, 1, HOST, true},
	{"elapsed-us", line_elapsed, 1, 1, HOST, true},
	{"load-us", line_load, 1, 1, HOST, true},
	{"bind-verified", line_bind_verified, 1, 1, HOST, true},
	{"law", line_law, 2, 2, HOST, false},
	{"verified", line_verified, 1, 1, HOST, true},
	{"netns", line_netns, 2, 2, HOST, false},
	{"setting", line_setting, 2, 3, NETNS, false},
	{"ports", line_ports, 2, 2, NETNS, false},
	{"hidden", line_hidden, 1, 1, NETNS, true},
	{"sockets-read", line_sockets_read, 1, 1, NETNS, true},
	{"time-wait", line_time_wait, 1, 1, NETNS, true},
	{"complete", line_complete, 1, 1, NETNS, true},
	{"complete-port", line_complete_port, 1, 1, NETNS, true},
	{"bucket", line_bucket, 10, 10, NETNS, false},
	{"gap", line_gap, 1, 1, NETNS, false},
	{"processes", line_processes, 0, 0, HOST, true},
	{"end", line_end, 1, 1, HOST, true},
};

static const struct line_kind *find_kind(const char *word, size_t length, unsigned *ret_index)
{
	for (unsigned i = 0; i < ARRAY_SIZE(line_kinds); i++) {
		*ret_index = i;
		if (parse_is(word, length, line_kinds[i].word))
			return &line_kinds[i];
	}
	return NULL;
}

/* Cut the line into words; the first is returned, the others are in the reader. NULL: none, or too many. */
static const char *cut_words(struct reader *reader, const char *line, const char *end,
			     size_t *ret_length)
{
	const char *cursor = line, *first = parse_word(&cursor, end, ret_length);

	for (reader->words = 0;; reader->words++) {
		size_t length;
		const char *text = parse_word(&cursor, end, &length);

		if (!text)
			return first;
		if (reader->words == WORDS_MAX)
			return NULL;
		reader->word[reader->words] = (struct word){text, length};
	}
}

/* The first line: ours, and of this version. */
static int read_first_line(struct reader *reader, const char *word, size_t length,
			   struct eph_error *reterr)
{
	uint64_t version;

	if (!word || !parse_is(word, length, FIRST_LINE) || reader->words != 1 ||
	    !read_number(&reader->word[0], UINT32_MAX, &version))
		return error_set_at(
			reterr, -EINVAL, STEP, 1,
			"not a snapshot of ephemports: the first line must be '" FIRST_LINE " %d'",
			SNAPSHOT_TEXT_VERSION);
	if (version != SNAPSHOT_TEXT_VERSION)
		return error_set_at(reterr, -EPROTONOSUPPORT, STEP, 1,
				    "snapshot of version %llu: this program reads version %d",
				    (unsigned long long)version, SNAPSHOT_TEXT_VERSION);
	return 0;
}

static int read_line(struct reader *reader, const char *line, const char *end,
		     struct eph_error *reterr)
{
	size_t length = 0;
	const char *word = cut_words(reader, line, end, &length);
	const struct line_kind *kind;
	unsigned index = 0;
	uint64_t *seen;

	if (reader->line == 1)
		return read_first_line(reader, word, length, reterr);
	kind = word ? find_kind(word, length, &index) : NULL;
	if (!kind || reader->ended)
		return error_set_at(reterr, -EINVAL, STEP, (long)reader->line, "line %llu: %s",
				    (unsigned long long)reader->line,
				    reader->ended ? "text behind the last line"
						  : "not a line of a snapshot");
	seen = kind->place == NETNS ? &reader->seen_in_netns : &reader->seen;
	if (kind->place == NETNS && !reader->netns)
		return error_set_at(reterr, -EINVAL, STEP, (long)reader->line,
				    "line %llu: '%s' before any 'netns'",
				    (unsigned long long)reader->line, kind->word);
	if ((kind->once && *seen & UINT64_C(1) << index) || reader->words < kind->min ||
	    reader->words > kind->max || !kind->read(reader))
		return error_set_at(reterr, -EINVAL, STEP, (long)reader->line,
				    "line %llu: bad or repeated '%s'",
				    (unsigned long long)reader->line, kind->word);
	*seen |= UINT64_C(1) << index;
	return 0;
}

int snapshot_read(const char *text, size_t length, struct snapshot **ret, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = snapshot_new();
	struct reader reader = {.snapshot = snapshot};
	const char *end = text + length, *line = text;

	if (!snapshot)
		return error_set(reterr, -ENOMEM, STEP, "out of memory");
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		int r;

		reader.line++;
		if (!newline)
			return error_set_at(reterr, -EINVAL, STEP, (long)reader.line,
					    "line %llu is cut off: the file is not complete",
					    (unsigned long long)reader.line);
		r = read_line(&reader, line, newline, reterr);
		if (r < 0)
			return r;
		line = newline + 1;
	}
	if (!reader.ended || !snapshot->n_netns)
		return error_set_at(reterr, -EINVAL, STEP, (long)reader.line,
				    "the file is not complete: no 'end' after %llu lines",
				    (unsigned long long)reader.line);
	process_table_sort(&snapshot->processes);
	snapshot->replayed = true;
	*ret = TAKE_PTR(snapshot);
	return 0;
}
