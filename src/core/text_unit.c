#include "text_unit.h"

#include <string.h>

#include "text_flags.h"

/* "ssh" of "/lib/systemd/system/ssh.socket", and of the drop-in ".../ssh.socket.d/port.conf". */
static struct text_span unit_name(const struct file_text *file)
{
	const char *name = file_list_name(file), *end = name + strlen(name), *dot;

	if (end - name > 5 && strcmp(end - 5, ".conf") == 0 && name > file->path) {
		end = name - 1;
		for (name = end; name > file->path && name[-1] != '/';)
			name--;
	}
	dot = memchr(name, '.', (size_t)(end - name));
	return (struct text_span){name, (size_t)((dot ? dot : end) - name)};
}

static bool is_of(const struct service_port *record, struct text_span name, const char *kind)
{
	return record->file && record->file->kind == FILE_UNIT &&
	       strstr(record->file->path, kind) && text_is(name, record->name);
}

/* An empty assignment, as drop-ins have it, takes back what the unit said so far. */
static void forget(const struct file_text *file, const char *kind, struct service_ports *ports)
{
	struct text_span name = unit_name(file);
	size_t kept = 0;

	if (name.length >= SERVICE_NAME_BYTES)
		name.length = SERVICE_NAME_BYTES - 1;
	for (size_t i = 0; i < ports->count; i++)
		if (!is_of(&ports->record[i], name, kind))
			ports->record[kept++] = ports->record[i];
	ports->count = kept;
}

static void read_listen(const struct file_text *file, uint32_t line, struct text_span key,
			struct text_span value, struct service_ports *ports)
{
	bool datagram = text_is(key, "ListenDatagram");
	uint16_t port;

	if (!value.length && text_begins(key, "Listen"))
		forget(file, ".socket", ports);

	if ((datagram || text_is(key, "ListenStream")) && text_endpoint_port(value, &port))
		service_ports_add(ports, file, line, port, datagram ? SERVICE_UDP : 0,
				  unit_name(file));
}

static bool is_special(char c)
{
	return c == '-' || c == '@' || c == ':' || c == '+' || c == '!';
}

static void read_command(const struct file_text *file, uint32_t line, struct text_span command,
			 struct service_ports *ports)
{
	struct text_span program, family;
	const char *slash;

	while (command.length && is_special(*command.start)) {
		command.start++;
		command.length--;
	}
	if (!text_word_next(&command, &program))
		return;
	slash = program.length ? memrchr(program.start, '/', program.length) : NULL;
	if (slash) {
		program.length -= (size_t)(slash + 1 - program.start);
		program.start = slash + 1;
	}
	family = text_flags_family(program);
	text_flags_read(file, line, command, family, ports);
	text_flags_defaults(file, line, family, ports);
}

void text_unit_read(const struct file_text *file, struct service_ports *ports)
{
	struct text_lines lines = text_lines(file->text, file->length, true);
	struct text_span line, key, value, section = {"", 0};

	while (text_line_next(&lines, &line)) {
		if (!line.length || *line.start == '#' || *line.start == ';')
			continue;
		if (*line.start == '[')
			section = line;
		else if (!text_split(line, '=', &key, &value))
			continue;
		else if (text_is(section, "[Socket]"))
			read_listen(file, lines.number, key, value, ports);
		else if (text_is(section, "[Service]") && text_is(key, "ExecStart") &&
			 !value.length)
			forget(file, ".service", ports);
		else if (text_is(section, "[Service]") && text_is(key, "ExecStart"))
			read_command(file, lines.number, value, ports);
	}
}
