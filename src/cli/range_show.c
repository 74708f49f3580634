#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "change_view.h"
#include "look.h"
#include "range.h"
#include "range_remote.h"
#include "range_state.h"
#include "range_view.h"
#include "range_waiting.h"
#include "reserve_ports.h"

/* All that a run knows. */
struct showing {
	struct os_state *state;
	struct file_list files;
	struct port_set listeners;
	char host[256];
	char how[CHANGE_PATH_BYTES];
	struct strbuf waiting; /* what is not confirmed */
	struct strbuf options; /* with which a command acts where was looked */
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
	bool image = change_session_is_image(arguments);
	int listened =
		image ? 0 : reserve_ports_listeners(arguments, &showing->listeners, &hidden, NULL);
	int r = change_session_open(arguments, false, &session, reterr);

	if (r == 0)
		r = range_state_local(&session, &showing->files,
				      listened < 0 || image ? NULL : &showing->listeners,
				      showing->state, reterr);
	if (r == 0 && session.foreign)
		note(showing, "What the next boot brings: not known, files of this host are not "
			      "about this network namespace.");
	if (r == 0 && !image)
		range_waiting_here(&session, &showing->waiting);
	if (r == 0)
		change_view_place(&session.local.runner.place, &showing->options);
	if (listened < 0)
		note(showing, "Services that listen inside: not known, the sockets could not be "
			      "read.");
	if (image) {
		snprintf(showing->how, sizeof(showing->how), "%s", session.local.runner.place.root);
		showing->view.image = showing->how;
	}
	if (r == 0 && image && !showing->state->range[0].known)
		note(showing,
		     "What it boots with cannot be told: the line that sets it is no range.");
	change_session_close(&session);
	if (image)
		return r;
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
	struct range_remote remote;
	int r = range_remote_open(arguments, showing->host, false, &remote, reterr);

	showing->view.how = "over ssh";
	if (r == 0)
		range_remote_listen(&remote);
	if (r == 0 && !remote.listened)
		note(showing, "Services that listen inside: not known, the sockets over there "
			      "could not be read.");
	if (r == 0)
		r = range_remote_ranges(&remote, showing->state, reterr);
	if (r == 0)
		range_waiting_there(showing->host, &showing->waiting);
	range_remote_close(&remote);
	return r;
}

static int read_ranges(const struct arguments *arguments, struct showing *showing,
		       struct eph_error *reterr)
{
	if (*showing->host)
		return read_remote(arguments, showing, reterr);
	if (arguments_get(arguments, "text"))
		return read_text(arguments, showing, reterr);
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

	if (showing->waiting.length)
		note(showing, showing->waiting.text);
	view->options = showing->options.length ? showing->options.text : NULL;
	if (showing->state->system->flags & OS_REBOOT)
		note(showing,
		     "What is kept was read: it counts after a reboot, so what runs may still "
		     "be what was kept before.");
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

/* The first regular range, and whether all are like it; with what is expected, how it lies to that. */
static void fill_row(const struct showing *showing, struct host_row *row)
{
	static const char *const words[] = {
		[RANGE_FITS] = ", exactly the expected",
		[RANGE_INSIDE] = ", narrower: inside of the expected",
		[RANGE_WIDER] = ", wider than the expected",
		[RANGE_BESIDE] = ", not inside of the expected",
	};
	const struct os_range *found = NULL;
	enum range_fit fit = RANGE_FITS;
	bool same = true;

	for (size_t i = 0; i < showing->state->ranges; i++) {
		const struct os_range *range = &showing->state->range[i];
		enum range_fit own = range_fit_of(range->now, showing->view.expected);

		if (range->spec->name != OS_REGULAR || !range->known)
			continue;
		same &= !found ||
			(found->now.lo == range->now.lo && found->now.hi == range->now.hi);
		fit = own > fit ? own : fit;
		found = found ? found : range;
	}
	snprintf(row->text, sizeof(row->text), "%s %.20s  ", showing->state->system->title,
		 showing->state->release);
	if (found)
		snprintf(row->text + strlen(row->text), 100, "%u-%u%s%s", found->now.lo,
			 found->now.hi, same ? "" : " (they differ)",
			 showing->view.expects ? words[fit] : "");
}

static int show_one(const struct arguments *arguments, const char *host, struct host_row *row,
		    struct outcome *outcome, struct eph_error *reterr)
{
	const char *expected = arguments_get(arguments, "expect");
	struct showing showing = {.state = calloc(1, sizeof(struct os_state)),
				  .waiting = STRBUF_INIT,
				  .options = STRBUF_INIT};
	int r = 0;

	snprintf(showing.host, sizeof(showing.host), "%s", host);
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
	if (r == 0 && row)
		fill_row(&showing, row);
	strbuf_done(&showing.waiting);
	strbuf_done(&showing.options);
	file_list_done(&showing.files);
	free(showing.state);
	return r;
}

int range_show(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	return show_one(arguments, "", NULL, outcome, reterr);
}

int range_remote_show(const struct arguments *arguments, const char *host, struct host_row *row,
		      struct outcome *outcome, struct eph_error *reterr)
{
	return show_one(arguments, host, row, outcome, reterr);
}
