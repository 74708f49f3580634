/*
 * The verbs of `ephemports range`: one file each, range_VERB.c.
 */
#ifndef EPH_CLI_RANGE_H
#define EPH_CLI_RANGE_H

#include "arguments.h"

/* What one of several hosts comes to, in a few words. */
struct range_row {
	char text[240];
};

/* The same verb on another machine. */
typedef int range_remote_run(const struct arguments *arguments, const char *host,
			     struct range_row *row, struct outcome *outcome,
			     struct eph_error *reterr);

struct range_verb {
	const char *name;
	const char *options; /* of the command's own options those it takes, separated by blanks */
	unsigned operands_max; /* besides the verb */
	int (*run)(const struct arguments *arguments, struct outcome *outcome,
		   struct eph_error *reterr);
	range_remote_run *remote; /* NULL: --host has no meaning, or run() takes it */
};

int range_facts(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr);
int range_firewall(const struct arguments *arguments, struct outcome *outcome,
		   struct eph_error *reterr);
int range_log(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr);
int range_confirm(const struct arguments *arguments, struct outcome *outcome,
		  struct eph_error *reterr);
int range_reset(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr);
int range_set(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr);
int range_show(const struct arguments *arguments, struct outcome *outcome,
	       struct eph_error *reterr);
int range_undo(const struct arguments *arguments, struct outcome *outcome,
	       struct eph_error *reterr);

range_remote_run range_remote_show, range_remote_set, range_remote_reset, range_remote_undo,
	range_remote_confirm;

/* @run on every host that --host and --hosts-file name: on one of them as if it were this one, on several side by side.
 * The exit status is that of the worst. */
int range_hosts(const struct arguments *arguments, range_remote_run *run, struct outcome *outcome,
		struct eph_error *reterr);

#endif
