/*
 * The first operand of a command that has several questions or actions: each takes some of the command's options, and
 * reads its own operands.
 */
#ifndef EPH_CLI_VERB_H
#define EPH_CLI_VERB_H

#include "many_hosts.h"

struct verb {
	const char *name;    /* the first operand: "connect"; NULL ends a list */
	const char *options; /* of the command's own options those it takes, separated by blanks */
	unsigned operands_max; /* besides the verb */
	/* As command.run; its own operands begin at operand[1]. */
	int (*run)(const struct arguments *arguments, struct outcome *outcome,
		   struct eph_error *reterr);
	host_run *remote; /* NULL: --host has no meaning, or run() takes it */
};

/* The one of @verbs that the first operand names; NULL: none. */
const struct verb *verb_find(const struct arguments *arguments, const struct verb *verbs);

/* An option of another verb and an operand too many have no meaning: refused rather than ignored. Return: 0 or -EINVAL. */
int verb_check(const struct arguments *arguments, const struct verb *verb,
	       struct eph_error *reterr);

#endif
