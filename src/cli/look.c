#include "look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "parse.h"

#define CELLS_MAX 1000u

static int both(const char *a, const char *b, struct eph_error *reterr)
{
	return error_set(reterr, -EINVAL, "options", "--%s and --%s exclude each other", a, b);
}

static int empty_value(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const names[] = {"netns", "save", "replay", "collector", "output"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = arguments_get(arguments, names[i]);

		if (value && !*value)
			return error_set(reterr, -EINVAL, "options",
					 "--%s needs a value that is not empty", names[i]);
	}
	return 0;
}

int look_options(const struct arguments *arguments, struct observe_options *ret,
		 struct eph_error *reterr)
{
	bool tcp = arguments_has(arguments, "tcp"), udp = arguments_has(arguments, "udp");
	bool v4 = arguments_has(arguments, "ipv4"), v6 = arguments_has(arguments, "ipv6");
	int r = empty_value(arguments, reterr);

	if (r < 0)
		return r;
	*ret = (struct observe_options){
		.netns = arguments_get(arguments, "netns"),
		.all_netns = arguments_has(arguments, "all-netns"),
		.collector = arguments_get(arguments, "collector"),
		.save = arguments_get(arguments, "save"),
		.replay = arguments_get(arguments, "replay"),
		.probe = arguments_has(arguments, "probe"),
		.what = {.tcp = tcp || !udp, .udp = udp || !tcp, .v4 = v4 || !v6, .v6 = v6 || !v4},
	};
	if (ret->netns && ret->all_netns)
		return both("netns", "all-netns", reterr);
	if (ret->replay && ret->save)
		return both("replay", "save", reterr);
	if (ret->replay && ret->collector)
		return both("replay", "collector", reterr);
	if (ret->replay && ret->probe)
		return both("replay", "probe", reterr);
	if (ret->collector && strcmp(ret->collector, "bpf") != 0 &&
	    strcmp(ret->collector, "netlink") != 0 && strcmp(ret->collector, "procfs") != 0)
		return error_set(reterr, -EINVAL, "--collector",
				 "'%.40s' is not one: expected bpf, netlink or procfs",
				 ret->collector);
	return 0;
}

static unsigned cells_from(const char *variable)
{
	const char *text = getenv(variable);
	uint64_t cells;

	return text && parse_uint(text, strlen(text), CELLS_MAX, &cells) == 0 ? (unsigned)cells : 0;
}

struct screen look_screen(void)
{
	struct screen screen = {.width = cells_from("COLUMNS"), .height = cells_from("LINES")};
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO);
	struct winsize size;

	if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
		if (size.ws_col)
			screen.width = size.ws_col;
		if (size.ws_row)
			screen.height = size.ws_row;
	}
	if (terminal && !screen.width)
		screen.width = 80;
	if (terminal && !screen.height)
		screen.height = 24;
	screen.colour = terminal && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	return screen;
}

int look_count(const char *text, const char *name, uint64_t max, uint64_t *ret,
	       struct eph_error *reterr)
{
	if (parse_uint(text, strlen(text), max, ret) < 0)
		return error_set(reterr, -EINVAL, name, "'%.40s' is not a count: expected 0-%llu",
				 text, (unsigned long long)max);
	return 0;
}

int look_positive(const char *text, const char *name, uint64_t max, uint64_t *ret,
		  struct eph_error *reterr)
{
	if (parse_uint(text, strlen(text), max, ret) < 0 || !*ret)
		return error_set(reterr, -EINVAL, name, "'%.40s' is not a count: expected 1-%llu",
				 text, (unsigned long long)max);
	return 0;
}
