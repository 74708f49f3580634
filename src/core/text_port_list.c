#include "text_port_list.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "port_set.h"

/* The ports and the name of a line; false for a line without any. */
static bool split_line(struct text_span line, struct text_span *ret_ports,
		       struct text_span *ret_name)
{
	const char *mark = line.length ? memchr(line.start, '#', line.length) : NULL;

	if (mark)
		line.length = (size_t)(mark - line.start);
	if (!text_word_next(&line, ret_ports))
		return false;
	*ret_name = text_trim(line);
	return true;
}

void text_port_list_read(const struct file_text *file, struct service_ports *ports)
{
	struct text_lines lines = text_lines(file->text, file->length, false);
	struct text_span line, list, name;
	struct port_set set;

	while (text_line_next(&lines, &line)) {
		if (!split_line(line, &list, &name) ||
		    port_set_parse(list.start, list.length, &set, NULL) < 0)
			continue;
		for (int port = 0; (port = port_set_next(&set, port + 1)) >= 0;)
			service_ports_add(ports, file, lines.number, (uint16_t)port, 0, name);
	}
}

int text_port_list_check(const struct file_text *file, struct eph_error *reterr)
{
	struct text_lines lines = text_lines(file->text, file->length, false);
	struct text_span line, list, name;
	struct port_set set;

	while (text_line_next(&lines, &line))
		if (split_line(line, &list, &name) &&
		    port_set_parse(list.start, list.length, &set, NULL) < 0)
			return error_set_at(reterr, -EINVAL, "ports", (long)lines.number,
					    "%s: line %u: '%.*s' are no ports: expected 8080, "
					    "9000-9010 or 80,443",
					    file->path, lines.number,
					    (int)(list.length < 40 ? list.length : 40), list.start);
	return 0;
}
