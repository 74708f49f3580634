/*
 * The settings of a host, by the commands of its system: running values, and what a command keeps for the next boot.
 */
#ifndef EPH_OS_HOST_SETTINGS_H
#define EPH_OS_HOST_SETTINGS_H

#include "host.h"

/**
 * os_host_set() - run @line, which sets something, and read all settings behind it, in one go
 * @ret_said: what the line itself said, and its exit status; release it in any case
 * Return: 0; -ENODATA when the line ran, but nothing could be read then; what the way fails with.
 */
int os_host_set(struct os_host *host, const char *line, struct runner_output *ret_said,
		struct os_state *ret, struct eph_error *reterr);

extern const struct setting_ops os_host_settings; /* of a struct os_host */

#endif
