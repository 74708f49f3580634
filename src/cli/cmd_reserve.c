#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "change_session.h"
#include "change_view.h"
#include "config_files.h"
#include "look.h"
#include "many_hosts.h"
#include "number.h"
#include "range_state.h"
#include "reserve_host.h"
#include "reserve_notes.h"
#include "reserve_ports.h"
#include "reserve_view.h"
#include "sysctl_change.h"
#include "text_sysctl.h"
#include "text_sysctl_conf.h"

#define RESERVED    "net.ipv4.ip_local_reserved_ports"
#define RANGE       "net.ipv4.ip_local_port_range"
#define COMMAND_MAX 4000u /* one write of the list takes no more, and no person types it */

static const struct option_spec options[] = {
	{"listeners", 0, NULL, "ports inside the range that services listen on now", NULL},
	{"services", 0, NULL, "ports inside the range that services are configured for", NULL},
	{"dry-run", 0, NULL, "say what would be done, and do nothing", NULL},
	{"no-persist", 0, NULL, "set the running value only; a reboot undoes it", NULL},
	MANY_HOSTS_OPTIONS("on another machine, by ssh; repeat it for several"),
	{"os", 0, "NAME", "with --host: the system that runs there", SYSTEM_WORDS},
	{NULL, 0, NULL, NULL, NULL},
};

enum verb {
	VERB_SHOW,
	VERB_ADD,
	VERB_REMOVE,
};

/* All that a run knows. */
struct reserving {
	enum verb verb;
	bool dry_run, persist;
	struct port_set asked; /* given by hand */
	struct port_set found; /* by --listeners and --services; those inside the range count */
	bool udp_hidden;
	struct port_set running, persisted;
	bool is_persisted;       /* a file sets the list */
	struct sysctl_line line; /* where */
	struct port_range range;
	struct file_list files;
	struct change *change;
	char *other;
	struct strbuf command;
	struct strbuf note[CHANGE_NOTES_MAX];
	unsigned notes;
};

static void reserving_done(struct reserving *reserving)
{
	for (unsigned i = 0; i < reserving->notes; i++)
		strbuf_done(&reserving->note[i]);
	strbuf_done(&reserving->command);
	free(reserving->other);
	change_free(reserving->change);
	file_list_done(&reserving->files);
}

static void note(struct reserving *reserving, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void note(struct reserving *reserving, const char *format, ...)
{
	struct strbuf *text = &reserving->note[reserving->notes];
	va_list arguments;

	if (reserving->notes == CHANGE_NOTES_MAX)
		return;
	reserving->notes++;
	*text = (struct strbuf)STRBUF_INIT;
	va_start(arguments, format);
	strbuf_vprintf(text, format, arguments);
	va_end(arguments);
}

/* --- the question ----------------------------------------------------------------------------------------------- */

static int parse_verb(const struct arguments *arguments, enum verb *ret, struct eph_error *reterr)
{
	static const char *const name[] = {"show", "add", "remove"};
	bool found = arguments_has(arguments, "listeners") || arguments_has(arguments, "services");
	const char *verb = arguments->n_operands ? arguments->operand[0] : found ? "add" : "show";

	for (unsigned i = 0; i < ARRAY_SIZE(name); i++)
		if (strcmp(verb, name[i]) == 0) {
			*ret = (enum verb)i;
			return 0;
		}
	return error_set(reterr, -EINVAL, "reserve", "'%.60s' is none of show, add, remove", verb);
}

static int parse(const struct arguments *arguments, struct reserving *reserving,
		 struct eph_error *reterr)
{
	bool found = arguments_has(arguments, "listeners") || arguments_has(arguments, "services");
	int r = parse_verb(arguments, &reserving->verb, reterr);

	if (r < 0)
		return r;
	reserving->dry_run = arguments_has(arguments, "dry-run");
	reserving->persist = !arguments_has(arguments, "no-persist");
	if (change_session_is_image(arguments) &&
	    (!reserving->persist || arguments_has(arguments, "listeners")))
		return error_set(reterr, -EINVAL, "image",
				 "--%s: the system below EPHEMPORTS_ROOT does not run; if it does, "
				 "name its network namespace: --netns",
				 reserving->persist ? "listeners" : "no-persist");
	if (reserving->verb == VERB_SHOW && (arguments->n_operands > 1 || found))
		return error_set(reterr, -EINVAL, "reserve", "'show' takes no ports");
	if (reserving->verb != VERB_SHOW && arguments->n_operands < 2 && !found)
		return error_set(reterr, -EINVAL, "reserve",
				 "which ports? as in: reserve %s 3306,8000-8010",
				 reserving->verb == VERB_ADD ? "add" : "remove");
	return reserve_ports_listed(arguments, 1, &reserving->asked, reterr);
}

/* --- what is ---------------------------------------------------------------------------------------------------- */

static int read_running(struct change_session *session, struct reserving *reserving,
			struct eph_error *reterr)
{
	struct runner *runner = &session->local.runner;
	struct strbuf text = STRBUF_INIT;
	int r = runner->settings->read(runner, RESERVED, &text, reterr);

	if (r == 0)
		r = port_set_parse(text.text, text.length, &reserving->running, reterr);
	strbuf_clear(&text);
	if (r == 0)
		r = runner->settings->read(runner, RANGE, &text, reterr);
	if (r == 0 && text_sysctl_range(text.text, text.length, &reserving->range) < 0)
		r = error_set(reterr, -EINVAL, "reserve", RANGE " is not understood");
	strbuf_done(&text);
	return r;
}

static int add_persisted(struct reserving *reserving, const struct sysctl_line *line,
			 struct eph_error *reterr)
{
	struct port_set ports;

	if (port_set_parse(line->value.start, line->value.length, &ports, NULL) < 0)
		return error_set(reterr, -EINVAL, "reserve",
				 "%.160s:%u sets no list of ports; correct that line first",
				 line->file->path, line->line);
	port_set_add_set(&reserving->persisted, &ports);
	if (!reserving->is_persisted)
		reserving->line = *line;
	reserving->is_persisted = true;
	return 0;
}

/* Each reader of the files may find another line: all that either gives counts. */
static int read_persisted(struct reserving *reserving, struct eph_error *reterr)
{
	struct sysctl_readers readers;
	struct sysctl_line line;
	int r = sysctl_files_read(&reserving->files, reterr);

	readers = sysctl_files_readers(&reserving->files, RESERVED);
	for (unsigned i = 0; r == 0 && i < readers.count; i++)
		if (text_sysctl_conf_find(&reserving->files, RESERVED, readers.reader[i], &line))
			r = add_persisted(reserving, &line, reterr);
	return r;
}

static int read_state(struct change_session *session, struct reserving *reserving,
		      struct eph_error *reterr)
{
	int r = session->image ? 0 : read_running(session, reserving, reterr);

	if (r == 0 && !session->foreign)
		r = read_persisted(reserving, reterr);
	if (r == 0 && session->image) {
		reserving->running = reserving->persisted;
		range_state_image(&reserving->files, &reserving->range);
	}
	return r;
}

/* --- what shall be ---------------------------------------------------------------------------------------------- */

/* Does each reader that finds a line find exactly @ports there, and none is left without? */
static bool is_kept(const struct reserving *reserving, const struct port_set *ports)
{
	struct sysctl_readers readers = sysctl_files_readers(&reserving->files, RESERVED);

	for (unsigned i = 0; i < readers.count; i++) {
		struct sysctl_line line;
		struct port_set set = {0};

		if (text_sysctl_conf_find(&reserving->files, RESERVED, readers.reader[i], &line) &&
		    port_set_parse(line.value.start, line.value.length, &set, NULL) < 0)
			return false;
		if (memcmp(&set, ports, sizeof(set)) != 0)
			return false;
	}
	return true;
}

static int plan_persisted(struct change_session *session, struct reserving *reserving,
			  const struct port_set *ports, struct eph_error *reterr)
{
	struct sysctl_readers readers = sysctl_files_readers(&reserving->files, RESERVED);
	struct strbuf value = STRBUF_INIT;
	int r;

	if (is_kept(reserving, ports))
		return 0;
	port_set_format(ports, &value);
	r = sysctl_change_add(reserving->change, &session->local.runner, &reserving->files,
			      &readers, RESERVED, value.length ? value.text : NULL,
			      &reserving->other, reterr);
	strbuf_done(&value);
	if (r == 0 && reserving->other)
		note(reserving,
		     "%s sets it too, and belongs to a package: it is left alone and overruled",
		     reserving->other);
	return r;
}

static int plan_running(struct reserving *reserving, const struct port_set *ports,
			struct eph_error *reterr)
{
	struct strbuf before = STRBUF_INIT, after = STRBUF_INIT;
	int r = 0;

	port_set_format(&reserving->running, &before);
	port_set_format(ports, &after);
	if (before.failed || after.failed)
		r = -ENOMEM;
	else if (strcmp(before.text, after.text) != 0)
		r = change_add_setting(reserving->change, RESERVED, before.text, after.text);
	if (r < 0)
		error_set(reterr, r, "reserve", "%s", strerror(-r));
	strbuf_done(&before);
	strbuf_done(&after);
	return r;
}

/* What is running is merged into what is kept, so nothing that is reserved now is lost at the next boot. */
static int plan(struct change_session *session, struct reserving *reserving,
		const struct port_set *ports, struct port_set *ret_running,
		struct eph_error *reterr)
{
	struct port_set persisted = reserving->persisted;
	int r = 0;

	*ret_running = reserving->running;
	if (reserving->verb == VERB_ADD) {
		port_set_add_set(ret_running, ports);
		port_set_add_set(&persisted, ret_running);
	} else {
		port_set_remove_set(ret_running, ports);
		port_set_remove_set(&persisted, ports);
	}
	reserving->change = change_new(&session->local.runner.place);
	if (!reserving->change)
		return error_set(reterr, -ENOMEM, "reserve", "out of memory");
	if (reserving->persist)
		r = plan_persisted(session, reserving, &persisted, reterr);
	if (r == 0 && session->image)
		note(reserving, "%s", change_session_image_note(reserving->change));
	else if (r == 0)
		r = plan_running(reserving, ret_running, reterr);
	return r;
}

/* --- what is worth a word --------------------------------------------------------------------------------------- */

static void note_all(struct reserving *reserving, const struct port_set *ports,
		     const struct port_set *running, const struct change_session *session)
{
	struct reserve_notes notes = {.notes = 0};

	if (session->foreign && reserving->persist)
		note(reserving,
		     "only the running value: no file of this host is about this network "
		     "namespace, so it is gone with the namespace");
	if (reserving->udp_hidden)
		note(reserving,
		     "UDP ports are left out: only BPF sees which of them were asked for; "
		     "try as root");
	if (reserving->persist && reserving->files.unreadable)
		note(reserving, "%s could not be read: what is set there is not known",
		     COUNTED(reserving->files.unreadable, "configuration file"));
	if (reserving->verb != VERB_ADD || !reserving->change->steps)
		return;
	reserve_notes_add(&notes, ports, &reserving->running, running, reserving->range, true);
	for (unsigned i = 0; i < notes.notes; i++)
		note(reserving, "%s", notes.note[i].text);
	reserve_notes_done(&notes);
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

static void show_change(const struct arguments *arguments, struct reserving *reserving,
			struct outcome *outcome)
{
	struct change_view view = {.change = reserving->change, .dry_run = reserving->dry_run};
	struct screen screen = look_screen();

	view.persisted = reserving->persist;
	for (unsigned i = 0; i < reserving->change->steps; i++) {
		const struct change_step *step = &reserving->change->step[i];

		if (step->path || strlen(step->after) > COMMAND_MAX)
			continue;
		strbuf_printf(&reserving->command, "sysctl -w %s=%s", step->setting,
			      *step->after ? step->after : "\"\"");
		view.command[i] = reserving->command.text;
	}
	for (unsigned i = 0; i < reserving->notes; i++)
		view.note[view.notes++] = reserving->note[i].text;
	if (arguments_has(arguments, "json"))
		change_view_json(&view, &outcome->text);
	else
		change_view_text(&view, &screen, &outcome->text);
}

static void show(const struct arguments *arguments, const struct reserving *reserving,
		 const struct change_session *session, struct outcome *outcome)
{
	struct reserve_view view = {
		.running = &reserving->running,
		.range = reserving->range,
		.foreign = session->foreign,
		.image = session->image,
		.persisted = &reserving->persisted,
	};
	struct screen screen = look_screen();

	if (reserving->is_persisted) {
		view.path = reserving->line.file->path;
		view.line = reserving->line.line;
	}
	if (arguments_has(arguments, "json"))
		reserve_view_json(&view, &outcome->text);
	else
		reserve_view_text(&view, &screen, &outcome->text);
}

static int change(const struct arguments *arguments, struct change_session *session,
		  struct reserving *reserving, struct outcome *outcome, struct eph_error *reterr)
{
	struct port_set ports = {0}, running;
	int r;

	port_set_add_range(&ports, reserving->range);
	port_set_keep_set(&ports, &reserving->found);
	port_set_add_set(&ports, &reserving->asked);
	reserving->persist &= !session->foreign;
	r = plan(session, reserving, &ports, &running, reterr);
	if (r < 0)
		return r;
	reserving->persist |= session->foreign && !arguments_has(arguments, "no-persist");
	note_all(reserving, &ports, &running, session);
	reserving->persist &= !session->foreign;
	if (!reserving->dry_run)
		r = change_apply(&session->run, reserving->change, reterr);
	outcome->changed = r == 0 && !reserving->dry_run && reserving->change->steps;
	if (r == 0)
		show_change(arguments, reserving, outcome);
	return r;
}

/* Sockets are looked at before the namespace is entered: observing enters it by itself. */
static int find_ports(const struct arguments *arguments, struct reserving *reserving,
		      struct eph_error *reterr)
{
	int r = 0;

	if (arguments_has(arguments, "listeners"))
		r = reserve_ports_listeners(arguments, &reserving->found, &reserving->udp_hidden,
					    reterr);
	if (r == 0 && arguments_has(arguments, "services"))
		r = reserve_ports_services(&reserving->found, reterr);
	return r;
}

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	struct reserving reserving = {.command = STRBUF_INIT};
	struct change_session session;
	bool reads;
	int r;

	if (many_hosts_asked(arguments))
		return reserve_host(arguments, outcome, reterr);
	if (arguments_has(arguments, "os") || arguments_has(arguments, "parallel"))
		return error_set(reterr, -EINVAL, "options", "--%s needs --host",
				 arguments_has(arguments, "os") ? "os" : "parallel");
	r = parse(arguments, &reserving, reterr);

	if (r < 0)
		return r;
	reads = reserving.verb == VERB_SHOW || reserving.dry_run;
	r = change_session_check(arguments, reterr);
	if (r == 0)
		r = find_ports(arguments, &reserving, reterr);
	if (r < 0)
		return r;
	r = change_session_open(arguments, !reads, &session, reterr);
	if (r == 0)
		r = read_state(&session, &reserving, reterr);
	if (r == 0 && reserving.verb == VERB_SHOW)
		show(arguments, &reserving, &session, outcome);
	else if (r == 0)
		r = change(arguments, &session, &reserving, outcome, reterr);
	change_session_close(&session);
	reserving_done(&reserving);
	return r;
}

const struct command cmd_reserve = {
	.name = "reserve",
	.summary = "keep ports out of automatic choice, now and after a reboot",
	.operands = "show | add PORTS | remove PORTS",
	.details =
		"An outgoing connection is then never given such a port; a program that asks for "
		"it by "
		"number still gets it. PORTS as in 3306,8000-8010, or --listeners, or --services. "
		"Entries "
		"of others stay. ephemports range undo takes it back. Exit status 0; 3 when it was "
		"refused and nothing changed.",
	.words = "show add remove",
	.options = options,
	.operands_max = 64,
	.run = run,
};
