#include "range_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
#include "parse.h"

#define NAME        "pending"
#define BUSY_TRIES  60u
#define MESSAGE_MAX 256u

static void path_of(const struct change_session *session, char *ret, size_t bytes)
{
	snprintf(ret, bytes, "%s/" NAME, journal_path(session->journal));
}

/* "ID LOW HIGH NETNS BOOT": of the place it belongs to, so that what a reboot left is known for it. */
static void format(const struct change_session *session, const char *id, struct port_range range,
		   char *ret, size_t bytes)
{
	const struct change_place *place = &session->local.runner.place;

	snprintf(ret, bytes, "%s %u %u %llu %s\n", *id ? id : "-", range.lo, range.hi,
		 (unsigned long long)place->netns, *place->boot ? place->boot : "-");
}

static int write_new(const char *path, const char *text)
{
	CLEANUP(fd_closep)
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (fd >= 0 && r < 0)
		unlink(path);
	return r;
}

/* Over what is there, which is shorter: no disk is too full for that, and nobody finds it empty. */
static int write_over(const char *path, const char *text)
{
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

static int read_text(const char *path, char text[MESSAGE_MAX])
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, text, MESSAGE_MAX - 1);
	if (got < 0)
		return -errno;
	text[got] = '\0';
	return 0;
}

static int parse_pending(const char *text, const struct change_session *session,
			 struct range_pending *ret)
{
	const struct change_place *place = &session->local.runner.place;
	char low[8], high[8], boot[CHANGE_BOOT_BYTES];
	unsigned long long netns;

	if (sscanf(text, "%23s %7s %7s %llu %39s", ret->id, low, high, &netns, boot) != 5 ||
	    parse_port(low, &ret->range.lo) < 0 || parse_port(high, &ret->range.hi) < 0)
		return -EBADMSG;
	if (netns != place->netns || strcmp(boot, *place->boot ? place->boot : "-") != 0)
		return -ESTALE;
	return 0;
}

int range_pending_read(const struct change_session *session, struct range_pending *ret,
		       struct eph_error *reterr)
{
	char path[4200], text[MESSAGE_MAX];
	int r;

	path_of(session, path, sizeof(path));
	r = read_text(path, text);
	if (r == 0)
		r = parse_pending(text, session, ret);
	if (r == -ENOENT || r == -ESTALE || r == -EBADMSG)
		return error_set(
			reterr, -ENOENT, "confirm",
			"nothing waits for confirmation here: it was taken back, or never set "
			"with --confirm-within");
	return r < 0 ? error_set(reterr, r, "confirm", "%.200s: %s", path, strerror(-r)) : 0;
}

bool range_pending_guarded(const struct change_session *session)
{
	CLEANUP(fd_closep) int fd = -1;
	char path[4200];

	path_of(session, path, sizeof(path));
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

int range_pending_remove(const struct change_session *session)
{
	char path[4200];

	path_of(session, path, sizeof(path));
	return unlink(path) < 0 ? -errno : 0;
}

/* --- the guard itself -------------------------------------------------------------------------------------------- */

/* It stays in its directory: paths from the environment may be relative. */
static void detach(int fd, int lock_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	lock_fd = fcntl(lock_fd, F_DUPFD_CLOEXEC, 10);
	setsid();
	signal(SIGHUP, SIG_IGN);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(fd, 3);
	dup2(lock_fd, 4);
	close_range(5, ~0U, 0);
}

static void sleep_until(const struct timespec *deadline)
{
	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, deadline, NULL) == EINTR)
		continue;
}

static uint64_t number_of(const struct change *change)
{
	return strtoull(change->id, NULL, 10);
}

/* The change that waits: by its id, or, when whoever set it died before he could tell, one made after change @armed. */
static struct change *find(const struct change_list *list, const char *id, uint64_t armed)
{
	bool told = strcmp(id, "-") != 0;
	struct change *change = change_list_find(list, told ? id : NULL);

	if (!change || change_persists(change) || (!told && number_of(change) <= armed))
		return NULL;
	return change;
}

static int take_back(struct change_session *session, uint64_t armed)
{
	struct change_list list = {.count = 0};
	struct range_pending pending;
	struct change *change;
	int r = range_pending_read(session, &pending, NULL);

	if (r == 0)
		r = journal_list(session->journal, &list, NULL);
	change = r == 0 ? find(&list, pending.id, armed) : NULL;
	if (r == 0)
		r = range_pending_remove(session);
	if (r == 0 && change)
		r = change_undo(&session->run, &list, change, NULL);
	change_list_done(&list);
	return r;
}

static void guard(const struct arguments *arguments, const struct timespec *deadline,
		  uint64_t armed)
{
	struct change_session session;
	struct eph_error error;
	char told = 0;
	ssize_t got;

	do
		got = read(3, &told, 1);
	while (got < 0 && errno == EINTR);
	if (told == 'x')
		_exit(0);
	sleep_until(deadline);
	for (unsigned i = 0; i < BUSY_TRIES; i++) {
		int r = change_session_open(arguments, true, &session, &error);

		if (r == 0)
			r = take_back(&session, armed);
		change_session_close(&session);
		if (r != -EBUSY)
			break;
	}
	_exit(0);
}

/* A child of a child, so that nobody has to wait for it. */
static int start(const struct arguments *arguments, unsigned seconds, uint64_t armed, int read_fd,
		 int lock_fd)
{
	struct timespec deadline;
	pid_t child;
	int status;

	clock_gettime(CLOCK_BOOTTIME, &deadline);
	deadline.tv_sec += (time_t)seconds;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		detach(read_fd, lock_fd);
		child = fork();
		if (child == 0)
			guard(arguments, &deadline, armed);
		_exit(child < 0);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EAGAIN;
}

/* --- the other side ---------------------------------------------------------------------------------------------- */

/* Locked for as long as the guard, or whoever starts it, lives. */
static int lock(const struct range_guard *guard)
{
	CLEANUP(fd_closep) int fd = open(guard->pending, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return fd_take(&fd);
}

/* A guard that was killed takes nothing back: what it guarded is taken back now, if it still stands. */
static void clear_abandoned(struct change_session *session, const struct range_guard *guard)
{
	CLEANUP(fd_closep) int fd = lock(guard);
	struct range_pending pending;
	int r = range_pending_read(session, &pending, NULL);

	if (r == 0 && fd >= 0)
		take_back(session, UINT64_MAX);
	else if (r == -ENOENT)
		range_pending_remove(session);
}

/* The clock may be set meanwhile; numbers only grow. */
static int last_number(const struct change_session *session, uint64_t *ret,
		       struct eph_error *reterr)
{
	struct change_list list = {.count = 0};
	int r = journal_list(session->journal, &list, reterr);

	*ret = list.count ? number_of(list.change[list.count - 1]) : 0;
	change_list_done(&list);
	return r;
}

/* Return: the lock on what waits, or negative errno. */
static int announce(const struct arguments *arguments, struct range_guard *guard,
		    struct eph_error *reterr)
{
	struct port_range none = {1, 1};
	struct change_session session;
	char text[MESSAGE_MAX];
	int r = change_session_open(arguments, true, &session, reterr);

	if (r == 0) {
		path_of(&session, guard->pending, sizeof(guard->pending));
		format(&session, "", none, text, sizeof(text));
		clear_abandoned(&session, guard);
		r = last_number(&session, &guard->armed, reterr);
	}
	if (r == 0) {
		r = write_new(guard->pending, text);
		if (r == 0)
			r = lock(guard);
		if (r == -EEXIST)
			r = error_set(reterr, -EBUSY, "range",
				      "another change waits for ephemports range confirm");
		else if (r < 0)
			error_set(reterr, r, "range", "%.200s: %s", guard->pending, strerror(-r));
	}
	change_session_close(&session);
	return r;
}

int range_guard_arm(const struct arguments *arguments, unsigned seconds, struct range_guard *ret,
		    struct eph_error *reterr)
{
	CLEANUP(fd_closep) int lock_fd = announce(arguments, ret, reterr);
	int ends[2], r = lock_fd;

	if (r < 0)
		return r;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		r = -errno;
	} else {
		r = start(arguments, seconds, ret->armed, ends[0], lock_fd);
		close(ends[0]);
		ret->fd = ends[1];
	}
	if (r < 0) {
		unlink(ret->pending);
		if (ret->fd >= 0)
			close(ret->fd);
		ret->fd = -1;
		error_set(reterr, r, "range", "no guard could be started: %s", strerror(-r));
	}
	return r;
}

/* The id and the range into the file that the guard and `range confirm` read. */
static int name_change(const struct range_guard *guard, const struct change *change)
{
	const struct change_step *step = &change->step[0];
	struct change_session place = {.local = {.runner = {.place = change->place}}};
	struct range_pending pending = {.range = {1, 1}};
	char text[MESSAGE_MAX];
	unsigned low, high;

	if (sscanf(step->after, "%u %u", &low, &high) == 2)
		pending.range = (struct port_range){(uint16_t)low, (uint16_t)high};
	format(&place, change->id, pending.range, text, sizeof(text));
	return write_over(guard->pending, text);
}

void range_guard_tell(struct range_guard *guard, const struct change *change)
{
	char word = change ? 'g' : 'x';

	if (guard->fd < 0)
		return;
	if (change)
		name_change(guard, change);
	else
		unlink(guard->pending);
	/* Should this fail the guard reads the end of the pipe, and does what it is for. */
	if (write(guard->fd, &word, 1) < 0)
		errno = 0;
	close(guard->fd);
	guard->fd = -1;
}
