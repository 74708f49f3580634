#include "completion.h"

#include <string.h>

#include "command.h"

/* Text inside a shell's single quotes. */
static void add_quoted(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *text);
	}
}

static void add_command_names(struct strbuf *out)
{
	for (unsigned i = 0; commands[i]; i++)
		strbuf_printf(out, "%s%s", i ? " " : "", commands[i]->name);
}

static void add_option_names(const struct option_spec *option, struct strbuf *out)
{
	for (; option && option->name; option++) {
		strbuf_printf(out, " --%s", option->name);
		if (option->letter)
			strbuf_printf(out, " -%c", option->letter);
	}
}

/* case "$prev" in --by) words ...: the values of options. */
static void add_bash_values(const struct option_spec *option, struct strbuf *out)
{
	for (; option && option->name; option++) {
		if (!option->value)
			continue;
		strbuf_printf(out, "\t--%s", option->name);
		if (option->letter)
			strbuf_printf(out, "|-%c", option->letter);
		strbuf_puts(out, ")\n\t\t");
		if (!option->words)
			strbuf_puts(out, "COMPREPLY=()");
		else if (strcmp(option->words, "@file") == 0)
			strbuf_puts(out,
				    "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
		else if (strcmp(option->words, "@netns") == 0)
			/* Not compgen -W, which would run what stands in a name. */
			strbuf_puts(out,
				    "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))\n"
				    "\t\tfor word in /run/netns/*; do\n\t\t\tword=${word##*/}\n"
				    "\t\t\tif [[ $word != '*' && $word == \"$cur\"* ]]; then "
				    "COMPREPLY+=(\"$word\"); fi\n\t\tdone");
		else
			strbuf_printf(out, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))",
				      option->words);
		strbuf_puts(out, "\n\t\treturn;;\n");
	}
}

static void add_bash_command(const struct command *command, struct strbuf *out)
{
	strbuf_printf(out, "\t%s) words='", command->name);
	if (command->words && strcmp(command->words, "@command") == 0)
		add_command_names(out);
	else if (command->words)
		strbuf_puts(out, command->words);
	strbuf_puts(out, "' options='");
	add_option_names(command->options, out);
	strbuf_puts(out, "';;\n");
}

void completion_bash(struct strbuf *out)
{
	strbuf_puts(
		out,
		"# bash completion for ephemports\n_ephemports() {\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= "
		"words options word\n"
		"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase $word in\n\t\t");
	for (unsigned i = 0; commands[i]; i++)
		strbuf_printf(out, "%s%s", i ? "|" : "", commands[i]->name);
	strbuf_puts(out, ") command=$word; break;;\n\t\tesac\n\tdone\n\tcase $prev in\n");
	add_bash_values(common_options, out);
	for (unsigned i = 0; commands[i]; i++)
		add_bash_values(commands[i]->options, out);
	strbuf_puts(out, "\tesac\n\tcase $command in\n");
	for (unsigned i = 0; commands[i]; i++)
		add_bash_command(commands[i], out);
	strbuf_puts(out, "\t*) words='");
	add_command_names(out);
	strbuf_puts(out, "' options='");
	add_option_names(commands[0]->options, out);
	strbuf_puts(out, "';;\n\tesac\n\tif [[ $cur == -* ]]; then words=\"$options");
	add_option_names(common_options, out);
	strbuf_puts(out, "\"; fi\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
			 "complete -F _ephemports ephemports\n");
}

static void add_zsh_options(const struct option_spec *option, struct strbuf *out)
{
	for (; option && option->name; option++) {
		strbuf_puts(out, " \\\n\t\t'");
		if (option->letter)
			strbuf_printf(out, "(-%c --%s)'{-%c,--%s%s}'", option->letter, option->name,
				      option->letter, option->name, option->value ? "=" : "");
		else
			strbuf_printf(out, "--%s%s", option->name, option->value ? "=" : "");
		strbuf_putc(out, '[');
		for (const char *c = option->help; *c; c++) {
			if (strchr("[]:\\", *c))
				strbuf_putc(out, '\\');
			if (*c == '\'')
				strbuf_puts(out, "'\\''");
			else
				strbuf_putc(out, *c);
		}
		strbuf_putc(out, ']');
		if (option->value)
			strbuf_printf(out, ":%s:", option->value);
		if (option->value && option->words && strcmp(option->words, "@file") == 0)
			strbuf_puts(out, "_files");
		else if (option->value && option->words && strcmp(option->words, "@netns") == 0)
			strbuf_puts(out, "_files -W \"(/run/netns .)\"");
		else if (option->value && option->words)
			strbuf_printf(out, "(%s)", option->words);
		strbuf_putc(out, '\'');
	}
}

static void add_zsh_command(const struct command *command, struct strbuf *out)
{
	strbuf_printf(out, "\t%s)\n\t\t_arguments -s", command->name);
	add_zsh_options(command->options, out);
	if (!command->plain)
		add_zsh_options(common_options, out);
	if (*command->operands) {
		strbuf_puts(out, " \\\n\t\t'*:operand:(");
		if (command->words && strcmp(command->words, "@command") == 0)
			add_command_names(out);
		else if (command->words)
			strbuf_puts(out, command->words);
		strbuf_puts(out, ")'");
	}
	strbuf_puts(out, ";;\n");
}

void completion_zsh(struct strbuf *out)
{
	strbuf_puts(out, "#compdef ephemports\n"
			 "local -a names=(");
	add_command_names(out);
	strbuf_puts(out, ")\nlocal -a described=(\n");
	for (unsigned i = 0; commands[i]; i++) {
		strbuf_printf(out, "\t'%s:", commands[i]->name);
		add_quoted(out, commands[i]->summary);
		strbuf_puts(out, "'\n");
	}
	strbuf_printf(out,
		      ")\nlocal word command=\n"
		      "for word in ${words[2,CURRENT-1]}; do\n"
		      "\tif (( ${names[(Ie)$word]} )); then command=$word; break; fi\ndone\n"
		      "if [[ -z $command && $PREFIX != -* ]]; then\n"
		      "\t_describe command described\n\treturn\nfi\n"
		      "case ${command:-%s} in\n",
		      commands[0]->name);
	for (unsigned i = 0; commands[i]; i++)
		add_zsh_command(commands[i], out);
	strbuf_puts(out, "esac\n");
}

static void add_fish_options(const struct option_spec *option, const char *condition,
			     struct strbuf *out)
{
	for (; option && option->name; option++) {
		strbuf_puts(out, "complete -c ephemports");
		if (*condition)
			strbuf_printf(out, " -n '%s'", condition);
		strbuf_printf(out, " -l %s", option->name);
		if (option->letter)
			strbuf_printf(out, " -s %c", option->letter);
		if (option->value)
			strbuf_puts(out, " -r");
		if (option->words && strcmp(option->words, "@file") == 0)
			strbuf_puts(out, " -F");
		else if (option->words && strcmp(option->words, "@netns") == 0)
			strbuf_puts(out, " -F -a '(command ls /run/netns 2>/dev/null)'");
		else if (option->words)
			strbuf_printf(out, " -f -a '%s'", option->words);
		strbuf_puts(out, " -d '");
		add_quoted(out, option->help);
		strbuf_puts(out, "'\n");
	}
}

void completion_fish(struct strbuf *out)
{
	struct strbuf condition = STRBUF_INIT;

	strbuf_puts(out, "# fish completion for ephemports\ncomplete -c ephemports -f\n");
	add_fish_options(common_options, "", out);
	for (unsigned i = 0; commands[i]; i++) {
		const struct command *command = commands[i];

		strbuf_printf(out, "complete -c ephemports -n __fish_use_subcommand -a %s -d '",
			      command->name);
		add_quoted(out, command->summary);
		strbuf_puts(out, "'\n");
		strbuf_clear(&condition);
		strbuf_printf(&condition, "__fish_seen_subcommand_from %s", command->name);
		add_fish_options(command->options, condition.text, out);
		if (!command->words)
			continue;
		strbuf_printf(out, "complete -c ephemports -n '%s' -a '", condition.text);
		if (strcmp(command->words, "@command") == 0)
			add_command_names(out);
		else
			strbuf_puts(out, command->words);
		strbuf_puts(out, "'\n");
	}
	strbuf_done(&condition);
}
