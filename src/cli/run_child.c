#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "command_exec.h"
#include "error.h"
#include "fd.h"

/* What COMMAND is given back as we found it. */
struct inherited {
	sigset_t mask;
	struct sigaction child;
};

struct child {
	pid_t pid;
	bool ended;
	int status; /* of waitpid() */
};

/* Every signal waits for us in sigwaitinfo() from here on. SIGCHLD may have been ignored, and there would be no status. */
static void hold_signals(struct inherited *ret)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &ret->mask);
	sigaction(SIGCHLD, &usual, &ret->child);
}

static void give_signals_back(const struct inherited *inherited)
{
	sigaction(SIGCHLD, &inherited->child, NULL);
	sigprocmask(SIG_SETMASK, &inherited->mask, NULL);
}

/* In the child. What goes wrong is told through @tell: the parent has the words for it. */
_Noreturn static void become(const char *path, const char *const *argv,
			     const struct inherited *inherited, int tell)
{
	int error;

	give_signals_back(inherited);
	error = command_exec_path(path, argv);
	(void)fd_write_all(tell, (const char *)&error, sizeof(error));
	_exit(EXEC_STATUS_FAILED);
}

static void to_null(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, fd);
	if (null != fd)
		close(null);
}

static void close_between(unsigned first, unsigned end)
{
	if (first < end)
		close_range(first, end - 1, 0);
}

/* Whoever reads what COMMAND writes waits for the last who could write, and that must not be us. */
static void let_go(const int keep[2])
{
	unsigned low = (unsigned)(keep[0] < keep[1] ? keep[0] : keep[1]);
	unsigned high = (unsigned)(keep[0] < keep[1] ? keep[1] : keep[0]);

	to_null(STDIN_FILENO);
	to_null(STDOUT_FILENO);
	close_between(STDERR_FILENO + 1, low);
	close_between(low + 1, high);
	close_range(high + 1, ~0u, 0);
}

/* What came from the terminal, COMMAND has too; what COMMAND itself sent was meant for somebody else. */
static void pass_on(const struct child *child, const siginfo_t *signal)
{
	if (signal->si_signo == SIGPIPE || signal->si_signo == SIGXFSZ ||
	    signal->si_code == SI_KERNEL || signal->si_pid == child->pid)
		return;
	kill(child->pid, signal->si_signo);
}

/* When the terminal stops COMMAND, we stop: our own parent, a shell, sees only us. After a SIGSTOP to COMMAND alone nobody
 * would wake us. */
static void stop_too(int signal)
{
	if (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU)
		kill(getpid(), SIGSTOP);
}

static void look_after(struct child *child)
{
	int status;

	while (!child->ended && waitpid(child->pid, &status, WNOHANG | WUNTRACED) == child->pid) {
		if (WIFSTOPPED(status)) {
			stop_too(WSTOPSIG(status));
			continue;
		}
		child->ended = true;
		child->status = status;
	}
}

static void wait_for(struct child *child)
{
	sigset_t all;

	sigfillset(&all);
	while (!child->ended) {
		siginfo_t signal;

		if (sigwaitinfo(&all, &signal) < 0)
			continue;
		if (signal.si_signo == SIGCHLD)
			look_after(child);
		else
			pass_on(child, &signal);
	}
}

/* 0, or the errno of execve(). */
static int read_error(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == sizeof(error) ? error : 0;
}

static int start(const char *path, const char *const *argv, const struct inherited *inherited,
		 pid_t *ret)
{
	int tell[2], error;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return -errno;
	*ret = fork();
	if (*ret == 0)
		become(path, argv, inherited, tell[1]);
	error = *ret < 0 ? errno : 0;
	close(tell[1]);
	if (!error) {
		error = read_error(tell[0]);
		if (error)
			waitpid(*ret, NULL, 0);
	}
	close(tell[0]);
	return -error;
}

int run_child(const char *path, const char *const *argv, const int keep[2], int *ret_status,
	      struct eph_error *reterr)
{
	struct inherited inherited;
	struct child child = {.pid = -1};
	int r;

	hold_signals(&inherited);
	r = start(path, argv, &inherited, &child.pid);
	if (r < 0) {
		give_signals_back(&inherited);
		*ret_status = child.pid < 0  ? EXEC_STATUS_FAILED
			      : r == -ENOENT ? EXEC_STATUS_NOT_FOUND
					     : EXEC_STATUS_REFUSED;
		return error_set(reterr, r, "command", "%.200s: %s", argv[0], strerror(-r));
	}
	let_go(keep);
	wait_for(&child);
	/* The rest of us is a few lines of output: no signal is to turn its status into another. */
	*ret_status = WIFSIGNALED(child.status) ? 128 + WTERMSIG(child.status)
						: WEXITSTATUS(child.status);
	return 0;
}
