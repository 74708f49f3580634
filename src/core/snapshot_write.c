#include "snapshot_text.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "parse.h"
#include "snapshot_words.h"
#include "strbuf.h"

#define PIECE_BYTES (32u * 1024u) /* pieces of about this size are handed over */

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
	write_number(writer, SNAPSHOT_TEXT_FIRST_WORD, SNAPSHOT_TEXT_VERSION);
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
	if (record->rank)
		put_number(writer, record->rank);
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
		put_number(writer, bucket->any_v4_made_by);
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
	if (netns->overflows_known)
		write_number(writer, "time-wait-overflows", netns->time_wait_overflows);
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
