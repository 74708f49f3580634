#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
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

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds that are left until @end_ms, for poll(); -1 for ever. */
static int left_ms(int64_t end_ms)
{
	int64_t left = end_ms - now_ms();

	if (end_ms < 0)
		return -1;
	return left < 0 ? 0 : (int)left;
}

/* Append what can be read; of standard error the beginning. Return: 0 at the end, 1 when there may be more. */
static int drain(int fd, struct strbuf *out, size_t max, bool cut)
{
	char buffer[READ_BYTES];
	ssize_t got = read(fd, buffer, sizeof(buffer));

	if (got < 0)
		return errno == EINTR ? 1 : -errno;
	if ((size_t)got > max - out->length) {
		if (!cut)
			return -EFBIG;
		strbuf_add(out, buffer, max - out->length);
		return 1;
	}
	strbuf_add(out, buffer, (size_t)got);
	return got > 0;
}

static int collect(int out_fd, int err_fd, int64_t end_ms, struct runner_output *ret)
{
	struct pollfd poll_fd[2] = {{out_fd, POLLIN, 0}, {err_fd, POLLIN, 0}};

	while (poll_fd[0].fd >= 0 || poll_fd[1].fd >= 0) {
		int ready = poll(poll_fd, 2, left_ms(end_ms));

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0)
			return -ETIMEDOUT;
		for (unsigned i = 0; ready > 0 && i < 2; i++) {
			int r = 1;

			if (poll_fd[i].fd >= 0 && poll_fd[i].revents)
				r = drain(poll_fd[i].fd, i ? &ret->errors : &ret->text,
					  i ? ERRORS_MAX : RUNNER_OUTPUT_MAX, i != 0);
			if (r < 0)
				return r;
			if (r == 0)
				poll_fd[i].fd = -1;
		}
	}
	return ret->text.failed || ret->errors.failed ? -ENOMEM : 0;
}

/* It has closed its output, but may go on: it is waited for until @end_ms, then killed. */
static int reap(pid_t pid, int r, int64_t end_ms, int *ret_status)
{
	int status;

	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, end_ms >= 0 && r == 0 ? WNOHANG : 0) != pid) {
		if (end_ms < 0 || r < 0)
			continue;
		if (left_ms(end_ms) == 0) {
			r = -ETIMEDOUT;
			kill(pid, SIGKILL);
			continue;
		}
		poll(NULL, 0, 1);
	}
	*ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return r;
}

static int run_with_input(const char *const *argv, int input_fd, int timeout_ms,
			  struct runner_output *ret)
{
	CLEANUP(fd_closep) int out_read = -1, out_write = -1, err_read = -1, err_write = -1;
	int64_t end_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	int out[2], err[2], r;
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
	r = collect(out_read, err_read, end_ms, ret);
	fd_closep(&out_read);
	fd_closep(&err_read);
	return reap(pid, r, end_ms, &ret->status);
}

int child_run(const char *const *argv, const char *input, size_t input_length, int timeout_ms,
	      struct runner_output *ret)
{
	CLEANUP(fd_closep) int input_fd = -1;
	int r = 0;

	runner_output_init(ret);
	if (input)
		r = make_input(input, input_length, &input_fd);
	else {
		input_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		r = input_fd < 0 ? -errno : 0;
	}
	return r < 0 ? r : run_with_input(argv, input_fd, timeout_ms, ret);
}
