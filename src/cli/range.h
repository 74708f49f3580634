/*
 * The verbs of `ephemports range`: one file each, range_VERB.c.
 */
#ifndef EPH_CLI_RANGE_H
#define EPH_CLI_RANGE_H

#include "many_hosts.h"

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

host_run range_remote_show, range_remote_set, range_remote_reset, range_remote_undo,
	range_remote_confirm;

#endif
