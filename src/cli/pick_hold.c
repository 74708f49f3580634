#include "pick_hold.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "command_exec.h"
#include "error.h"
#include "socket_table.h"
#include "strbuf.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* First out of the way, then into place: none must be overwritten before it was moved. */
static int place_sockets(const struct pick_held *held, unsigned count)
{
	CLEANUP(freep) int *moved = calloc(count, sizeof(*moved));

	if (!moved)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		moved[i] = fcntl(held[i].fd, F_DUPFD_CLOEXEC, FIRST_FD + (int)count);
		if (moved[i] < 0)
			return -errno;
	}
	for (unsigned i = 0; i < count; i++)
		if (dup2(moved[i], FIRST_FD + (int)i) < 0)
			return -errno;
	return 0;
}

static int set_number(const char *name, unsigned number)
{
	struct strbuf text = STRBUF_INIT;
	int r;

	strbuf_printf(&text, "%u", number);
	r = text.failed ? -ENOMEM : setenv(name, text.text, 1);
	strbuf_done(&text);
	return r;
}

static int set_lists(const struct pick_held *held, unsigned count)
{
	struct strbuf names = STRBUF_INIT, ports = STRBUF_INIT;
	int r;

	for (unsigned i = 0; i < count; i++) {
		strbuf_printf(&names, "%s%s-%u", i ? ":" : "",
			      held[i].protocol == PROTOCOL_TCP ? "tcp" : "udp", held[i].port);
		/* A port that is held for both protocols has its sockets side by side. */
		if (i == 0 || held[i].port != held[i - 1].port)
			strbuf_printf(&ports, "%s%u", i ? " " : "", held[i].port);
	}
	r = names.failed || ports.failed || setenv("LISTEN_FDNAMES", names.text, 1) < 0 ||
	    setenv("EPHEMPORTS_PORTS", ports.text, 1) < 0;
	strbuf_done(&names);
	strbuf_done(&ports);
	return r ? -ENOMEM : 0;
}

static int set_environment(const struct pick_held *held, unsigned count)
{
	unsetenv("LISTEN_PIDFDID"); /* somebody else's */
	if (set_number("LISTEN_PID", (unsigned)getpid()) < 0 ||
	    set_number("LISTEN_FDS", count) < 0 || set_number("EPHEMPORTS_PORT", held[0].port) < 0)
		return -ENOMEM;
	return set_lists(held, count);
}

int pick_hold(const struct pick_held *held, unsigned count, const char *const *argv,
	      int *ret_status, struct eph_error *reterr)
{
	int r = set_environment(held, count);

	*ret_status = EXEC_STATUS_FAILED;
	if (r == 0)
		r = place_sockets(held, count);
	if (r < 0)
		return error_set(reterr, r, "pick", "cannot pass the sockets: %s", strerror(-r));
	return command_exec(argv, ret_status, reterr);
}
