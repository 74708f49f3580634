/*
 * measure FD COMMAND... runs the command and says on descriptor FD how it went: "WALL_NS PEAK_KIB STATUS". Small itself,
 * because the kernel counts the memory of who starts a program to the program's peak.
 */
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	struct rusage used;
	int64_t start;
	int result_fd, status, r;
	pid_t pid;

	if (argc < 3)
		return 99;
	result_fd = (int)strtol(argv[1], NULL, 10);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclose(&actions, result_fd);
	start = now_ns();
	r = posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ);
	if (r) {
		fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(r));
		return 99;
	}
	if (wait4(pid, &status, 0, &used) < 0)
		return 99;
	dprintf(result_fd, "%lld %ld %d\n", (long long)(now_ns() - start), used.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	posix_spawn_file_actions_destroy(&actions);
	return 0;
}
