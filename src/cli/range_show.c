#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "look.h"
#include "range.h"
#include "range_remote.h"
#include "range_state.h"
#include "range_view.h"
#include "reserve_ports.h"

/* All that a run knows. */
struct showing {
	struct os_state *state;
	struct file_list files;
	struct port_set listeners;
	char host[256];
	char how[280];
	struct range_view view;
};

static void note(struct showing *showing, const char *text)
{
	if (showing->view.notes < RANGE_NOTES_MAX)
		showing->view.note[showing->view.notes++] = text;
}

static int read_local(const struct arguments *arguments, struct showing *showing,
		      struct eph_error *reterr)
{
	struct change_session session;
	bool hidden = false;
	/* Sockets are looked at before the namespace is entered: observing enters it by itself. That they could not be
	 * seen is no reason to hide the range. */
	int listened = reserve_ports_listeners(arguments, &showing->listeners, &hidden, NULL);
	int r = change_session_open(arguments, false, &session, reterr);

	if (r == 0)
		r = range_state_local(&session, &showing->files,
				      listened < 0 ? NULL : &showing->listeners, showing->state,
				      reterr);
	if (r == 0 && session.foreign)
		note(showing, "What the next boot brings: not known, files of this host are not "
			      "about this network namespace.");
	if (listened < 0)
		note(showing, "Services that listen inside: not known, the sockets could not be "
			      "read.");
	change_session_close(&session);
	if (arguments_get(arguments, "netns"))
		snprintf(showing->host, sizeof(showing->host), "netns %s",
			 arguments_get(arguments, "netns"));
	else if (gethostname(showing->host, sizeof(showing->host) - 1) < 0)
		*showing->host = '\0';
	return r;
}

static int read_text(const struct arguments *arguments, struct showing *showing,
		     struct eph_error *reterr)
{
	const char *os = arguments_get(arguments, "os"), *path = arguments_get(arguments, "text");

	if (!os)
		return error_set(reterr, -EINVAL, "range",
				 "--text needs --os: which system printed it?");
	snprintf(showing->how, sizeof(showing->how), "as saved in %s",
		 strcmp(path, "-") == 0 ? "standard input" : path);
	showing->view.how = showing->how;
	return range_state_text(os, path, showing->state, reterr);
}

static int read_remote(const struct arguments *arguments, struct showing *showing,
		       struct eph_error *reterr)
{
	const char *host = arguments_get(arguments, "host");
	unsigned hosts = 0;
	int r;

	for (unsigned i = 0; i < arguments->n_options; i++)
		hosts += strcmp(arguments->option[i]->name, "host") == 0;
	if (hosts > 1)
		return error_set(reterr, -EINVAL, "range", "one --host at a time");
	if (arguments_get(arguments, "netns") || arguments_get(arguments, "text"))
		return error_set(reterr, -EINVAL, "range",
				 "--host cannot go with --netns or --text");
	snprintf(showing->host, sizeof(showing->host), "%s", host);
	showing->view.how = "over ssh";
	note(showing, "Services that listen inside: nobody looked over there.");
	r = range_remote_state(host, arguments_get(arguments, "os"), showing->state, reterr);
	if (r == 0 && strcmp(showing->state->system->name, "linux") == 0)
		note(showing, "What the next boot brings: not known, sysctl files of another "
			      "Linux are not read yet.");
	return r;
}

static int read_ranges(const struct arguments *arguments, struct showing *showing,
		       struct eph_error *reterr)
{
	if (arguments_get(arguments, "host"))
		return read_remote(arguments, showing, reterr);
	if (arguments_get(arguments, "text"))
		return read_text(arguments, showing, reterr);
	if (arguments_get(arguments, "os"))
		return error_set(reterr, -EINVAL, "range",
				 "--os needs --text or --host: this system is known");
	return read_local(arguments, showing, reterr);
}

/* Ranges that --name does not speak of are as if they were not there. */
static int choose(const char *name, struct os_state *state, struct eph_error *reterr)
{
	static const char *const word[] = {"regular", "high", "low"};
	size_t wanted = 0, left = 0;

	if (!name)
		return 0;
	while (wanted < ARRAY_SIZE(word) && strcmp(word[wanted], name) != 0)
		wanted++;
	if (wanted == ARRAY_SIZE(word))
		return error_set(reterr, -EINVAL, "range", "'%.40s' is none of regular, high, low",
				 name);
	for (size_t i = 0; i < state->ranges; i++)
		if (state->range[i].spec->name == (enum os_range_name)wanted)
			state->range[left++] = state->range[i];
	state->ranges = left;
	return left ? 0
		    : error_set(reterr, -ENOENT, "range", "%s has no %s range",
				state->system->title, name);
}

static void show(const struct arguments *arguments, struct showing *showing,
		 struct outcome *outcome)
{
	struct screen screen = look_screen();
	struct range_view *view = &showing->view;

	view->state = showing->state;
	view->name = showing->state->system->name;
	view->title = showing->state->system->title;
	view->because = showing->state->system->because;
	view->host = showing->host;
	outcome->status = range_view_status(view);
	if (arguments_has(arguments, "json"))
		range_view_json(view, &outcome->text);
	else
		range_view_text(view, &screen, &outcome->text);
}

int range_show(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	const char *expected = arguments_get(arguments, "expect");
	struct showing showing = {.state = calloc(1, sizeof(struct os_state))};
	int r = 0;

	if (!showing.state)
		return error_set(reterr, -ENOMEM, "range", "out of memory");
	if (expected) {
		showing.view.expects = true;
		r = port_range_parse(expected, &showing.view.expected, reterr);
	}
	if (r == 0)
		r = read_ranges(arguments, &showing, reterr);
	if (r == 0)
		r = choose(arguments_get(arguments, "name"), showing.state, reterr);
	if (r == 0)
		show(arguments, &showing, outcome);
	file_list_done(&showing.files);
	free(showing.state);
	return r;
}
