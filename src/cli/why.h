/*
 * The questions of `ephemports why`: each reads its own operands.
 */
#ifndef EPH_CLI_WHY_H
#define EPH_CLI_WHY_H

#include "arguments.h"

int why_bind(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr);
int why_connect(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr);

#endif
