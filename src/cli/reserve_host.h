/*
 * `reserve show --host`: what another system never chooses.
 */
#ifndef EPH_CLI_RESERVE_HOST_H
#define EPH_CLI_RESERVE_HOST_H

#include "arguments.h"

/* As command.run; refuses every verb but show. */
int reserve_host(const struct arguments *arguments, struct outcome *outcome,
		 struct eph_error *reterr);

#endif
