#include "range_view.h"

#include <stdio.h>

#include "json.h"
#include "number.h"
#include "os_words.h"
#include "printable.h"
#include "strbuf.h"

#define RECOMMENDED_LOW  49152u
#define RECOMMENDED_HIGH 65535u

static bool same(struct port_range a, struct port_range b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

enum range_fit range_fit_of(struct port_range range, struct port_range expected)
{
	if (same(range, expected))
		return RANGE_FITS;
	if (range.lo >= expected.lo && range.hi <= expected.hi)
		return RANGE_INSIDE;
	return range.lo <= expected.lo && range.hi >= expected.hi ? RANGE_WIDER : RANGE_BESIDE;
}

/* Is the range of @view that goes by @i one that --expect is about? */
static bool is_expected(const struct range_view *view, const struct os_range *range)
{
	return view->expects && range->known && range->spec->name == OS_REGULAR;
}

int range_view_status(const struct range_view *view)
{
	if (view->because)
		return 2;
	for (size_t i = 0; i < view->state->ranges; i++) {
		const struct os_range *range = &view->state->range[i];

		if (range->known && range->warnings)
			return 1;
		if (is_expected(view, range) &&
		    range_fit_of(range->now, view->expected) > RANGE_INSIDE)
			return 1;
	}
	return 0;
}

/* --- text -------------------------------------------------------------------------------------------------------- */

static void head(const struct range_view *view, const struct screen *screen, struct strbuf *out)
{
	if (*view->host) {
		struct strbuf host = STRBUF_INIT;

		printable_puts(&host, view->host);
		screen_paint(screen, out, PAINT_BOLD, host.text);
		strbuf_puts(out, "  ");
		strbuf_done(&host);
	}
	strbuf_puts(out, view->title);
	if (*view->state->release) {
		strbuf_putc(out, ' ');
		printable_puts(out, view->state->release);
	}
	if (view->image) {
		strbuf_puts(out, "  (image in ");
		printable_puts(out, view->image);
		strbuf_puts(out, ": does not run, this is what it boots with)");
	} else if (view->how) {
		strbuf_puts(out, "  (");
		printable_puts(out, view->how);
		strbuf_puts(out, ")");
	}
	strbuf_putc(out, '\n');
}

/* "tcp", "high tcp udp", "tcp (ipv6)": as many words as it takes to tell the ranges of this system apart. */
static void label(const struct os_range *range, struct strbuf *out)
{
	if (range->spec->name != OS_REGULAR)
		strbuf_printf(out, "%s ", os_range_word(range->spec->name));
	os_protocol_words(range->spec->protocols, range->spec->families, out);
}

static unsigned label_cells(const struct range_view *view)
{
	unsigned cells = 0;

	for (size_t i = 0; i < view->state->ranges; i++) {
		struct strbuf text = STRBUF_INIT;

		label(&view->state->range[i], &text);
		if (view->state->range[i].known && text.length > cells)
			cells = (unsigned)text.length;
		strbuf_done(&text);
	}
	return cells;
}

static void boot_phrase(const struct range_view *view, const struct os_range *range,
			struct strbuf *out)
{
	if (view->image) {
		strbuf_puts(out, range->boot_set ? "set" : "no file sets another one");
	} else if (!range->boot_known && *range->where) {
		strbuf_puts(out, "at boot not known: ");
		printable_puts(out, range->where);
	} else if (!range->boot_known) {
		return;
	} else if (!range->boot_set && same(range->boot, range->now)) {
		strbuf_puts(out, "nothing set at boot: the default returns");
	} else if (!range->boot_set) {
		strbuf_printf(out, "nothing set at boot: %u-%u returns", range->boot.lo,
			      range->boot.hi);
	} else if (same(range->boot, range->now)) {
		strbuf_puts(out, "kept at boot");
	} else {
		strbuf_printf(out, "at boot %u-%u", range->boot.lo, range->boot.hi);
	}
	if (range->boot_known && range->boot_set && *range->where) {
		strbuf_puts(out, " by ");
		printable_puts(out, range->where);
	}
}

static void default_phrase(const struct os_range *range, struct strbuf *out)
{
	if (!range->built_in)
		strbuf_puts(out, "default not known");
	else if (same(range->now, range->built_in->range))
		strbuf_puts(out, "default");
	else
		strbuf_printf(out, "default %u-%u", range->built_in->range.lo,
			      range->built_in->range.hi);
	if (range->built_in && *range->built_in->until)
		strbuf_printf(out, " until %s", range->built_in->until);
}

/* Does the default run, and nothing sets another range at boot? */
static bool default_stays(const struct range_view *view, const struct os_range *range)
{
	return range->built_in && same(range->now, range->built_in->range) && !view->image &&
	       range->boot_known && !range->boot_set && same(range->boot, range->now);
}

static void fit_phrase(const struct range_view *view, const struct os_range *range,
		       struct strbuf *out)
{
	static const char *const words[] = {
		[RANGE_FITS] = "exactly the expected",
		[RANGE_INSIDE] = "inside of the expected",
		[RANGE_WIDER] = "wider than the expected",
		[RANGE_BESIDE] = "not inside of the expected",
	};

	if (is_expected(view, range))
		strbuf_printf(out, "; %s %u-%u", words[range_fit_of(range->now, view->expected)],
			      view->expected.lo, view->expected.hi);
}

static void range_line(const struct range_view *view, const struct os_range *range, unsigned cells,
		       const struct screen *screen, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT, name = STRBUF_INIT;
	char ends[16];

	label(range, &name);
	snprintf(ends, sizeof(ends), "%u-%u", range->now.lo, range->now.hi);
	strbuf_printf(out, "  %-*s  %-11s  %6s %-5s   ", (int)cells, name.text, ends,
		      GROUPED(port_range_width(range->now)),
		      port_range_width(range->now) == 1 ? "port" : "ports");
	default_phrase(range, &text);
	if (default_stays(view, range)) {
		strbuf_puts(&text, ", at boot too");
	} else {
		if (range->boot_known || *range->where)
			strbuf_puts(&text, "; ");
		boot_phrase(view, range, &text);
	}
	fit_phrase(view, range, &text);
	screen_wrap(out, text.text, cells + 32, cells + 32, screen->width);
	strbuf_done(&name);
	strbuf_done(&text);
}

static void reserved_lines(const struct os_state *state, unsigned cells,
			   const struct screen *screen, struct strbuf *out)
{
	bool several = false;

	/* Only Windows has both kinds, and a word for each only where there are both. */
	for (size_t i = 1; i < state->reserveds; i++)
		several |= state->reserved[i].lasting != state->reserved[0].lasting;
	for (size_t i = 0; i < state->reserveds; i++) {
		const struct os_reserved *reserved = &state->reserved[i];
		uint32_t count = port_set_count(&reserved->ports);
		struct strbuf text = STRBUF_INIT;

		if (!count)
			continue;
		strbuf_printf(out, "  %-*s  ", (int)cells, "");
		strbuf_printf(&text, "%s %s never chosen: %s", COUNTED(count, "port"), ARE(count),
			      reserved->setting);
		if (reserved->families == OS_IPV4 || reserved->families == OS_IPV6 ||
		    reserved->protocols == OS_TCP || reserved->protocols == OS_UDP) {
			strbuf_puts(&text, " ");
			os_protocol_words(reserved->protocols, reserved->families, &text);
		}
		if (several)
			strbuf_puts(&text,
				    reserved->lasting ? ", kept at boot" : ", until a reboot");
		screen_wrap(out, text.text, cells + 4, cells + 6, screen->width);
		strbuf_done(&text);
	}
}

static void warning_lines(const struct range_view *view, const struct screen *screen,
			  struct strbuf *out)
{
	for (size_t i = 0; i < view->state->ranges; i++) {
		const struct os_range *range = &view->state->range[i];

		for (unsigned bit = 0; range->known && bit < OS_WARNINGS; bit++) {
			struct strbuf text = STRBUF_INIT, safe = STRBUF_INIT;

			if (range->warnings & 1u << bit) {
				label(range, &text);
				strbuf_puts(&text, ": ");
				os_warning_words(range, 1u << bit, &text);
				printable_puts(&safe, text.text);
				screen_paint(screen, out, PAINT_YELLOW, "  !  ");
				screen_wrap(out, safe.text, 5, 5, screen->width);
			}
			strbuf_done(&text);
			strbuf_done(&safe);
		}
	}
}

static bool is_recommended(const struct os_state *state)
{
	bool all = true, any = false;

	for (size_t i = 0; i < state->ranges; i++)
		if (state->range[i].known && state->range[i].spec->name == OS_REGULAR) {
			any = true;
			all &= state->range[i].now.lo == RECOMMENDED_LOW &&
			       state->range[i].now.hi == RECOMMENDED_HIGH;
		}
	return all && any;
}

static void advice(const struct range_view *view, const struct screen *screen, struct strbuf *out)
{
	if (view->because)
		screen_wrap(out, view->because, 0, 0, screen->width);
	else if (is_recommended(view->state) && range_view_status(view) == 0)
		strbuf_puts(out, "Nothing to change: this is the recommended range.\n");
	else if (!view->how)
		strbuf_printf(out, "Another one: ephemports range set%s LOW-HIGH, or --ports N\n",
			      view->options ? view->options : "");
}

void range_view_text(const struct range_view *view, const struct screen *screen, struct strbuf *out)
{
	unsigned cells = label_cells(view);

	head(view, screen, out);
	for (size_t i = 0; i < view->state->ranges; i++)
		if (view->state->range[i].known)
			range_line(view, &view->state->range[i], cells, screen, out);
	reserved_lines(view->state, cells, screen, out);
	warning_lines(view, screen, out);
	for (unsigned i = 0; i < view->notes; i++)
		screen_wrap(out, view->note[i], 0, 0, screen->width);
	advice(view, screen, out);
}

/* --- JSON -------------------------------------------------------------------------------------------------------- */

static void json_ends(struct json *json, struct port_range range)
{
	json_uint(json, "low", range.lo);
	json_uint(json, "high", range.hi);
}

static void json_setting(struct json *json, const struct os_range_spec *spec)
{
	struct strbuf text = STRBUF_INIT;
	bool two = spec->low && spec->high && spec->low != spec->high;

	if (spec->high)
		strbuf_printf(&text, "%s%s%s", two ? spec->low : "", two ? " " : "", spec->high);
	json_string(json, "setting", spec->high ? text.text : NULL);
	strbuf_done(&text);
}

static void json_boot(struct json *json, const struct os_range *range)
{
	if (!range->boot_known || !range->boot_set) {
		json_null(json, "persisted");
		return;
	}
	json_object(json, "persisted");
	json_ends(json, range->boot);
	json_string(json, "where", *range->where ? range->where : NULL);
	json_end(json);
}

static void json_warnings(struct json *json, const struct os_range *range)
{
	json_array(json, "warnings");
	for (unsigned bit = 0; bit < OS_WARNINGS; bit++) {
		struct strbuf text = STRBUF_INIT;

		if (range->warnings & 1u << bit) {
			os_warning_words(range, 1u << bit, &text);
			json_object(json, NULL);
			json_string(json, "id", os_warning_id(1u << bit));
			json_string(json, "text", text.text);
			json_end(json);
		}
		strbuf_done(&text);
	}
	json_end(json);
}

static void json_range(const struct range_view *view, const struct os_range *range,
		       struct json *json)
{
	static const char *const fit[] = {"same", "narrower", "wider", "elsewhere"};

	json_object(json, NULL);
	json_string(json, "name", os_range_word(range->spec->name));
	json_setting(json, range->spec);
	if (view->image) {
		json_null(json, "low");
		json_null(json, "high");
		json_null(json, "ports");
	} else {
		json_ends(json, range->now);
		json_uint(json, "ports", port_range_width(range->now));
	}
	os_json_protocols(json, range->spec->protocols, range->spec->families);
	json_bool(json, "settable", range->settable);
	if (range->built_in) {
		json_object(json, "default");
		json_ends(json, range->built_in->range);
		json_end(json);
	} else {
		json_null(json, "default");
	}
	json_boot(json, range);
	json_warnings(json, range);
	if (is_expected(view, range))
		json_string(json, "fit", fit[range_fit_of(range->now, view->expected)]);
	json_end(json);
}

static void json_reserved(const struct os_state *state, struct json *json)
{
	json_array(json, "reserved");
	for (size_t i = 0; i < state->reserveds; i++) {
		struct strbuf ports = STRBUF_INIT;

		port_set_format(&state->reserved[i].ports, &ports);
		json_object(json, NULL);
		json_string(json, "setting", state->reserved[i].setting);
		os_json_protocols(json, state->reserved[i].protocols, state->reserved[i].families);
		json_bool(json, "lasting", state->reserved[i].lasting);
		json_uint(json, "count", port_set_count(&state->reserved[i].ports));
		json_string(json, "ports", ports.text);
		json_end(json);
		strbuf_done(&ports);
	}
	json_end(json);
}

static void json_fields(const struct range_view *view, struct json *json)
{
	json_string(json, "os", view->name);
	json_string(json, "release", *view->state->release ? view->state->release : NULL);
	json_string(json, "because", view->because);
	if (view->image)
		json_string(json, "image", view->image);
	json_array(json, "ranges");
	for (size_t i = 0; i < view->state->ranges; i++)
		if (view->state->range[i].known)
			json_range(view, &view->state->range[i], json);
	json_end(json);
	json_reserved(view->state, json);
	if (view->expects) {
		json_object(json, "expected");
		json_ends(json, view->expected);
		json_end(json);
	}
	json_array(json, "notes");
	for (unsigned i = 0; i < view->notes; i++)
		json_string(json, NULL, view->note[i]);
	json_end(json);
}

void range_view_json(const struct range_view *view, struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_fields(view, &json);
	json_end(&json);
}
