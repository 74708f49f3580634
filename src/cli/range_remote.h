/*
 * The ranges of another machine, reached by ssh.
 */
#ifndef EPH_CLI_RANGE_REMOTE_H
#define EPH_CLI_RANGE_REMOTE_H

#include "system.h"

/**
 * range_remote_state() - log in, find out the system, read its ranges and what its boot files say
 * @target: as the user gave it: [user@]name[:port]
 * @os:     name of the system, when it does not tell or is not believed; or NULL
 * Return: 0 or negative errno with @reterr.
 */
int range_remote_state(const char *target, const char *os, struct os_state *ret,
		       struct eph_error *reterr);

#endif
