/*
 * The questions of `ephemports why`: each reads its own operands.
 */
#ifndef EPH_CLI_WHY_H
#define EPH_CLI_WHY_H

#include "arguments.h"

struct why_question {
	const char *name; /* the first operand: "connect" */
	const char *
		options; /* of those of the command, the ones that belong to it; separated by blanks */
	/* As command.run; its own operands begin at operand[1]. */
	int (*run)(const struct arguments *arguments, struct outcome *outcome,
		   struct eph_error *reterr);
};

int why_bind(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr);
int why_connect(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr);

#endif
