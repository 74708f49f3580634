#include "text_services.h"

#include <string.h>

static struct text_span without_comment(struct text_span line)
{
	const char *mark = line.length ? memchr(line.start, '#', line.length) : NULL;

	if (mark)
		line.length = (size_t)(mark - line.start);
	return line;
}

static void read_line(const struct file_text *file, uint32_t number, struct text_span line,
		      struct service_ports *ports)
{
	struct text_span name, word, port_text, protocol;
	unsigned flags = SERVICE_LISTED;
	uint16_t port;

	if (!text_word_next(&line, &name) || !text_word_next(&line, &word) ||
	    !text_split(word, '/', &port_text, &protocol) || !text_port(port_text, &port))
		return;
	if (text_is(protocol, "udp"))
		flags |= SERVICE_UDP;
	else if (!text_is(protocol, "tcp"))
		return;
	do
		service_ports_add(ports, file, number, port, flags, name);
	while (text_word_next(&line, &name));
}

void text_services_read(const struct file_text *file, struct service_ports *ports)
{
	struct text_lines lines = text_lines(file->text, file->length, false);
	struct text_span line;

	while (text_line_next(&lines, &line))
		read_line(file, lines.number, without_comment(line), ports);
}
