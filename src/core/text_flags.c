#include "text_flags.h"

#include <string.h>

#define SHORT_FLAG_PORT_MIN 1024u
#define NAME_BYTES          64u

struct default_port {
	const char *family;
	uint16_t port;
};

static const struct default_port defaults[] = {
	{"mysql", 3306},          {"postgresql", 5432},    {"redis", 6379},
	{"etcd", 2379},           {"etcd", 2380},          {"kubelet", 10248},
	{"kubelet", 10250},       {"kube-proxy", 10249},   {"kube-proxy", 10256},
	{"prometheus", 9090},     {"node-exporter", 9100}, {"alertmanager", 9093},
	{"kube-apiserver", 6443}, {"memcached", 11211},
};

struct text_span text_flags_family(struct text_span program)
{
	static const struct {
		const char *program, *family;
	} families[] = {
		{"mysqld", "mysql"},
		{"mariadbd", "mysql"},
		{"mysqld_safe", "mysql"},
		{"postgres", "postgresql"},
		{"redis-server", "redis"},
		{"prometheus-node-exporter", "node-exporter"},
		{"node_exporter", "node-exporter"},
		{"prometheus-alertmanager", "alertmanager"},
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (text_is(program, families[i].program))
			return (struct text_span){families[i].family, strlen(families[i].family)};
	return program;
}

void text_flags_defaults(const struct file_text *file, uint32_t line, struct text_span family,
			 struct service_ports *ports)
{
	unsigned found = 0;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		found += text_is(family, defaults[i].family);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (text_is(family, defaults[i].family))
			service_ports_add(ports, file, line, defaults[i].port,
					  SERVICE_DEFAULT | (found > 1 ? SERVICE_SEVERAL : 0),
					  family);
}

/* Lower case, words separated by one blank: " healthz bind address " of healthzBindAddress and HEALTHZ_BIND-ADDRESS. */
static void spell_out(struct text_span name, char words[NAME_BYTES])
{
	size_t length = 0;
	bool was_lower = false;

	words[length++] = ' ';
	for (size_t i = 0; i < name.length && length < NAME_BYTES - 3; i++) {
		char c = name.start[i];
		bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';

		if ((!upper && !lower) || (upper && was_lower))
			if (words[length - 1] != ' ')
				words[length++] = ' ';
		if (upper || lower)
			words[length++] = (char)(upper ? c - 'A' + 'a' : c);
		was_lower = lower;
	}
	if (words[length - 1] != ' ')
		words[length++] = ' ';
	words[length] = '\0';
}

bool text_flags_listens(struct text_span name)
{
	static const char *const others[] = {" remote ", " target ", " upstream ",    " proxy ",
					     " source ", " peer ",   " destination ", " initial ",
					     " db ",     " client "};
	char words[NAME_BYTES];
	size_t length;

	if (name.length > NAME_BYTES / 2)
		return false;
	spell_out(name, words);
	length = strlen(words);
	if (strstr(words, " listen ") || strstr(words, " bind "))
		return true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strstr(words, others[i]))
			return false;
	return length >= 6 && strcmp(words + length - 6, " port ") == 0;
}

static bool is_wrapping(char c)
{
	return c == '"' || c == '\'' || c == '[' || c == ']' || c == ',' || c == '=';
}

/* "--flag..." of a word such as ARGS="--flag...; false when there is none. */
static bool long_flag(struct text_span word, struct text_span *ret)
{
	const char *dashes = word.length ? memmem(word.start, word.length, "--", 2) : NULL;
	size_t skipped;

	if (!dashes || (dashes > word.start && !is_wrapping(dashes[-1])))
		return false;
	skipped = (size_t)(dashes - word.start) + 2;
	*ret = (struct text_span){word.start + skipped, word.length - skipped};
	while (ret->length && is_wrapping(ret->start[ret->length - 1]))
		ret->length--;
	return true;
}

/* Each of the addresses that commas separate. */
static void add_endpoints(const struct file_text *file, uint32_t line, struct text_span value,
			  struct text_span service, struct service_ports *ports)
{
	struct text_span first, rest = value;
	uint16_t port;

	while (rest.length) {
		if (!text_split(rest, ',', &first, &rest)) {
			first = rest;
			rest.length = 0;
		}
		if (text_endpoint_port(first, &port))
			service_ports_add(ports, file, line, port, 0, service);
	}
}

void text_flags_read(const struct file_text *file, uint32_t line, struct text_span words,
		     struct text_span service, struct service_ports *ports)
{
	struct text_span word, flag, name, value, next;
	uint16_t port;

	while (text_word_next(&words, &word)) {
		next = words;
		if (text_is(word, "-p")) {
			if (text_word_next(&next, &value) && text_port(value, &port) &&
			    port >= SHORT_FLAG_PORT_MIN)
				service_ports_add(ports, file, line, port, 0, service);
			continue;
		}
		if (!long_flag(word, &flag))
			continue;
		if (!text_split(flag, '=', &name, &value)) {
			name = flag;
			if (!text_word_next(&next, &value))
				return;
		}
		if (text_flags_listens(name))
			add_endpoints(file, line, value, service, ports);
	}
}
