/*
 * A program that is run, with bounded output and a bounded time. No shell.
 */
#ifndef EPH_OS_CHILD_H
#define EPH_OS_CHILD_H

#include <stddef.h>

struct runner_output;

/**
 * child_run() - run a program and collect what it says
 * @argv:       NULL at the end; found in PATH
 * @input:      its standard input; NULL: none
 * @timeout_ms: it is killed when it has not ended by then; negative: no limit
 * @ret:        initialised here; released with runner_output_done(), on failure too
 *
 * Return: 0 when it ran, whatever its exit status; -EFBIG when it said more than RUNNER_OUTPUT_MAX (then it is killed),
 * -ETIMEDOUT, or another negative errno.
 */
int child_run(const char *const *argv, const char *input, size_t input_length, int timeout_ms,
	      struct runner_output *ret);

#endif
