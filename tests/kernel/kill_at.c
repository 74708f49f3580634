/*
 * Runs a command and kills it when it enters its Nth system call.
 * usage: kill_at N COMMAND [ARGUMENT...]
 * Exit status: 42 killed; 43 it ended before; 77 no ptrace here. What it prints goes where ours goes.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KILLED = 42,
	ENDED = 43,
	SKIPPED = 77,
};

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(SKIPPED);
	raise(SIGSTOP);
	execvp(argv[0], argv);
	_exit(127);
}

/* Let it go on to the next stop. Return: a stop at a system call (1), another stop (0), or its end (-1). */
static int step(pid_t pid, int *status, int *signal_to_pass)
{
	if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)*signal_to_pass) < 0 ||
	    waitpid(pid, status, __WALL) != pid || !WIFSTOPPED(*status))
		return -1;
	*signal_to_pass = 0;
	if (WSTOPSIG(*status) == (SIGTRAP | 0x80))
		return 1;
	if (WSTOPSIG(*status) != SIGTRAP)
		*signal_to_pass = WSTOPSIG(*status);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long wanted = argc > 2 ? strtoul(argv[1], NULL, 10) : 0, entered = 0;
	int status, pass = 0, kind;
	bool inside = false;
	pid_t pid;

	if (!wanted) {
		fputs("usage: kill_at N COMMAND [ARGUMENT...]\n", stderr);
		return 99;
	}
	pid = start(argv + 2);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return SKIPPED;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL));
	while ((kind = step(pid, &status, &pass)) >= 0) {
		if (kind == 0)
			continue;
		inside = !inside;
		if (inside && ++entered == wanted) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			return KILLED;
		}
	}
	return ENDED;
}
