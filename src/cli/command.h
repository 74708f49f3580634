/*
 * What a command is: one constant per command, in cmd_NAME.c, named in commands.def. Parsing, --help, completion and the
 * tests that hold them against the man pages are all derived from these constants.
 */
#ifndef EPH_CLI_COMMAND_H
#define EPH_CLI_COMMAND_H

#include <stdbool.h>

#include "error.h"
#include "strbuf.h"

struct arguments;

struct option_spec {
	const char *name;  /* without the dashes; NULL ends a list */
	char letter;       /* short form, or 0 */
	const char *value; /* what it takes: "FILE"; NULL for a flag */
	const char *help;  /* one line */
	/* values to complete, separated by blanks; "@file" for file names, "@netns" for namespaces; or NULL */
	const char *words;
};

/* What a command leaves behind: main() prints it, once, at the end. */
struct outcome {
	struct strbuf text;
	int status;
	int error_status; /* on failure; 0: STATUS_ERROR */
	bool changed;     /* the machine, which stands even when the answer cannot be printed */
};

/* Exit statuses, the same for every command. */
enum {
	STATUS_FINE = 0,
	STATUS_WARNING = 1,
	STATUS_CRITICAL = 2,
	STATUS_ERROR = 3,
};

struct command {
	const char *name;
	const char *summary;  /* one line, lower case */
	const char *operands; /* "DST:PORT", "[FILTER...]"; "" for none */
	const char *details;  /* paragraph below the usage line of --help; NULL: none */
	const char *words;    /* operands to complete, as in option_spec; NULL: none */
	const struct option_spec *options;
	unsigned operands_max; /* more are refused */
	bool plain;            /* does not take the common options */
	bool starts_command;   /* options end at the first operand: it is another program's name */
	int error_status;      /* when the command line is wrong; 0: STATUS_ERROR */
	/* Return: 0 with @outcome filled; negative errno with @reterr: printed, and the exit status is 3. */
	int (*run)(const struct arguments *arguments, struct outcome *outcome,
		   struct eph_error *reterr);
};

extern const struct option_spec common_options[];

/* All commands in the order of help, NULL at the end; the first is the default. */
extern const struct command *const commands[];

const struct command *command_find(const char *name); /* NULL: there is none */

#define COMMAND(name) extern const struct command cmd_##name;
#include "commands.def"
#undef COMMAND

#endif
