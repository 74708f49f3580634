#include <errno.h>
#include <string.h>

#include "arguments.h"
#include "completion.h"

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	const char *shell = arguments->n_operands ? arguments->operand[0] : "";

	if (strcmp(shell, "bash") == 0)
		completion_bash(&outcome->text);
	else if (strcmp(shell, "zsh") == 0)
		completion_zsh(&outcome->text);
	else if (strcmp(shell, "fish") == 0)
		completion_fish(&outcome->text);
	else
		return error_set(reterr, -EINVAL, "completion",
				 "'%.20s' is not a shell: expected bash, zsh or fish", shell);
	return 0;
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.operands = "bash|zsh|fish",
	.words = "bash zsh fish",
	.operands_max = 1,
	.plain = true,
	.run = run,
};
