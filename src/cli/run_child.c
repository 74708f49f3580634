#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command_exec.h"
#include "error.h"
#include "fd.h"
#include "run_cgroup.h"

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

/* Why there is no COMMAND. */
struct failure {
	int error; /* an errno; 0: there is one */
	bool of_cgroup;
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
			     const struct run_cgroup *cgroup, const struct inherited *inherited,
			     int tell)
{
	struct failure failure = {0};

	give_signals_back(inherited);
	failure.error = cgroup ? -run_cgroup_enter(cgroup) : 0;
	failure.of_cgroup = failure.error != 0;
	if (!failure.error)
		failure.error = command_exec_path(path, argv);
	(void)fd_write_all(tell, (const char *)&failure, sizeof(failure));
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

static unsigned lowest_from(const struct run_kept *kept, unsigned first)
{
	unsigned lowest = ~0u;

	for (unsigned i = 0; i < kept->count; i++)
		if ((unsigned)kept->fd[i] >= first && (unsigned)kept->fd[i] < lowest)
			lowest = (unsigned)kept->fd[i];
	return lowest;
}

/* Whoever reads what COMMAND writes waits for the last who could write, and that must not be us. */
static void let_go(const struct run_kept *kept)
{
	unsigned first = STDERR_FILENO + 1;

	to_null(STDIN_FILENO);
	to_null(STDOUT_FILENO);
	for (unsigned i = 0; i < kept->count; i++) {
		unsigned next = lowest_from(kept, first);

		close_between(first, next);
		first = next + 1;
	}
	close_range(first, ~0u, 0);
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
	pid_t pid;

	/* As the first process of a container we have orphans to bury, too. */
	while (!child->ended && (pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != child->pid)
			continue;
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

static struct failure read_failure(int fd)
{
	struct failure failure = {0};
	ssize_t n;

	do
		n = read(fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	return n == sizeof(failure) ? failure : (struct failure){0};
}

static struct failure start(const char *path, const char *const *argv,
			    const struct run_cgroup *cgroup, const struct inherited *inherited,
			    pid_t *ret)
{
	struct failure failure = {0};
	int tell[2];

	if (pipe2(tell, O_CLOEXEC) < 0)
		return (struct failure){.error = errno};
	*ret = fork();
	if (*ret == 0)
		become(path, argv, cgroup, inherited, tell[1]);
	failure.error = *ret < 0 ? errno : 0;
	close(tell[1]);
	if (!failure.error) {
		failure = read_failure(tell[0]);
		if (failure.error)
			waitpid(*ret, NULL, 0);
	}
	close(tell[0]);
	return failure;
}

static int status_of(const struct child *child, const struct failure *failure)
{
	if (child->pid < 0 || failure->of_cgroup)
		return EXEC_STATUS_FAILED;
	return failure->error == ENOENT ? EXEC_STATUS_NOT_FOUND : EXEC_STATUS_REFUSED;
}

int run_child(const char *path, const char *const *argv, const struct run_kept *kept,
	      int *ret_status, struct eph_error *reterr)
{
	struct inherited inherited;
	struct child child = {.pid = -1};
	struct failure failure;

	hold_signals(&inherited);
	failure = start(path, argv, kept->cgroup, &inherited, &child.pid);
	if (failure.error) {
		give_signals_back(&inherited);
		*ret_status = status_of(&child, &failure);
		return error_set(reterr, -failure.error, "command", "%.200s: %s%s", argv[0],
				 failure.of_cgroup ? "cannot be moved into a cgroup: " : "",
				 strerror(failure.error));
	}
	let_go(kept);
	wait_for(&child);
	/* The rest of us is a few lines of output: no signal is to turn its status into another. */
	*ret_status = WIFSIGNALED(child.status) ? 128 + WTERMSIG(child.status)
						: WEXITSTATUS(child.status);
	return 0;
}
