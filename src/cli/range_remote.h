/*
 * A verb of `range` on another machine, reached by ssh: logged in, its system found out, the journal open where something
 * changes.
 */
#ifndef EPH_CLI_RANGE_REMOTE_H
#define EPH_CLI_RANGE_REMOTE_H

#include "arguments.h"
#include "host_change.h"
#include "runner_ssh.h"

#define RANGE_REMOTE_KEY_BYTES 272u

struct range_remote {
	struct ssh_runner ssh;
	struct os_host host;
	struct journal *journal;
	struct change_run run;
	bool reached;
	bool listened; /* range_remote_listen() could tell */
	struct port_set listeners;
};

/**
 * range_remote_open() - log in and find out the system
 * @host:    as the user gave it: [user@]name[:port]
 * @changes: open the journal, and settle what was interrupted there, which is said on standard error
 * Close in any case. Return: 0 or negative errno with @reterr.
 */
int range_remote_open(const struct arguments *arguments, const char *host, bool changes,
		      struct range_remote *ret, struct eph_error *reterr);
void range_remote_close(struct range_remote *remote);

/* Host and port: the same for every way of writing them, whoever logs in. @host is valid. */
void range_remote_key(const char *host, char ret[RANGE_REMOTE_KEY_BYTES]);

/* One line on standard error, about this host. */
void range_remote_tell(const struct range_remote *remote, const char *text);

/* Look for TCP ports that services over there listen on; what is judged later knows them. No failure: it may not be told. */
void range_remote_listen(struct range_remote *remote);

/* Its ranges, and what its boot files say, judged. */
int range_remote_ranges(struct range_remote *remote, struct os_state *ret,
			struct eph_error *reterr);

#endif
