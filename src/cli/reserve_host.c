#include "reserve_host.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "look.h"
#include "range_remote.h"
#include "reserved.h"
#include "reserved_view.h"

static int check(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const others[] = {"listeners", "services", "dry-run", "no-persist",
					     "netns",     "replay",   "save"};

	if (arguments->n_operands > 1 ||
	    (arguments->n_operands && strcmp(arguments->operand[0], "show") != 0))
		return error_set(
			reterr, -EINVAL, "reserve",
			"--host goes with show alone: it tells the command that adds a port "
			"there");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (arguments_has(arguments, others[i]))
			return error_set(reterr, -EINVAL, "options",
					 "--host and --%s exclude each other", others[i]);
	return 0;
}

int reserve_host(const struct arguments *arguments, struct outcome *outcome,
		 struct eph_error *reterr)
{
	CLEANUP(freep) struct os_state *state = calloc(1, sizeof(*state));
	struct reserved_view view = {.state = state, .host = arguments_get(arguments, "host")};
	struct screen screen = look_screen();
	int r = check(arguments, reterr);

	if (r == 0 && !state)
		r = error_set(reterr, -ENOMEM, "reserve", "out of memory");
	if (r == 0)
		r = range_remote_state(view.host, arguments_get(arguments, "os"), state, reterr);
	if (r < 0)
		return r;
	view.name = state->system->name;
	view.title = state->system->title;
	for (size_t i = 0; i < state->reserveds; i++)
		view.command[i] = os_reserved_add_command(state->system, &state->reserved[i]);
	if (arguments_has(arguments, "json"))
		reserved_view_json(&view, &outcome->text);
	else
		reserved_view_text(&view, &screen, &outcome->text);
	return 0;
}
