#include "reserved_view.h"

#include "json.h"
#include "number.h"
#include "os_words.h"
#include "paste.h"
#include "printable.h"
#include "strbuf.h"

/* "1-3, 3306": a blank behind each comma, so that a long list can be broken. */
static void add_ports(const struct port_set *ports, const struct screen *screen, struct strbuf *out)
{
	struct strbuf list = STRBUF_INIT, spaced = STRBUF_INIT;

	port_set_format(ports, &list);
	for (const char *c = list.text; *c; c++) {
		strbuf_putc(&spaced, *c);
		if (*c == ',')
			strbuf_putc(&spaced, ' ');
	}
	strbuf_puts(out, "    ");
	screen_wrap(out, spaced.length ? spaced.text : "none", 4, 4, screen->width);
	strbuf_done(&list);
	strbuf_done(&spaced);
}

/* What files do to the list at boot; what a command keeps is the list above. */
static void add_boot(const char *head, const char *tail, const struct port_set *ports,
		     const struct os_reserved *reserved, struct strbuf *out)
{
	struct strbuf list = STRBUF_INIT;

	if (!*reserved->where || !port_set_count(ports))
		return;
	port_set_format(ports, &list);
	strbuf_printf(out, "%s%s%s, ", head, list.text,
		      reserved->boot_whole ? " is the list" : tail);
	printable_puts(out, reserved->where);
	strbuf_putc(out, '\n');
	strbuf_done(&list);
}

static void add_list(const struct reserved_view *view, size_t i, const struct screen *screen,
		     struct strbuf *out)
{
	const struct os_reserved *reserved = &view->state->reserved[i];

	strbuf_printf(out, "  %s, ", reserved->setting);
	os_protocol_words(reserved->protocols, reserved->families, out);
	strbuf_printf(out, ", %s%s\n", COUNTED(port_set_count(&reserved->ports), "port"),
		      reserved->lasting ? "" : ", as it runs now");
	add_ports(&reserved->ports, screen, out);
	add_boot("    at boot ", " is added", &reserved->boot_plus, reserved, out);
	add_boot("    at boot ", " is taken off", &reserved->boot_minus, reserved, out);
}

void reserved_view_text(const struct reserved_view *view, const struct screen *screen,
			struct strbuf *out)
{
	printable_puts(out, view->host);
	strbuf_printf(out, "  %s ", view->title);
	printable_puts(out, view->state->release);
	strbuf_puts(out, "  (over ssh)\n  ports that are never chosen:\n");
	if (!view->state->reserveds)
		strbuf_puts(out, "  no list was read: this system has none, or it is not shown\n");
	for (size_t i = 0; i < view->state->reserveds; i++)
		add_list(view, i, screen, out);
	if (!view->instead) {
		strbuf_puts(out, "  one more: ephemports reserve add PORT --host ");
		paste_word(out, view->host);
		strbuf_putc(out, '\n');
	} else {
		strbuf_puts(out, "  ");
		screen_wrap(out, view->instead, 2, 2, screen->width);
	}
}

static void ports_json(struct json *json, const char *key, const struct port_set *set)
{
	struct strbuf ports = STRBUF_INIT;

	port_set_format(set, &ports);
	json_string(json, key, ports.text);
	strbuf_done(&ports);
}

/* null: nothing speaks of it, or what does was not read. */
static void boot_json(struct json *json, const struct os_reserved *reserved)
{
	if (!reserved->boot_known || !reserved->boot_set) {
		json_null(json, "persisted");
		return;
	}
	json_object(json, "persisted");
	json_bool(json, "whole", reserved->boot_whole);
	ports_json(json, "ports", &reserved->boot_plus);
	ports_json(json, "without", &reserved->boot_minus);
	json_string(json, "where", *reserved->where ? reserved->where : NULL);
	json_end(json);
}

void reserved_view_json(const struct reserved_view *view, struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "host", view->host);
	json_string(&json, "os", view->name);
	json_string(&json, "release", view->state->release);
	json_array(&json, "reserved");
	for (size_t i = 0; i < view->state->reserveds; i++) {
		const struct os_reserved *reserved = &view->state->reserved[i];
		struct strbuf ports = STRBUF_INIT;

		port_set_format(&reserved->ports, &ports);
		json_object(&json, NULL);
		json_string(&json, "setting", reserved->setting);
		os_json_protocols(&json, reserved->protocols, reserved->families);
		json_bool(&json, "lasting", reserved->lasting);
		json_uint(&json, "count", port_set_count(&reserved->ports));
		json_string(&json, "ports", ports.text);
		json_string(&json, "add_command", view->command[i]);
		json_bool(&json, "settable", reserved->list != NULL);
		boot_json(&json, reserved);
		json_end(&json);
		strbuf_done(&ports);
	}
	json_end(&json);
	json_end(&json);
}
