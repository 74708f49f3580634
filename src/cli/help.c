#include "help.h"

#include <string.h>

#include "screen.h"

#define HELP_WIDTH 80u

static void add_option(const struct option_spec *option, struct strbuf *out)
{
	size_t start = out->length;
	unsigned column;

	if (option->letter)
		strbuf_printf(out, "  -%c, --%s", option->letter, option->name);
	else
		strbuf_printf(out, "      --%s", option->name);
	if (option->value)
		strbuf_printf(out, " %s", option->value);
	column = (unsigned)(out->length - start);
	if (column > 26) {
		strbuf_putc(out, '\n');
		column = 0;
	}
	strbuf_printf(out, "%*s", (int)(28 - column), "");
	screen_wrap(out, option->help, 28, 28, HELP_WIDTH);
}

static void add_options(const char *title, const struct option_spec *option, struct strbuf *out)
{
	if (!option || !option->name)
		return;
	strbuf_printf(out, "\n%s:\n", title);
	for (; option->name; option++)
		add_option(option, out);
}

void help_program(struct strbuf *out)
{
	strbuf_puts(out, "usage: ephemports [OPTION...] [COMMAND] [OPERAND...]\n\n"
			 "How many more connections can this host open, to whom, and who uses them "
			 "up?\nWithout a command: status.\n\n"
			 "commands:\n");
	for (unsigned i = 0; commands[i]; i++) {
		strbuf_printf(out, "  %-12s", commands[i]->name);
		screen_wrap(out, commands[i]->summary, 14, 14, HELP_WIDTH);
	}
	add_options("common options", common_options, out);
	strbuf_puts(out, "\nexit status: 0 fine, 1 warning, 2 critical or \"no\", 3 could not tell "
			 "or error\n"
			 "ephemports help COMMAND tells more; so does man ephemports-COMMAND.\n");
}

void help_command(const struct command *command, struct strbuf *out)
{
	struct strbuf usage = STRBUF_INIT;

	strbuf_printf(&usage, "usage: ephemports %s [OPTION...]%s%s", command->name,
		      *command->operands ? " " : "", command->operands);
	screen_wrap(out, usage.text, 0, 7, HELP_WIDTH);
	out->failed |= usage.failed;
	strbuf_done(&usage);
	strbuf_putc(out, '\n');
	screen_wrap(out, command->summary, 0, 0, HELP_WIDTH);
	if (command->details) {
		strbuf_putc(out, '\n');
		screen_wrap(out, command->details, 0, 0, HELP_WIDTH);
	}
	add_options("options", command->options, out);
	if (!command->plain)
		add_options("common options", common_options, out);
}
