#include <errno.h>

#include "arguments.h"
#include "help.h"

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	const struct command *command;

	if (!arguments->n_operands) {
		help_program(&outcome->text);
		return 0;
	}
	command = command_find(arguments->operand[0]);
	if (!command)
		return error_set(reterr, -EINVAL, arguments->operand[0],
				 "no such command; ephemports help lists them");
	help_command(command, &outcome->text);
	return 0;
}

const struct command cmd_help = {
	.name = "help",
	.summary = "show help, in general or for one command",
	.operands = "[COMMAND]",
	.words = "@command",
	.operands_max = 2, /* "help range undo" is help for range */
	.plain = true,
	.run = run,
};
