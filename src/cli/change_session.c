#include "change_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config_files.h"
#include "config_root.h"
#include "netns.h"
#include "printable.h"
#include "snapshot.h"

int change_session_check(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const senseless[] = {"all-netns", "ipv4",   "ipv6",
						"save",      "replay", NULL};

	for (unsigned i = 0; senseless[i]; i++)
		if (arguments_has(arguments, senseless[i]))
			return error_set(reterr, -EINVAL, "options", "--%s has no meaning for '%s'",
					 senseless[i], arguments->command->name);
	return 0;
}

/* With EPHEMPORTS_ROOT files are about whatever its owner says. Without, they are about the namespace of the host; and a
 * container has files of its own, but nobody applies them. */
static bool is_foreign(bool entered)
{
	return !config_root_given() && (entered || netns_is_foreign() || netns_is_container());
}

bool change_session_is_image(const struct arguments *arguments)
{
	return config_root_given() && !arguments_has(arguments, "netns");
}

const char *change_session_image_note(const struct change *planned)
{
	bool read = sysctl_files_by_systemd() || config_root_has("/etc/sysctl.d");

	for (unsigned i = 0; i < planned->steps; i++)
		read |= planned->step[i].path &&
			strcmp(planned->step[i].path, "/etc/sysctl.conf") == 0;
	return read || !planned->steps ? "this is an image: only its files change, no running value"
				       : "this is an image: only its files change, no running "
					 "value; it has neither "
					 "systemd nor a directory /etc/sysctl.d: where its boot "
					 "reads /etc/sysctl.conf "
					 "alone, put the line there too";
}

static int enter(const char *name, struct change_session *session, struct eph_error *reterr)
{
	struct snapshot *snapshot = name ? snapshot_new() : NULL;
	struct stat own = {.st_ino = 0}, now = {.st_ino = 0};
	int r = 0;

	if (name && !snapshot)
		return error_set(reterr, -ENOMEM, "netns", "out of memory");
	stat("/proc/thread-self/ns/net", &own);
	if (name) {
		r = netns_open(snapshot, name, reterr);
		if (r == 0)
			r = netns_enter(snapshot->netns[0].fd, &session->back);
		session->entered = r == 0;
	}
	snapshot_free(snapshot);
	stat("/proc/thread-self/ns/net", &now);
	session->elsewhere = own.st_ino != now.st_ino;
	session->foreign = is_foreign(session->elsewhere);
	return r;
}

/* As the journal calls the namespace. One that the command runs in without its being the host's has no name. */
static const char *netns_name(const struct change_session *session, const char *name,
			      char unnamed[64])
{
	struct stat now;

	/* Below EPHEMPORTS_ROOT the name tells that the system there runs. */
	if (name && (session->elsewhere || config_root_given()))
		return name;
	if (!session->foreign)
		return "";
	if (stat("/proc/thread-self/ns/net", &now) < 0)
		now.st_ino = 0;
	snprintf(unnamed, 64, CHANGE_NETNS_INODE "%llu]", (unsigned long long)now.st_ino);
	return unnamed;
}

/* Say what was settled, on standard error. */
static void tell_settled(const struct strbuf *recovered)
{
	struct strbuf line = STRBUF_INIT;

	for (const char *c = recovered->text;; c++) {
		if (*c && *c != '\n') {
			strbuf_putc(&line, *c);
			continue;
		}
		if (line.length) {
			struct strbuf shown = STRBUF_INIT;

			printable_puts(&shown, line.text);
			fprintf(stderr, "ephemports: journal: %s\n", shown.text);
			strbuf_done(&shown);
		}
		strbuf_clear(&line);
		if (!*c)
			break;
	}
	strbuf_done(&line);
}

int change_session_open(const struct arguments *arguments, bool changes, struct change_session *ret,
			struct eph_error *reterr)
{
	const char *name = arguments_get(arguments, "netns");
	char unnamed[64];
	int r = change_session_check(arguments, reterr);

	*ret = (struct change_session){.local = {.root_fd = -1}, .recovered = STRBUF_INIT};
	if (r == 0)
		r = enter(name, ret, reterr);
	if (r == 0)
		r = local_runner_init(&ret->local, netns_name(ret, name, unnamed), reterr);
	if (r == 0 && changes)
		r = journal_open(JOURNAL_WRITE, &ret->journal, reterr);
	if (r == 0 && change_session_is_image(arguments)) {
		ret->image = true;
		local_runner_image(&ret->local);
	}
	ret->run = (struct change_run){.runner = &ret->local.runner, .journal = ret->journal};
	if (r == 0 && changes) {
		r = change_recover(&ret->run, &ret->recovered, reterr);
		tell_settled(&ret->recovered);
	}
	return r;
}

void change_session_close(struct change_session *session)
{
	journal_close(session->journal);
	local_runner_done(&session->local);
	strbuf_done(&session->recovered);
	if (session->entered)
		netns_leave(&session->back);
}
