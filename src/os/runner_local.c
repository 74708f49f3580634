/* This machine. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "file_edit.h"
#include "runner.h"

#define ERRORS_MAX 4096u
#define READ_BYTES 4096u

extern char **environ;

/* Input goes through a file in memory, so that writing it can neither block nor be cut by a child that does not read. */
static int make_input(const char *input, size_t length, int *ret_fd)
{
	CLEANUP(fd_closep) int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (length) {
		ssize_t written = write(fd, input, length);

		if (written < 0)
			return -errno;
		input += written;
		length -= (size_t)written;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int spawn(const char *const *argv, const int fd[3], pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	/* posix_spawn() takes strings that are not const and does not write to them. */
	union {
		const char *const *in;
		char *const *out;
	} arguments = {.in = argv};
	int r = posix_spawn_file_actions_init(&actions);

	for (int i = 0; r == 0 && i < 3; i++)
		r = posix_spawn_file_actions_adddup2(&actions, fd[i], i);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, NULL, arguments.out, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Append what can be read, up to @max; more is dropped. Return: 0 at the end, 1 when there may be more. */
static int drain(int fd, struct strbuf *out, size_t max, bool *ret_more)
{
	char buffer[READ_BYTES];
	ssize_t got = read(fd, buffer, sizeof(buffer));

	if (got < 0)
		return errno == EINTR ? 1 : -errno;
	if ((size_t)got > max - out->length) {
		got = (ssize_t)(max - out->length);
		*ret_more = true;
		strbuf_add(out, buffer, (size_t)got);
		return 1;
	}
	strbuf_add(out, buffer, (size_t)got);
	return got > 0;
}

static int collect(int out_fd, int err_fd, struct runner_output *ret)
{
	struct pollfd poll_fd[2] = {{out_fd, POLLIN, 0}, {err_fd, POLLIN, 0}};
	bool more = false, dropped = false;

	while (poll_fd[0].fd >= 0 || poll_fd[1].fd >= 0) {
		int r = poll(poll_fd, 2, -1);

		if (r < 0 && errno != EINTR)
			return -errno;
		for (unsigned i = 0; r > 0 && i < 2; i++) {
			if (!poll_fd[i].revents)
				continue;
			r = drain(poll_fd[i].fd, i ? &ret->errors : &ret->text,
				  i ? ERRORS_MAX : RUNNER_OUTPUT_MAX, i ? &dropped : &more);
			if (r < 0)
				return r;
			if (r == 0)
				poll_fd[i].fd = -1;
			r = 1;
		}
	}
	return more ? -EFBIG : ret->text.failed || ret->errors.failed ? -ENOMEM : 0;
}

static int run_child(const char *const *argv, int input_fd, struct runner_output *ret)
{
	CLEANUP(fd_closep) int out_read = -1, out_write = -1, err_read = -1, err_write = -1;
	int out[2], err[2], status, r;
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	out_read = out[0];
	out_write = out[1];
	if (pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	err_read = err[0];
	err_write = err[1];
	r = spawn(argv, (const int[3]){input_fd, out_write, err_write}, &pid);
	if (r < 0)
		return r;
	fd_closep(&out_write);
	fd_closep(&err_write);
	r = collect(out_read, err_read, ret);
	fd_closep(&out_read);
	fd_closep(&err_read);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	ret->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return r;
}

static int local_run(struct runner *runner, const char *const *argv, const char *input,
		     size_t input_length, struct runner_output *ret, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int input_fd = -1;
	int r;

	(void)runner;
	*ret = (struct runner_output){.text = STRBUF_INIT, .errors = STRBUF_INIT};
	if (input)
		r = make_input(input, input_length, &input_fd);
	else {
		input_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		r = input_fd < 0 ? -errno : 0;
	}
	if (r == 0)
		r = run_child(argv, input_fd, ret);
	return r < 0 ? error_set(reterr, r, "command", "%.100s: %s", argv[0], strerror(-r)) : 0;
}

static int root_of(struct runner *runner)
{
	return ((struct local_runner *)runner)->root_fd;
}

static int local_file_read(struct runner *runner, const char *path, struct runner_file *ret,
			   struct eph_error *reterr)
{
	return file_edit_read(root_of(runner), path, ret, reterr);
}

static int local_file_replace(struct runner *runner, const char *path, const char *expected,
			      const char *text, size_t length, struct eph_error *reterr)
{
	return file_edit_replace(root_of(runner), path, expected, text, length, reterr);
}

static int local_file_tidy(struct runner *runner, const char *path, struct eph_error *reterr)
{
	return file_edit_tidy(root_of(runner), path, reterr);
}

static const struct runner_ops local_ops = {
	.run = local_run,
	.file_read = local_file_read,
	.file_replace = local_file_replace,
	.file_tidy = local_file_tidy,
};

static void read_boot(char ret[CHANGE_BOOT_BYTES])
{
	CLEANUP(fd_closep)
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, ret, CHANGE_BOOT_BYTES - 1);

	ret[got < 0 ? 0 : got] = '\0';
	ret[strspn(ret, "0123456789abcdef-")] = '\0';
}

int local_runner_init(struct local_runner *local, const char *netns_name, struct eph_error *reterr)
{
	struct change_place *place = &local->runner.place;
	struct stat status;

	*local = (struct local_runner){.runner = {&local_ops, &linux_settings, {.netns = 0}}};
	if (strlen(netns_name) >= sizeof(place->netns_name))
		return error_set(reterr, -ENAMETOOLONG, "netns", "name too long");
	snprintf(place->netns_name, sizeof(place->netns_name), "%s", netns_name);
	if (stat("/proc/thread-self/ns/net", &status) == 0)
		place->netns = status.st_ino;
	read_boot(place->boot);
	local->root_fd = file_edit_root(place->root, reterr);
	return local->root_fd < 0 ? local->root_fd : 0;
}

void local_runner_done(struct local_runner *local)
{
	fd_closep(&local->root_fd);
}
