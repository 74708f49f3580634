/*
 * The command line: which command, its options by name, its operands. Options may stand before or after the command, as
 * --name value, --name=value, -n value or -nvalue; flags with one letter may be joined; "--" ends the options. An option
 * given twice keeps its last value, unless what it takes ends in "...": then each is there.
 */
#ifndef EPH_CLI_ARGUMENTS_H
#define EPH_CLI_ARGUMENTS_H

#include "command.h"

#define ARGUMENTS_OPTIONS_MAX 128u

struct arguments {
	const struct command *command;
	const struct option_spec *option[ARGUMENTS_OPTIONS_MAX]; /* those given */
	const char *value[ARGUMENTS_OPTIONS_MAX];                /* their values, "" for flags */
	unsigned n_options;
	const char **operand;
	unsigned n_operands;
	bool command_given;
};

/**
 * arguments_parse() - read @argv
 * Return: 0; -EINVAL with one line in @reterr that names the nearest match of what is unknown; -ENOMEM.
 * Free with arguments_done() in any case. @argv must outlive @ret.
 */
int arguments_parse(int argc, char **argv, struct arguments *ret, struct eph_error *reterr);
void arguments_done(struct arguments *arguments);

/* The value of option @name, "" for a flag; NULL when it was not given. */
const char *arguments_get(const struct arguments *arguments, const char *name);
bool arguments_has(const struct arguments *arguments, const char *name);

/* Is --json anywhere on the command line, even on one that cannot be parsed? An error is then told in JSON too. */
bool arguments_want_json(int argc, char **argv);

#endif
