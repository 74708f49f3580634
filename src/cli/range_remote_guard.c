#include "range_remote_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
#include "parse.h"

#define PROCESS_HEAD "ephemports-guard "
#define PATH_BYTES   4200u

/* Root's own, on every system one of them can be written; what a reboot leaves in them decides nothing. */
#define FOR_EACH_PLACE "for d in /var/run /var/adm /etc; do g=$d/.ephemports-%s; "

/* Exit statuses of the lines below. */
#define WAITS      10
#define KILLED     11
#define GONE       12
#define NOT_PLACED 13
#define STUCK      14

/* After so many seconds more than it had, whatever has the number of its process is another one. */
#define LATE_S 60

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

	if (remote->host.runner.cmd_exe ||
	    (system->flags & OS_CMD_EXE && !(system->flags & OS_REBOOT)))
		return error_set(
			reterr, -EOPNOTSUPP, "range",
			"--confirm-within cannot be had on %s: its shells leave no process "
			"behind that could take the range back",
			system->title);
	if (system->flags & OS_REBOOT)
		return error_set(reterr, -EOPNOTSUPP, "range",
				 "--confirm-within cannot be had on %s: a change shows only after "
				 "a reboot",
				 system->title);
	return 0;
}

/* --- the file here ----------------------------------------------------------------------------------------------- */

/* A file for each host, by the digest of its name: names of hosts hold bytes that names of files should not. */
static void path_of(const char *directory, const char *host, char ret[PATH_BYTES])
{
	char name[RANGE_REMOTE_KEY_BYTES] = "", digest[DIGEST_TEXT_BYTES];

	range_remote_key(host, name);
	digest_bytes(name, strlen(name), digest);
	snprintf(ret, PATH_BYTES, "%s/pending-%.16s", directory, digest);
}

static int write_file(const struct range_remote *remote, const struct range_waiting *waiting,
		      struct eph_error *reterr)
{
	const char *host = remote->host.runner.place.host;
	char path[PATH_BYTES], text[192];
	int length = snprintf(
		text, sizeof(text), "%s %u %u %u %u %llu %s %" PRId64 " %" PRId64 "\n", waiting->id,
		(unsigned)waiting->name, waiting->protocols, waiting->range.lo, waiting->range.hi,
		waiting->process, waiting->token, waiting->armed_s, waiting->until_s);
	CLEANUP(fd_closep) int fd = -1;

	path_of(journal_path(remote->journal), host, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)length) != length || fsync(fd) < 0)
		return error_set(reterr, -EIO, "range", "%.200s: cannot be written: %s", path,
				 strerror(errno));
	return 0;
}

static bool parse(const char *text, struct range_waiting *ret)
{
	char low[8], high[8];
	unsigned name;

	if (sscanf(text, "%23s %1u %2u %7s %7s %18llu %16s %18" SCNd64 " %18" SCNd64, ret->id,
		   &name, &ret->protocols, low, high, &ret->process, ret->token, &ret->armed_s,
		   &ret->until_s) != 9)
		return false;
	ret->name = (enum os_range_name)name;
	return name <= OS_LOW && ret->process != 1 && ret->process <= INT32_MAX &&
	       parse_port(low, &ret->range.lo) == 0 && parse_port(high, &ret->range.hi) == 0 &&
	       strspn(ret->token, "0123456789abcdef") == sizeof(ret->token) - 1;
}

int range_waiting_read(const char *directory, const char *host, struct range_waiting *ret,
		       struct eph_error *reterr)
{
	char path[PATH_BYTES], text[192];
	CLEANUP(fd_closep) int fd = -1;
	ssize_t got;

	path_of(directory, host, path);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	got = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
	text[got > 0 ? got : 0] = '\0';
	return parse(text, ret) ? 0
				: error_set(reterr, -ENOENT, "confirm",
					    "%.80s: nothing waits for confirmation there", host);
}

void range_waiting_remove(const struct range_remote *remote)
{
	char path[PATH_BYTES];

	path_of(journal_path(remote->journal), remote->host.runner.place.host, path);
	unlink(path);
}

void range_waiting_name(const struct range_remote *remote, struct range_waiting *waiting,
			const char *id)
{
	snprintf(waiting->id, sizeof(waiting->id), "%s", id);
	write_file(remote, waiting, NULL);
}

struct change *range_waiting_change(const struct range_waiting *waiting, const char *host,
				    const struct change_list *list)
{
	bool told = strcmp(waiting->id, "-") != 0;

	for (size_t i = list->count; i-- > 0;) {
		struct change *change = list->change[i];

		if (told ? strcmp(change->id, waiting->id) != 0
			 : strcmp(change->place.host, host) != 0 ||
				    change->time_s < waiting->armed_s)
			continue;
		return change->state == CHANGE_DONE && !change_persists(change) ? change : NULL;
	}
	return NULL;
}

/* --- the guard over there ---------------------------------------------------------------------------------------- */

/* It names itself, and then becomes "$2" with none of ssh's descriptors: some ksh keep copies of those that a mere exec
 * redirects, and ssh would wait for them. As nohup(1) would have it. */
#define GUARD                                                                                      \
	"'trap \"\" 1; echo \"" PROCESS_HEAD "$$\"; "                                              \
	"exec /bin/sh -c \"$2\" ephemports-guard $1 >/dev/null 2>&1' ephemports-guard $g "

/* While nothing is decided "$1" is there, once it was told not to act "$1.ok" is. */
static int put_guard(const struct host_change *change, unsigned seconds, struct strbuf *out,
		     struct eph_error *reterr)
{
	strbuf_printf(out, "sleep %u; rmdir $1; if rmdir $1.ok; then exit 0; fi", seconds);
	return put_undo(change, out, reterr);
}

static int put_arm_line(const struct host_change *change, unsigned seconds, const char *token,
			struct strbuf *out, struct eph_error *reterr)
{
	struct strbuf guard = STRBUF_INIT;
	int r = put_guard(change, seconds, &guard, reterr);

	strbuf_printf(out, FOR_EACH_PLACE "if mkdir $g 2>/dev/null; then /bin/sh -c " GUARD, token);
	if (r == 0 && ssh_quote_word(guard.text, out) < 0)
		r = error_set(reterr, -EINVAL, "range", "no guard can be had for this change");
	strbuf_printf(out, " </dev/null 2>/dev/null & exit 0; fi; done; exit %d", NOT_PLACED);
	strbuf_done(&guard);
	return r;
}

static int take_process(const struct range_remote *remote, const struct runner_output *output,
			struct range_waiting *ret, struct eph_error *reterr)
{
	const char *host = remote->host.runner.place.host, *text = output->text.text;
	size_t head = sizeof(PROCESS_HEAD) - 1;
	uint64_t process;

	if (output->status == NOT_PLACED)
		return error_set(reterr, -EROFS, "range",
				 "%.80s: no guard can be had, neither /var/run nor /var/adm nor "
				 "/etc takes a directory: nothing was set",
				 host);
	if (strncmp(text, PROCESS_HEAD, head) != 0 ||
	    parse_uint(text + head, strcspn(text + head, "\r\n"), INT32_MAX, &process) < 0 ||
	    process < 2)
		return error_set(reterr, -EPROTO, "range",
				 "%.80s: the guard did not start: its number was expected, not "
				 "'%.60s': nothing was set",
				 host, text);
	ret->process = process;
	return 0;
}

static int make_token(char token[17], struct eph_error *reterr)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return error_set(reterr, -errno, "range", "no random number: %s", strerror(errno));
	snprintf(token, 17, "%016" PRIx64, number);
	return 0;
}

int range_waiting_arm(struct range_remote *remote, const struct host_change *change,
		      unsigned seconds, struct range_waiting *ret, struct eph_error *reterr)
{
	struct runner *runner = &remote->host.runner;
	struct strbuf line = STRBUF_INIT;
	struct runner_output output;
	int r = range_waiting_check(remote, reterr);

	runner_output_init(&output);
	snprintf(ret->id, sizeof(ret->id), "-");
	ret->process = 0;
	ret->armed_s = time(NULL);
	ret->until_s = ret->armed_s + seconds;
	if (r == 0)
		r = make_token(ret->token, reterr);
	if (r == 0)
		r = put_arm_line(change, seconds, ret->token, &line, reterr);
	if (r == 0)
		r = write_file(remote, ret, reterr);
	if (r == 0) {
		r = runner->ops->line(runner, line.text, &output, reterr);
		if (r == 0)
			r = take_process(remote, &output, ret, reterr);
		if (r == 0 && time(NULL) >= ret->until_s)
			r = error_set(reterr, -ETIMEDOUT, "range",
				      "%.80s: the guard's %u s were over before it was heard of: "
				      "nothing was set",
				      runner->place.host, seconds);
		/* It may have started all the same. */
		if (r == -EROFS)
			range_waiting_remove(remote);
		else if (r < 0)
			range_waiting_end(remote, ret, NULL);
	}
	strbuf_done(&line);
	runner_output_done(&output);
	return r;
}

/* Is its process there? A number of 0 would mean the shell that asks. */
static void put_alive(const struct range_waiting *waiting, struct strbuf *out)
{
	if (waiting->process)
		strbuf_printf(out, "kill -0 %llu 2>/dev/null", waiting->process);
	else
		strbuf_puts(out, time(NULL) < waiting->until_s ? ":" : "[ -n \"\" ]");
}

/* Nothing is there: it may be at work, which takes no longer than a few commands. */
static void put_gone(const struct range_waiting *waiting, struct strbuf *out)
{
	if (waiting->process)
		strbuf_printf(out,
			      "done; for n in 1 2 3 4 5; do if kill -0 %llu 2>/dev/null; then "
			      "sleep 1; fi; done; exit %d",
			      waiting->process, GONE);
	else
		strbuf_printf(out, "done; sleep 1; exit %d", GONE);
}

static int ask(struct range_remote *remote, struct strbuf *line, int *ret_status,
	       struct eph_error *reterr)
{
	struct runner *runner = &remote->host.runner;
	struct runner_output output;
	int r = runner->ops->line(runner, line->text, &output, reterr);

	*ret_status = output.status;
	runner_output_done(&output);
	strbuf_done(line);
	return r;
}

static int unexpected(const struct range_remote *remote, int status, struct eph_error *reterr)
{
	return error_set(reterr, -EPROTO, "range",
			 "%.80s: cannot tell what became of the guard: its shell ended with %d",
			 remote->host.runner.place.host, status);
}

int range_waiting_look(struct range_remote *remote, const struct range_waiting *waiting,
		       enum range_guard_state *ret, struct eph_error *reterr)
{
	struct strbuf line = STRBUF_INIT;
	int status, r;

	strbuf_printf(&line, FOR_EACH_PLACE "if [ -d $g ]; then if ", waiting->token);
	put_alive(waiting, &line);
	strbuf_printf(&line, "; then exit %d; fi; exit %d; fi; ", WAITS, KILLED);
	put_gone(waiting, &line);
	r = ask(remote, &line, &status, reterr);
	if (r < 0)
		return r;
	if (status != WAITS && status != KILLED && status != GONE)
		return unexpected(remote, status, reterr);
	*ret = status == GONE                                               ? RANGE_GUARD_GONE
	       : status == KILLED || time(NULL) > waiting->until_s + LATE_S ? RANGE_GUARD_KILLED
									    : RANGE_GUARD_WAITS;
	return 0;
}

int range_waiting_end(struct range_remote *remote, const struct range_waiting *waiting,
		      struct eph_error *reterr)
{
	struct strbuf line = STRBUF_INIT;
	int status, r;

	/* Told before, perhaps, and the answer was lost. One that was killed takes nothing away behind itself. */
	strbuf_printf(&line,
		      FOR_EACH_PLACE "if [ -d $g.ok ]; then exit 0; fi; if [ -d $g ]; then "
				     "if mv $g $g.ok; then if ",
		      waiting->token);
	put_alive(waiting, &line);
	strbuf_printf(&line,
		      "; then :; else rmdir $g.ok; fi; exit 0; fi; "
		      "if [ -d $g ]; then exit %d; fi; fi; ",
		      STUCK);
	put_gone(waiting, &line);
	r = ask(remote, &line, &status, reterr);
	if (r < 0)
		return r;
	if (status == STUCK)
		return error_set(reterr, -EROFS, "confirm",
				 "%.80s: the guard cannot be told: its directory there cannot be "
				 "renamed; it will take the range back",
				 remote->host.runner.place.host);
	if (status == GONE)
		return error_set(reterr, -ESRCH, "confirm",
				 "%.80s: the guard is gone, and has taken the range back",
				 remote->host.runner.place.host);
	if (status != 0)
		return unexpected(remote, status, reterr);
	range_waiting_remove(remote);
	return 0;
}
