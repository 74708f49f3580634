#include "range_change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_files.h"
#include "look.h"
#include "number.h"
#include "os_words.h"
#include "rc_local.h"
#include "reserve_ports.h"
#include "sysctl_change.h"
#include "text_sysctl.h"
#include "text_sysctl_conf.h"

#define RANGE "net.ipv4.ip_local_port_range"

int range_change_check(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const senseless[] = {"no-persist", "confirm-within"};

	int r = change_session_check(arguments, reterr);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < 2 && change_session_is_image(arguments); i++)
		if (arguments_has(arguments, senseless[i]))
			return error_set(reterr, -EINVAL, "image",
					 "--%s: the system below EPHEMPORTS_ROOT does not run, it "
					 "has no running value; if it does, name its network "
					 "namespace: --netns",
					 senseless[i]);
	return 0;
}

int range_change_begin(const struct arguments *arguments, struct range_change *ret,
		       struct eph_error *reterr)
{
	bool hidden = false;

	ret->state = calloc(1, sizeof(*ret->state));
	ret->listeners = calloc(1, sizeof(*ret->listeners));
	if (!ret->state || !ret->listeners)
		return error_set(reterr, -ENOMEM, "range", "out of memory");
	/* That sockets cannot be seen is no reason not to change the range. */
	if (change_session_is_image(arguments) ||
	    reserve_ports_listeners(arguments, ret->listeners, &hidden, NULL) < 0) {
		free(ret->listeners);
		ret->listeners = NULL;
	}
	return 0;
}

void range_change_done(struct range_change *range)
{
	for (unsigned i = 0; i < range->notes; i++)
		strbuf_done(&range->note[i]);
	change_free(range->change);
	file_list_done(&range->files);
	free(range->other);
	free(range->listeners);
	free(range->state);
}

void range_change_note(struct range_change *range, bool warning, const char *format, ...)
{
	struct strbuf *text = &range->note[range->notes];
	va_list arguments;

	range->warnings += warning;
	if (range->notes == CHANGE_NOTES_MAX)
		return;
	range->notes++;
	*text = (struct strbuf)STRBUF_INIT;
	va_start(arguments, format);
	strbuf_vprintf(text, format, arguments);
	va_end(arguments);
}

/* Does each reader of the files find this very range, or nothing where it shall be reset? */
static bool is_kept(const struct range_change *range)
{
	struct sysctl_readers readers = sysctl_files_readers(&range->files, RANGE);

	for (unsigned i = 0; i < readers.count; i++) {
		struct sysctl_line line;
		struct port_range kept;
		bool found = text_sysctl_conf_find(&range->files, RANGE, readers.reader[i], &line);

		if (found == range->reset)
			return false;
		if (found &&
		    (text_sysctl_range_written(line.value.start, line.value.length, &kept) < 0 ||
		     kept.lo != range->wish.lo || kept.hi != range->wish.hi))
			return false;
	}
	return true;
}

/* What would still win at boot, whatever sysctl files say. */
static int check_late(struct change_session *session, const struct range_change *range,
		      struct eph_error *reterr)
{
	struct port_range late;
	unsigned line;
	int r = range_state_late(session, &late, &line, reterr);

	if (r < 0 || !line || (late.lo == range->wish.lo && late.hi == range->wish.hi))
		return r;
	return error_set(reterr, -EBUSY, "range",
			 RC_LOCAL_PATH
			 " line %u sets another range at the end of each boot, after "
			 "every sysctl file: take that line out, or give --no-persist",
			 line);
}

static int plan_files(struct change_session *session, struct range_change *range,
		      struct eph_error *reterr)
{
	struct sysctl_readers readers = sysctl_files_readers(&range->files, RANGE);
	char value[16];
	int r = check_late(session, range, reterr);

	if (r < 0)
		return r;

	if (is_kept(range))
		return 0;
	snprintf(value, sizeof(value), "%u %u", range->wish.lo, range->wish.hi);
	r = sysctl_change_add(range->change, &session->local.runner, &range->files, &readers, RANGE,
			      range->reset ? NULL : value, &range->other, reterr);
	if (r == 0 && range->other)
		range_change_note(range, false,
				  "%s sets it too, and belongs to a package: it is left alone and "
				  "overruled",
				  range->other);
	return r;
}

static int plan_running(struct range_change *range, struct eph_error *reterr)
{
	const struct os_wish wish = {OS_REGULAR, OS_TCP | OS_UDP, OS_IPV4 | OS_IPV6, range->wish,
				     false};
	struct strbuf command = STRBUF_INIT;
	struct os_plan plan;
	int r = os_plan(range->state, &wish, &plan, reterr);

	for (size_t i = 0; i < plan.steps && r == 0; i++) {
		r = change_add_setting(range->change, plan.step[i].setting, plan.step[i].before,
				       plan.step[i].after);
		if (r < 0)
			error_set(reterr, r, "range", "%s", strerror(-r));
		os_set_command(range->state, &plan.step[i], &command);
	}
	snprintf(range->command, sizeof(range->command), "%s", command.text);
	strbuf_done(&command);
	return r;
}

/* What would be said of the range once it is set. */
static void note_warnings(struct range_change *range)
{
	struct os_state *state = range->state;
	struct os_range *regular = &state->range[0];

	regular->value[OS_END_LOW] = range->wish.lo;
	regular->value[OS_END_HIGH] = range->wish.hi;
	regular->now = range->wish;
	regular->boot_known = false;
	os_warn(state, range->listeners);
	for (unsigned bit = 0; bit < OS_WARNINGS; bit++) {
		struct strbuf text = STRBUF_INIT;

		if (regular->warnings & 1u << bit) {
			os_warning_words(regular, 1u << bit, &text);
			range_change_note(range, true, "%u-%u: %s", range->wish.lo, range->wish.hi,
					  text.text);
		}
		strbuf_done(&text);
	}
}

static void note_confirm(struct range_change *range)
{
	struct strbuf options = STRBUF_INIT;

	change_view_place(&range->change->place, &options);
	range_change_note(range, false,
			  "undone by itself in %s s, and by a reboot, unless you confirm it: "
			  "ephemports range confirm%s",
			  GROUPED(range->confirm_s), options.length ? options.text : "");
	strbuf_done(&options);
}

int range_change_plan(struct change_session *session, struct range_change *range,
		      struct eph_error *reterr)
{
	int r = range_state_local(session, &range->files, NULL, range->state, reterr);

	if (r < 0)
		return r;
	if (range->reset && !range->state->range[0].built_in)
		return error_set(reterr, -ENODATA, "range", "the default of %s is not known",
				 range->state->release);
	if (range->reset)
		range->wish = range->state->range[0].built_in->range;
	range->change = change_new(&session->local.runner.place);
	if (!range->change)
		return error_set(reterr, -ENOMEM, "range", "out of memory");
	if (session->foreign && range->persist)
		range_change_note(range, false,
				  "only the running value: no file of this host is about this "
				  "network namespace, so it is gone with the namespace");
	range->persist &= !session->foreign;
	if (range->persist)
		r = plan_files(session, range, reterr);
	if (r == 0 && session->image)
		range_change_note(range, false, "%s", change_session_image_note(range->change));
	else if (r == 0)
		r = plan_running(range, reterr);
	if (r == 0 && range->confirm_s && range->change->steps)
		note_confirm(range);
	if (r == 0)
		note_warnings(range);
	return r;
}

void range_change_show(const struct arguments *arguments, struct range_change *range,
		       struct outcome *outcome)
{
	struct change_view view = {.change = range->change,
				   .dry_run = range->dry_run,
				   .persisted = range->persist,
				   .ports = port_range_width(range->wish)};
	struct screen screen = look_screen();

	for (unsigned i = 0; i < range->change->steps; i++)
		if (!range->change->step[i].path)
			view.command[i] = range->command;
	for (unsigned i = 0; i < range->notes; i++)
		view.note[view.notes++] = range->note[i].text;
	outcome->status = range->warnings ? STATUS_WARNING : STATUS_FINE;
	if (arguments_has(arguments, "json"))
		change_view_json(&view, &outcome->text);
	else
		change_view_text(&view, &screen, &outcome->text);
}
