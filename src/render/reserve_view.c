#include "reserve_view.h"

#include <string.h>

#include "json.h"
#include "number.h"
#include "printable.h"
#include "shorten.h"
#include "strbuf.h"

#define LABEL_CELLS 15u

/* "1-3, 3306": a blank behind each comma, so that a long list can be broken. */
static void add_ports(const struct port_set *set, const struct screen *screen, struct strbuf *out)
{
	struct strbuf list = STRBUF_INIT, brief = STRBUF_INIT, spaced = STRBUF_INIT;

	port_set_format(set, &list);
	shorten_lists(list.text, &brief);
	for (const char *c = brief.text; *c; c++) {
		strbuf_putc(&spaced, *c);
		if (*c == ',')
			strbuf_putc(&spaced, ' ');
	}
	screen_wrap(out, spaced.length ? spaced.text : "none", LABEL_CELLS, LABEL_CELLS,
		    screen->width);
	strbuf_done(&list);
	strbuf_done(&brief);
	strbuf_done(&spaced);
}

static struct port_set without(const struct port_set *set, const struct port_set *other)
{
	struct port_set rest = *set;

	port_set_remove_set(&rest, other);
	return rest;
}

static void add_line(const char *label, const struct port_set *set, const struct screen *screen,
		     struct strbuf *out)
{
	strbuf_printf(out, "  %-13s", label);
	add_ports(set, screen, out);
}

static void add_difference(const struct reserve_view *view, const struct screen *screen,
			   struct strbuf *out)
{
	struct port_set running = without(view->running, view->persisted);
	struct port_set persisted = without(view->persisted, view->running);

	if (port_set_count(&running))
		add_line("only now", &running, screen, out);
	if (port_set_count(&persisted))
		add_line("only at boot", &persisted, screen, out);
}

void reserve_view_text(const struct reserve_view *view, const struct screen *screen,
		       struct strbuf *out)
{
	strbuf_puts(out, "reserved ports\n");
	if (view->image)
		strbuf_puts(out, "  now          nothing: this is an image, it does not run\n");
	else
		add_line("now", view->running, screen, out);
	if (view->foreign) {
		strbuf_puts(out, "  at boot      not known: files of this host are not about this "
				 "network namespace\n");
	} else {
		add_line("at boot", view->persisted, screen, out);
		if (view->path) {
			strbuf_puts(out, "  set in       ");
			printable_puts(out, view->path);
			strbuf_printf(out, ":%u\n", view->line);
		}
		add_difference(view, screen, out);
	}
	if (port_range_width(view->range))
		strbuf_printf(out, "  range        %u-%u, %s of %s reserved\n", view->range.lo,
			      view->range.hi,
			      GROUPED(port_set_count_in(view->running, view->range)),
			      COUNTED(port_range_width(view->range), "port"));
}

static void add_ranges(struct json *json, const char *key, const struct port_set *set)
{
	json_array(json, key);
	for (int lo = -1, hi; (lo = port_set_next(set, lo + 1)) >= 0; lo = hi) {
		for (hi = lo; hi < 65535 && port_set_has(set, (uint16_t)(hi + 1));)
			hi++;
		json_object(json, NULL);
		json_uint(json, "low", (uint64_t)lo);
		json_uint(json, "high", (uint64_t)hi);
		json_end(json);
		if (hi == 65535)
			break;
	}
	json_end(json);
}

static void add_persisted(const struct reserve_view *view, struct json *json)
{
	struct port_set running, persisted;

	if (view->foreign || !view->path) {
		json_null(json, "persisted");
	} else {
		json_object(json, "persisted");
		add_ranges(json, "ports", view->persisted);
		json_string(json, "file", view->path);
		json_uint(json, "line", view->line);
		json_end(json);
	}
	if (view->foreign || view->image)
		return;
	running = without(view->running, view->persisted);
	persisted = without(view->persisted, view->running);
	add_ranges(json, "only_running", &running);
	add_ranges(json, "only_persisted", &persisted);
}

void reserve_view_json(const struct reserve_view *view, struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_object(&json, "reserved");
	if (view->image)
		json_null(&json, "running");
	else
		add_ranges(&json, "running", view->running);
	add_persisted(view, &json);
	json_end(&json);
	if (port_range_width(view->range)) {
		json_object(&json, "range");
		json_uint(&json, "low", view->range.lo);
		json_uint(&json, "high", view->range.hi);
		json_end(&json);
	}
	json_end(&json);
}
