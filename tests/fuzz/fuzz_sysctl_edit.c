/* A file of sysctl.d before and after an edit: the value is then the one that wins, a second edit changes nothing, and without
 * a value nobody sets it. */
#include <stdlib.h>
#include <string.h>

#include "sysctl_edit.h"
#include "text_sysctl_conf.h"

#define KEY "net.ipv4.ip_local_reserved_ports"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void edit(const char *text, size_t length, const char *value, struct strbuf *out)
{
	struct sysctl_line line, last = {.line = 0};
	struct text_lines lines;

	sysctl_edit_text(text, length, KEY, value, out);
	if (out->failed)
		abort();
	lines = text_lines(out->text, out->length, false);
	while (text_sysctl_conf_next(&lines, KEY, &line))
		if (!line.pattern && line.value.start)
			last = line;
	if (value ? !last.line || !text_is(last.value, value) : last.line != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT, none = STRBUF_INIT;
	char *text = malloc(size ? size : 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	edit(text, size, "5-7", &once);
	edit(once.text, once.length, "5-7", &twice);
	if (once.length != twice.length || memcmp(once.text, twice.text, once.length) != 0)
		abort();
	edit(text, size, NULL, &none);
	strbuf_done(&once);
	strbuf_done(&twice);
	strbuf_done(&none);
	free(text);
	return 0;
}
