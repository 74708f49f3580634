#include "why_elsewhere.h"

#include <string.h>

#include "json.h"
#include "names.h"
#include "number.h"
#include "printable.h"
#include "screen.h"
#include "strbuf.h"

#define SHOWN 3u /* on a screen */

static void json_socket(const struct elsewhere_socket *socket, struct json *json)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	json_object(json, NULL);
	json_string(json, "netns", socket->netns);
	json_string(json, "state", socket_state_name(socket->record.state));
	json_object(json, "local");
	json_string(json, "address", ip_address_format(&socket->record.local, text));
	json_uint(json, "port", socket->record.local_port);
	json_end(json);
	if (socket->process.pid)
		json_int(json, "pid", socket->process.pid);
	else
		json_null(json, "pid");
	json_string(json, "command", socket->process.pid ? socket->process.command : NULL);
	json_end(json);
}

void why_elsewhere_json(const struct elsewhere *elsewhere, struct json *json)
{
	bool looked = elsewhere && elsewhere->looked;

	json_array(json, "elsewhere");
	for (unsigned i = 0; looked && i < elsewhere->count; i++)
		json_socket(&elsewhere->socket[i], json);
	json_end(json);
	json_uint(json, "more_elsewhere", looked ? elsewhere->more : 0);
	json_bool(json, "elsewhere_whole", looked && !elsewhere->timed_out && !elsewhere->skipped);
}

/* Names as netns_open_all() gives them: of a container, of a process, else as in /run/netns. */
static void add_netns(const char *name, struct strbuf *out)
{
	if (!*name)
		strbuf_puts(out, "the namespace of this command");
	else if (strncmp(name, "pid ", 4) == 0)
		strbuf_puts(out, "the namespace of ");
	else if (strchr(name, ':'))
		strbuf_puts(out, "container ");
	else
		strbuf_puts(out, "namespace ");
	printable_puts(out, name);
}

static void add_sentence(const struct elsewhere_socket *socket, struct strbuf *out)
{
	char text[ENDPOINT_TEXT_BYTES];

	strbuf_puts(out, "not in the way: ");
	if (socket->process.pid) {
		printable_puts(out, socket->process.command);
		strbuf_printf(out, " (pid %d)", (int)socket->process.pid);
	} else {
		strbuf_puts(out, "a socket that");
	}
	strbuf_printf(out, " %s %s in ",
		      socket->record.state == STATE_LISTEN ? "listens on" : "is bound to",
		      name_endpoint(&socket->record.local, socket->record.local_port, text));
	add_netns(socket->netns, out);
}

static void add_paragraph(const char *sentence, unsigned width, struct strbuf *out)
{
	strbuf_puts(out, "  ");
	screen_wrap(out, sentence, 2, 4, width);
}

void why_elsewhere_text(const struct elsewhere *elsewhere, unsigned width, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;
	unsigned shown = 0, more;

	if (!elsewhere || !elsewhere->looked || (!elsewhere->count && !elsewhere->timed_out))
		return;
	for (; shown < elsewhere->count && shown < SHOWN; shown++) {
		strbuf_clear(&text);
		add_sentence(&elsewhere->socket[shown], &text);
		add_paragraph(text.text, width, out);
	}
	more = elsewhere->count - shown + elsewhere->more;
	if (more) {
		strbuf_clear(&text);
		strbuf_printf(&text, "nor %s %u more in other namespaces, see --json", ARE(more),
			      more);
		add_paragraph(text.text, width, out);
	}
	if (elsewhere->timed_out)
		add_paragraph("there was no time to look at all other namespaces", width, out);
	strbuf_putc(out, '\n');
	strbuf_done(&text);
}
