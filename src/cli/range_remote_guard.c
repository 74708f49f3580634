#include "range_remote_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
#include "parse.h"

#define PROCESS_HEAD "ephemports-guard "

/* Every step of the running system backwards, each by its command. */
static int put_undo(const struct host_change *change, struct strbuf *out, struct eph_error *reterr)
{
	struct os_plan back;

	os_plan_reverse(&change->plan, &back);
	for (size_t i = 0; i < back.steps; i++) {
		strbuf_puts(out, "; ");
		if (!os_set_command(&change->state, &back.step[i], out))
			return error_set(reterr, -EOPNOTSUPP, "range",
					 "%s has no command that takes %s back",
					 change->state.system->title, back.step[i].setting);
	}
	return 0;
}

int range_waiting_check(const struct range_remote *remote, struct eph_error *reterr)
{
	const struct os_system *system = remote->host.system;

	if (remote->host.runner.cmd_exe)
		return error_set(reterr, -EOPNOTSUPP, "range",
				 "--confirm-within cannot be had on %s: cmd.exe leaves no process "
				 "behind that could take the range back",
				 system->title);
	if (system->flags & OS_REBOOT)
		return error_set(reterr, -EOPNOTSUPP, "range",
				 "--confirm-within cannot be had on %s: a change shows only after "
				 "a reboot",
				 system->title);
	return 0;
}

int range_waiting_arm(struct range_remote *remote, const struct host_change *change,
		      unsigned seconds, struct range_waiting *ret, struct eph_error *reterr)
{
	struct runner *runner = &remote->host.runner;
	struct strbuf guard = STRBUF_INIT, line = STRBUF_INIT;
	struct runner_output output;
	uint64_t process;
	int r = range_waiting_check(remote, reterr);

	runner_output_init(&output);
	/* As nohup(1) would have it. It names itself, and then holds none of ssh's descriptors. */
	strbuf_printf(&guard,
		      "trap \"\" 1; echo \"" PROCESS_HEAD "$$\"; exec >/dev/null 2>&1; sleep %u",
		      seconds);
	if (r == 0)
		r = put_undo(change, &guard, reterr);
	strbuf_puts(&line, "/bin/sh -c ");
	if (r == 0)
		r = ssh_quote_word(guard.text, &line);
	strbuf_puts(&line, " </dev/null 2>/dev/null &");
	if (r == 0)
		r = runner->ops->line(runner, line.text, &output, reterr);
	if (r == 0 && (strncmp(output.text.text, PROCESS_HEAD, sizeof(PROCESS_HEAD) - 1) != 0 ||
		       parse_uint(output.text.text + sizeof(PROCESS_HEAD) - 1,
				  strcspn(output.text.text + sizeof(PROCESS_HEAD) - 1, "\r\n"),
				  INT32_MAX, &process) < 0 ||
		       process < 2))
		r = error_set(reterr, -EPROTO, "range", "%.80s: the guard could not be started",
			      runner->place.host);
	if (r == 0)
		ret->process = process;
	strbuf_done(&line);
	strbuf_done(&guard);
	runner_output_done(&output);
	return r;
}

int range_waiting_disarm(struct range_remote *remote, const struct range_waiting *waiting,
			 struct eph_error *reterr)
{
	struct runner *runner = &remote->host.runner;
	struct runner_output output;
	char line[48];
	int r;

	snprintf(line, sizeof(line), "kill %llu", waiting->process);
	r = runner->ops->line(runner, line, &output, reterr);
	if (r == 0 && output.status)
		r = error_set(reterr, -ESRCH, "confirm",
			      "%.80s: the guard is gone, and has taken the range back",
			      runner->place.host);
	runner_output_done(&output);
	return r;
}

/* A file for each host, by the digest of its name: names of hosts hold bytes that names of files should not. */
static void path_of(const struct range_remote *remote, char *ret, size_t bytes)
{
	const char *host = remote->host.runner.place.host;
	char digest[DIGEST_TEXT_BYTES];

	digest_bytes(host, strlen(host), digest);
	snprintf(ret, bytes, "%s/pending-%.16s", journal_path(remote->journal), digest);
}

int range_waiting_write(const struct range_remote *remote, const struct range_waiting *waiting,
			struct eph_error *reterr)
{
	char path[4200], text[128];
	int length = snprintf(text, sizeof(text), "%s %u %u %u %llu\n", waiting->id,
			      (unsigned)waiting->name, waiting->range.lo, waiting->range.hi,
			      waiting->process);
	CLEANUP(fd_closep) int fd = -1;

	path_of(remote, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length || fsync(fd) < 0)
		return error_set(reterr, -EIO, "range", "%.200s: cannot be written", path);
	return 0;
}

int range_waiting_read(const struct range_remote *remote, struct range_waiting *ret,
		       struct eph_error *reterr)
{
	char path[4200], text[128], low[8], high[8];
	CLEANUP(fd_closep) int fd = -1;
	unsigned name;
	ssize_t got;

	path_of(remote, path, sizeof(path));
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	text[got > 0 ? got : 0] = '\0';
	if (sscanf(text, "%23s %1u %7s %7s %18llu", ret->id, &name, low, high, &ret->process) !=
		    5 ||
	    name > OS_LOW || ret->process < 2 || parse_port(low, &ret->range.lo) < 0 ||
	    parse_port(high, &ret->range.hi) < 0)
		return error_set(reterr, -ENOENT, "confirm",
				 "%.80s: nothing waits for confirmation there",
				 remote->host.runner.place.host);
	ret->name = (enum os_range_name)name;
	return 0;
}

void range_waiting_remove(const struct range_remote *remote)
{
	char path[4200];

	path_of(remote, path, sizeof(path));
	unlink(path);
}
