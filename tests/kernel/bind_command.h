/*
 * `ephemports why bind` as a program, asked about the namespace of the calling process.
 */
#ifndef EPH_TESTS_KERNEL_BIND_COMMAND_H
#define EPH_TESTS_KERNEL_BIND_COMMAND_H

#include <stdbool.h>

#include "bind_verdict.h"
#include "port_state.h"

struct command_answer {
	int error; /* errno of the verdict, 0 when free */
	bool exact;
};

/* Can the command line put the question? It has no IP_FREEBIND, and only root has a privilege. */
bool bind_command_suits(const struct wish *wish, bool privileged);

/* What the program at @path says, given @options too. Return: false when there is no answer, or one that contradicts
 * itself; what is wrong is added to @complaint. */
bool bind_command_ask(const char *path, const char *options, const struct bind_query *query,
		      const struct wish *wish, struct command_answer *ret,
		      struct strbuf *complaint);

#endif
