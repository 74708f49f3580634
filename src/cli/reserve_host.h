/*
 * `reserve --host`: what other systems never choose, and putting ports there.
 */
#ifndef EPH_CLI_RESERVE_HOST_H
#define EPH_CLI_RESERVE_HOST_H

#include "arguments.h"

/* As command.run. */
int reserve_host(const struct arguments *arguments, struct outcome *outcome,
		 struct eph_error *reterr);

#endif
