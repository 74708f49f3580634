/*
 * Another machine, reached by ssh(1). Nothing of ours is installed there: it runs lines for /bin/sh, or for cmd.exe. ssh is
 * run without a shell, never asks (BatchMode), and takes its hosts, users, keys and options from its own configuration.
 */
#ifndef EPH_OS_RUNNER_SSH_H
#define EPH_OS_RUNNER_SSH_H

#include "runner.h"
#include "ssh_words.h"

#define SSH_TIMEOUT_MS  60000 /* for one command; connecting may take SSH_CONNECT_S of it */
#define SSH_CONNECT_S   "10"
#define SSH_COMMAND_MAX 16u /* words of EPHEMPORTS_SSH */

struct ssh_runner {
	struct runner runner; /* first, so that a pointer to it is one to the whole */
	struct ssh_target target;
	int timeout_ms;
	char *command; /* owned; EPHEMPORTS_SSH cut into words, or "ssh" */
	const char *word[SSH_COMMAND_MAX];
	size_t words;
};

/**
 * ssh_runner_init() - remember how to reach a host; nothing is run yet
 * @host: [user@]name[:port], as the user gave it
 * Running values are read and set by host.h; runner.settings is NULL. Failures of its operations beyond those of runner.h:
 * -EHOSTUNREACH when ssh could not log in (with what it said), -ETIMEDOUT, -EFBIG, -EPROTO (no Bourne shell answered).
 * Return: 0, -EINVAL, -ENAMETOOLONG, -E2BIG, -ENOMEM with @reterr; then nothing is to be released.
 */
int ssh_runner_init(struct ssh_runner *ssh, const char *host, struct eph_error *reterr);
void ssh_runner_done(struct ssh_runner *ssh);

#endif
