#include "text_server_conf.h"

#include <string.h>
#include <strings.h>

#include "text_flags.h"

#define REDIS_BUS_OFFSET 10000

#define MYSQL_PORT 3306

struct reading {
	const struct file_text *file;
	struct service_ports *ports;
	uint32_t line;
	struct text_span service;
	bool cluster, bus_named; /* redis: cluster-enabled, and cluster-port is there */
	uint16_t redis_port;
	uint32_t cluster_line;
	bool listening_section; /* my.cnf: inside a section that the server reads */
	bool has_default;       /* my.cnf: there was one, so a server reads it */
};

static struct text_span span_of(const char *text)
{
	return (struct text_span){text, strlen(text)};
}

static void add_port(const struct reading *reading, uint16_t port, unsigned flags)
{
	service_ports_add(reading->ports, reading->file, reading->line, port, flags,
			  reading->service);
}

/* Up to a # that begins the line or follows a blank. */
static struct text_span without_comment(struct text_span line)
{
	for (size_t i = 0; i < line.length; i++)
		if (line.start[i] == '#' &&
		    (i == 0 || line.start[i - 1] == ' ' || line.start[i - 1] == '\t'))
			return text_trim((struct text_span){line.start, i});
	return line;
}

static struct text_span without_quotes(struct text_span span)
{
	if (span.length >= 2 && (*span.start == '"' || *span.start == '\'') &&
	    span.start[span.length - 1] == *span.start)
		return (struct text_span){span.start + 1, span.length - 2};
	return span;
}

static bool is_server_section(struct text_span line)
{
	return text_is(line, "[mysqld]") || text_begins(line, "[mysqld-") ||
	       text_is(line, "[server]") || text_is(line, "[mariadb]") ||
	       text_begins(line, "[mariadb-") || text_is(line, "[mariadbd]") ||
	       text_begins(line, "[mariadbd-");
}

/* Option names may be written with dashes or underscores, and begin with loose. */
static bool is_option(struct text_span key, const char *name)
{
	if (text_begins(key, "loose-") || text_begins(key, "loose_"))
		key = (struct text_span){key.start + 6, key.length - 6};
	if (key.length != strlen(name))
		return false;
	for (size_t i = 0; i < key.length; i++)
		if ((key.start[i] == '-' ? '_' : key.start[i]) != name[i])
			return false;
	return true;
}

static void read_mysql(struct reading *reading, struct text_span line)
{
	static const char *const keys[] = {"port", "extra_port", "mysqlx_port", "admin_port"};
	struct text_span key, value;
	uint16_t port;

	if (text_begins(line, "[")) {
		bool server = is_server_section(line);

		/* Debian's own files name no port. */
		if (server && !reading->has_default)
			add_port(reading, MYSQL_PORT, SERVICE_DEFAULT);
		reading->has_default |= server;
		reading->listening_section = server || text_is(line, "[client-server]");
	}
	if (!reading->listening_section || !text_split(line, '=', &key, &value) ||
	    !text_port(without_quotes(without_comment(value)), &port))
		return;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (is_option(key, keys[i]))
			add_port(reading, port, 0);
}

static bool is_any_case(struct text_span span, const char *word)
{
	return span.length == strlen(word) && strncasecmp(span.start, word, span.length) == 0;
}

static void read_postgresql(struct reading *reading, struct text_span line)
{
	struct text_span key, value;
	uint16_t port;

	line = without_comment(line);
	if (!text_split(line, '=', &key, &value)) {
		if (!text_word_next(&line, &key))
			return;
		value = text_trim(line);
	}
	if (is_any_case(key, "port") && text_port(without_quotes(value), &port))
		add_port(reading, port, 0);
}

/* The bus of a cluster listens 10 000 above the port, unless cluster-port names another. */
static void add_cluster_bus(struct reading *reading)
{
	reading->line = reading->cluster_line;
	if (reading->cluster && !reading->bus_named && reading->redis_port &&
	    reading->redis_port <= UINT16_MAX - REDIS_BUS_OFFSET)
		add_port(reading, (uint16_t)(reading->redis_port + REDIS_BUS_OFFSET), 0);
}

static void read_redis(struct reading *reading, struct text_span line)
{
	struct text_span key, value;
	uint16_t port;

	if (!text_word_next(&line, &key) || !text_word_next(&line, &value))
		return;
	if (is_any_case(key, "cluster-enabled")) {
		reading->cluster = is_any_case(value, "yes");
		reading->cluster_line = reading->line;
	}
	if (!text_port(value, &port))
		return;
	if (is_any_case(key, "port") || is_any_case(key, "tls-port"))
		reading->redis_port = port;
	reading->bus_named |= is_any_case(key, "cluster-port");
	if (is_any_case(key, "port") || is_any_case(key, "tls-port") ||
	    is_any_case(key, "cluster-port"))
		add_port(reading, port, 0);
}

/* "8000" or "8000-8010": each port. */
static void add_ports(const struct reading *reading, struct text_span ports, unsigned flags)
{
	struct text_span low, high;
	uint16_t lo, hi;

	if (text_port(ports, &lo)) {
		add_port(reading, lo, flags);
		return;
	}
	if (!text_split(ports, '-', &low, &high) || !text_port(low, &lo) || !text_port(high, &hi))
		return;
	for (uint32_t port = lo; port <= hi; port++)
		add_port(reading, (uint16_t)port, flags);
}

/* What follows the last colon: HAProxy writes every IPv6 address as ":::443". */
static struct text_span behind_last_colon(struct text_span address)
{
	const char *colon = address.length ? memrchr(address.start, ':', address.length) : NULL;

	if (!colon || memchr(address.start, '/', address.length))
		return (struct text_span){"", 0};
	return (struct text_span){colon + 1, address.length - (size_t)(colon + 1 - address.start)};
}

static void read_nginx_statement(struct reading *reading, struct text_span statement)
{
	struct text_span key, value, option;
	unsigned flags = 0;
	uint16_t port;

	if (!text_word_next(&statement, &key) || !text_is(key, "listen") ||
	    !text_word_next(&statement, &value) || text_begins(value, "unix:"))
		return;
	while (text_word_next(&statement, &option))
		if (text_is(option, "udp") || text_is(option, "quic"))
			flags = SERVICE_UDP;
	if (text_endpoint_port(value, &port))
		add_port(reading, port, flags);
	else if (value.length && memchr(value.start, '-', value.length))
		add_ports(reading,
			  memchr(value.start, ':', value.length) ? behind_last_colon(value) : value,
			  flags);
}

/* "server { listen 80; listen [::]:80; }" */
static void read_nginx(struct reading *reading, struct text_span line)
{
	size_t from = 0;

	line = without_comment(line);
	for (size_t i = 0; i < line.length; i++) {
		if (line.start[i] == ';')
			read_nginx_statement(reading,
					     (struct text_span){line.start + from, i - from});
		if (line.start[i] == ';' || line.start[i] == '{' || line.start[i] == '}')
			from = i + 1;
	}
	/* Its options may follow on the next line. */
	read_nginx_statement(reading,
			     text_trim((struct text_span){line.start + from, line.length - from}));
}

/* "ipv4@127.0.0.1:8000-8010": each port. */
static void add_haproxy_address(struct reading *reading, struct text_span address, unsigned flags)
{
	if (text_begins(address, "unix@") || text_begins(address, "abns@") ||
	    text_begins(address, "fd@") || text_begins(address, "sockpair@"))
		return;
	if (text_begins(address, "quic") || text_begins(address, "udp"))
		flags = SERVICE_UDP;
	add_ports(reading, behind_last_colon(address), flags);
}

/* The word of a line that is an address to listen on, behind @key; false when there is none. */
static bool haproxy_address(struct text_span key, struct text_span *rest, struct text_span *ret)
{
	struct text_span skipped;

	if (text_is(key, "stats")) {
		if (!text_word_next(rest, &skipped) || !text_is(skipped, "socket"))
			return false;
	} else if (text_is(key, "listen") || text_is(key, "peer")) {
		if (!text_word_next(rest, &skipped)) /* its name */
			return false;
	} else if (!text_is(key, "bind") && !text_is(key, "dgram-bind")) {
		return false;
	}
	return text_word_next(rest, ret);
}

static void read_haproxy(struct reading *reading, struct text_span line)
{
	struct text_span key, value, first;
	unsigned flags;

	line = without_comment(line);
	if (!text_word_next(&line, &key) || !haproxy_address(key, &line, &value))
		return;
	flags = text_is(key, "dgram-bind") ? SERVICE_UDP : 0;
	while (text_split(value, ',', &first, &value))
		add_haproxy_address(reading, first, flags);
	add_haproxy_address(reading, value, flags);
}

/* "- key: value", "KEY=value", or flags, in the file of one server. */
static void read_flags(struct reading *reading, struct text_span line)
{
	struct text_span key, value, first;
	uint16_t port;

	line = without_comment(line);
	text_flags_read(reading->file, reading->line, line, reading->service, reading->ports);
	if (line.length && memmem(line.start, line.length, "--", 2))
		return;
	if (!text_split(line, ':', &key, &value) && !text_split(line, '=', &key, &value))
		return;
	if (memchr(key.start, '=', key.length) && !text_split(line, '=', &key, &value))
		return;
	if (text_begins(key, "- "))
		key = text_trim((struct text_span){key.start + 2, key.length - 2});
	if (!text_flags_listens(without_quotes(key)))
		return;
	value = without_quotes(value);
	while (text_split(value, ',', &first, &value))
		if (text_endpoint_port(first, &port))
			add_port(reading, port, 0);
	if (text_endpoint_port(value, &port))
		add_port(reading, port, 0);
}

/* "etcd" of etcd.conf.yml, "kubelet" of kubelet/config.yaml. */
static struct text_span name_of_path(const struct file_text *file)
{
	const char *name = file_list_name(file), *end = name + strcspn(name, "."), *directory;

	if (strncmp(name, "config.", 7) == 0 && name > file->path + 1) {
		end = name - 1;
		for (directory = end; directory > file->path && directory[-1] != '/';)
			directory--;
		name = directory;
	}
	return text_flags_family((struct text_span){name, (size_t)(end - name)});
}

struct parser {
	const char *service; /* NULL: the name of the file */
	void (*read)(struct reading *reading, struct text_span line);
};

static struct parser parser_of(enum file_kind kind)
{
	switch (kind) {
	case FILE_MYSQL:
		return (struct parser){"mysql", read_mysql};
	case FILE_POSTGRESQL:
		return (struct parser){"postgresql", read_postgresql};
	case FILE_REDIS:
		return (struct parser){"redis", read_redis};
	case FILE_NGINX:
		return (struct parser){"nginx", read_nginx};
	case FILE_HAPROXY:
		return (struct parser){"haproxy", read_haproxy};
	case FILE_FLAGS:
	case FILE_KUBERNETES:
		return (struct parser){NULL, read_flags};
	case FILE_SYSCTL:
	case FILE_SYSCTL_PROCPS:
	case FILE_SERVICES:
	case FILE_UNIT:
	case FILE_PORTS:
	case FILE_ACCEPTED:
		break;
	}
	return (struct parser){NULL, NULL};
}

void text_server_conf_read(const struct file_text *file, struct service_ports *ports)
{
	struct parser parser = parser_of(file->kind);
	struct reading reading = {.file = file, .ports = ports};
	struct text_lines lines = text_lines(file->text, file->length, false);
	struct text_span line;

	if (!parser.read)
		return;
	reading.service = parser.service ? span_of(parser.service) : name_of_path(file);
	while (text_line_next(&lines, &line)) {
		reading.line = lines.number;
		if (line.length && *line.start != '#' && *line.start != ';')
			parser.read(&reading, line);
	}
	add_cluster_bus(&reading);
	if (file->kind == FILE_POSTGRESQL && strcmp(file_list_name(file), "postgresql.conf") == 0)
		text_flags_defaults(file, 0, reading.service, ports);
	if (file->kind == FILE_KUBERNETES && file->length)
		text_flags_defaults(file, 0, reading.service, ports);
}
