#include "host_settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "reserved.h"
#include "text_line.h"

#define STATUS_LEAST 126 /* of a shell that did not find the command */

static struct os_host *host_of(struct runner *runner)
{
	return (struct os_host *)runner;
}

static bool take_prefix(const char **name)
{
	size_t length = strlen(OS_HOST_BOOT);

	if (strncmp(*name, OS_HOST_BOOT, length) != 0)
		return false;
	*name += length;
	return true;
}

static void value_text(const struct os_system *system, const uint32_t value[2], enum os_end end,
		       struct strbuf *ret)
{
	if (system->flags & OS_ONE_SETTING) {
		if (value[OS_END_LOW] != OS_UNREAD && value[OS_END_HIGH] != OS_UNREAD)
			strbuf_printf(ret, "%u %u", value[OS_END_LOW], value[OS_END_HIGH]);
	} else if (value[end] != OS_UNREAD) {
		strbuf_printf(ret, "%u", value[end]);
	}
}

/* Where one command writes both memories and shows only the running one, that one has to do. */
static bool shows_kept(const struct os_state *state, const struct os_range *range)
{
	return range->boot_told || range->boot_value[OS_END_LOW] != OS_UNREAD ||
	       range->boot_value[OS_END_HIGH] != OS_UNREAD || !state->system->kept_by ||
	       state->system->kept_by(state) != OS_BOTH;
}

/* The list of this name: what is on it now, or what a command keeps. False: there is none. */
static bool find_list(const struct os_state *state, const char *name, struct strbuf *ret)
{
	bool boot = take_prefix(&name);
	const struct os_reserved *reserved = os_reserved_find(state, name);
	struct os_ports ports;

	if (!reserved)
		return false;
	if (boot)
		os_reserved_kept(reserved, &ports);
	else
		os_reserved_now(reserved, &ports);
	if (!boot || reserved->boot_set)
		os_ports_format(&ports, ret);
	return true;
}

/* False when there is no such setting, or its running value was not read. */
static bool find_value(const struct os_state *state, const char *name, struct strbuf *ret)
{
	bool boot;

	if (find_list(state, name, ret))
		return true;
	boot = take_prefix(&name);
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];
		const uint32_t *value =
			boot && shows_kept(state, range) ? range->boot_value : range->value;

		for (int end = 0; end < 2; end++) {
			const char *setting =
				end == OS_END_LOW ? range->spec->low : range->spec->high;

			if (!setting || strcmp(setting, name) != 0)
				continue;
			value_text(state->system, value, (enum os_end)end, ret);
			return boot || ret->length > 0;
		}
	}
	return false;
}

static void forget(struct os_host *host)
{
	free(host->seen);
	host->seen = NULL;
}

static void setting_remember(struct runner *runner, bool on)
{
	forget(host_of(runner));
	host_of(runner)->remembers = on;
}

/* All settings as they are; borrowed until the next call of anything here. NULL with @reterr. */
static const struct os_state *look(struct os_host *host, int *ret_r, struct eph_error *reterr)
{
	*ret_r = 0;
	if (host->remembers && host->seen)
		return host->seen;
	forget(host);
	host->seen = malloc(sizeof(*host->seen));
	*ret_r = host->seen ? os_host_read(host, host->seen, reterr)
			    : error_set(reterr, -ENOMEM, "host", "out of memory");
	if (*ret_r < 0)
		forget(host);
	return host->seen;
}

/* Only a setting that the system shows. */
static int find_setting(const struct os_host *host, const struct os_state *state, const char *name,
			struct strbuf *ret, struct eph_error *reterr)
{
	if (!find_value(state, name, ret))
		return error_set(reterr, -ENOENT, "setting", "%.80s: %.80s%s could not be read",
				 host->way->place.host, change_setting_name(name),
				 change_setting_when(name));
	return ret->failed ? error_set(reterr, -ENOMEM, "setting", "out of memory") : 0;
}

static int setting_read(struct runner *runner, const char *name, struct strbuf *ret,
			struct eph_error *reterr)
{
	struct os_host *host = host_of(runner);
	int r;
	const struct os_state *state = look(host, &r, reterr);

	if (state)
		r = find_setting(host, state, name, ret, reterr);
	if (!host->remembers)
		forget(host);
	return r;
}

/* What the last of several commands said; each before it came off. */
static struct text_span last_line(const struct strbuf *text)
{
	struct text_lines lines = text_lines(text->text, text->length, false);
	struct text_span line, last = {"", 0};

	while (text_line_next(&lines, &line))
		if (line.length)
			last = line;
	last.length = last.length > RUNNER_SAID_MAX ? RUNNER_SAID_MAX : last.length;
	return last;
}

static int set_failed(const struct os_host *host, const struct runner_output *output,
		      const char *name, struct eph_error *reterr)
{
	struct text_span said = output->errors.length ? runner_said(&output->errors, &output->text)
						      : last_line(&output->text);

	return error_set(reterr, output->status >= STATUS_LEAST ? -ENOENT : -EREMOTEIO, "setting",
			 "%.80s: %.60s%s: %.*s", host->way->place.host, change_setting_name(name),
			 change_setting_when(name), (int)said.length, said.start);
}

/* Status 0 proves nothing (OpenBSD): the caller reads back. */
static int run_set(struct os_host *host, const char *line, const char *name,
		   struct eph_error *reterr)
{
	struct runner_output output;
	int r = host->way->ops->line(host->way, line, &output, reterr);

	forget(host);
	if (r == 0 && output.status)
		r = set_failed(host, &output, name, reterr);
	runner_output_done(&output);
	return r;
}

/* The same, and what it left is remembered. */
static int run_set_and_look(struct os_host *host, const char *line, const char *name,
			    struct eph_error *reterr)
{
	struct os_state *state = malloc(sizeof(*state));
	struct runner_output said;
	int r;

	if (!state)
		return error_set(reterr, -ENOMEM, "setting", "out of memory");
	r = os_host_set(host, line, &said, state, reterr);
	forget(host);
	if (r == 0)
		host->seen = state;
	else
		free(state);
	if ((r == 0 || r == -ENODATA) && said.status) {
		forget(host);
		r = set_failed(host, &said, name, reterr);
	}
	runner_output_done(&said);
	return r;
}

/* Names and values come from the journal, too: nothing but numbers, and only settings that the system has. */
static int fill_step(const struct os_state *state, const char *name, const char *before,
		     const char *value, struct os_step *ret, struct eph_error *reterr)
{
	bool boot = take_prefix(&name);

	*ret = (struct os_step){.store = OS_RUNNING};
	if (boot && !state->system->kept_by)
		return error_set(reterr, -EPERM, "setting", "%.80s: no command keeps it", name);
	if (boot)
		ret->store = state->system->kept_by(state);
	if (strlen(name) >= sizeof(ret->setting) || strlen(value) >= sizeof(ret->after) ||
	    strlen(before) >= sizeof(ret->before) ||
	    strspn(value, "0123456789 ") != strlen(value) || (!boot && !*value))
		return error_set(reterr, -EINVAL, "setting", "%.80s: '%.40s' is no value for it",
				 name, value);
	snprintf(ret->setting, sizeof(ret->setting), "%s", name);
	snprintf(ret->before, sizeof(ret->before), "%s", before);
	snprintf(ret->after, sizeof(ret->after), "%s", value);
	return 0;
}

/* So many at a time that no command line gets too long, each only when the one before it came off. */
#define COMMANDS_BYTES 4000u

static int run_commands(struct os_host *host, const struct strbuf *commands, const char *name,
			struct eph_error *reterr)
{
	struct text_lines lines = text_lines(commands->text, commands->length, false);
	struct strbuf joined = STRBUF_INIT;
	struct text_span line;
	int r = 0;

	while (r == 0 && text_line_next(&lines, &line)) {
		if (joined.length && joined.length + line.length > COMMANDS_BYTES) {
			r = run_set(host, joined.text, name, reterr);
			strbuf_clear(&joined);
		}
		strbuf_puts(&joined, joined.length ? " && " : "");
		strbuf_add(&joined, line.start, line.length);
	}
	if (r == 0 && joined.failed)
		r = error_set(reterr, -ENOMEM, "setting", "out of memory");
	if (r == 0 && joined.length)
		r = run_set(host, joined.text, name, reterr);
	strbuf_done(&joined);
	return r;
}

/* From what is on the list by now, which need not be what was on it when the change was planned. */
static int write_list(struct os_host *host, const struct os_state *state,
		      const struct os_reserved *reserved, bool boot, const char *value,
		      struct eph_error *reterr)
{
	enum os_store store = boot ? reserved->list->store : OS_RUNNING;
	struct strbuf commands = STRBUF_INIT, now = STRBUF_INIT, wanted = STRBUF_INIT;
	struct os_ports before, after;
	int r = os_ports_read(value, reserved->list->rows, &after);

	if (r < 0 || (boot && store == OS_RUNNING))
		return error_set(reterr, -EINVAL, "setting", "%.80s: '%.40s' is no value for it",
				 reserved->setting, value);
	if (boot)
		os_reserved_kept(reserved, &before);
	else
		os_reserved_now(reserved, &before);
	os_ports_format(&before, &now);
	os_ports_format(&after, &wanted);
	if (boot || strcmp(now.text, wanted.text) != 0)
		r = os_list_commands(state, reserved->list, store, &before, &after, &commands,
				     reterr);
	if (r == 0)
		r = run_commands(host, &commands, reserved->setting, reterr);
	strbuf_done(&commands);
	strbuf_done(&now);
	strbuf_done(&wanted);
	return r;
}

static int write_value(struct os_host *host, const struct os_state *state, const char *name,
		       const char *before, const char *value, struct eph_error *reterr)
{
	struct strbuf line = STRBUF_INIT;
	struct os_step step;
	int r = fill_step(state, name, before, value, &step, reterr);

	if (r == 0 && !os_set_command(state, &step, &line))
		r = error_set(reterr, -EPERM, "setting", "%.80s%s: cannot be set by a command",
			      change_setting_name(name), change_setting_when(name));
	if (r == 0)
		r = host->remembers ? run_set_and_look(host, line.text, name, reterr)
				    : run_set(host, line.text, name, reterr);
	strbuf_done(&line);
	return r;
}

static int setting_write(struct runner *runner, const char *name, const char *value,
			 struct eph_error *reterr)
{
	struct os_host *host = host_of(runner);
	struct strbuf before = STRBUF_INIT;
	CLEANUP(freep) struct os_state *state = malloc(sizeof(*state));
	const struct os_reserved *list = NULL;
	const struct os_state *seen;
	const char *bare = name;
	bool boot = take_prefix(&bare);
	int r;

	/* Read first: only a setting that the system shows is set. */
	seen = state ? look(host, &r, reterr) : NULL;
	if (!state)
		r = error_set(reterr, -ENOMEM, "setting", "out of memory");
	if (seen) {
		*state = *seen;
		r = find_setting(host, state, name, &before, reterr);
		list = os_reserved_find(state, bare);
	}
	if (r == 0 && list)
		r = write_list(host, state, list, boot, value, reterr);
	else if (r == 0)
		r = write_value(host, state, name, before.text, value, reterr);
	if (!host->remembers)
		forget(host);
	strbuf_done(&before);
	return r;
}

/* A list is changed by several commands: in between are lists that have all that stays, and nothing that is not meant. */
static bool setting_is_between(const struct runner *runner, const char *name, const char *before,
			       const char *after, const char *now)
{
	const struct os_list *list = ((const struct os_host *)runner)->system->list;
	struct os_ports from, to, at;
	struct port_set some;

	take_prefix(&name);
	while (list && list->setting && strcmp(list->setting, name) != 0)
		list++;
	if (!list || !list->setting || os_ports_read(before, false, &from) < 0 ||
	    os_ports_read(after, false, &to) < 0 || os_ports_read(now, false, &at) < 0)
		return false;
	some = from.set;
	port_set_keep_set(&some, &to.set);
	port_set_remove_set(&some, &at.set);
	port_set_remove_set(&at.set, &from.set);
	port_set_remove_set(&at.set, &to.set);
	return !port_set_count(&some) && !port_set_count(&at.set);
}

/* Any of these commands may do half of what it was asked for, whatever the system is known for. */
const struct setting_ops os_host_settings = {
	.read = setting_read,
	.write = setting_write,
	.remember = setting_remember,
	.is_between = setting_is_between,
	.clamps = true,
};
