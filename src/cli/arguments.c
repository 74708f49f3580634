#include "arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suggest.h"

static const struct option_spec *find_in(const struct option_spec *option, const char *name,
					 size_t length)
{
	for (; option && option->name; option++)
		if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
			return option;
	return NULL;
}

static const struct option_spec *letter_in(const struct option_spec *option, char letter)
{
	for (; option && option->name; option++)
		if (option->letter == letter)
			return option;
	return NULL;
}

/* Before the command is known an option may be any command's; a name takes a value in all commands or in none. */
static const struct option_spec *find_anywhere(const char *name, size_t length,
					       const struct command **ret_command)
{
	const struct option_spec *option = find_in(common_options, name, length);

	*ret_command = NULL;
	for (unsigned i = 0; !option && commands[i]; i++) {
		option = find_in(commands[i]->options, name, length);
		*ret_command = commands[i];
	}
	return option;
}

static const struct option_spec *letter_anywhere(char letter)
{
	const struct option_spec *option = letter_in(common_options, letter);

	for (unsigned i = 0; !option && commands[i]; i++)
		option = letter_in(commands[i]->options, letter);
	return option;
}

/* Does the argument take the next one as its value? */
static bool swallows_next(const char *argument)
{
	const struct option_spec *option;
	const struct command *owner;

	if (argument[1] == '-') {
		option = find_anywhere(argument + 2, strlen(argument + 2), &owner);
		return option && option->value;
	}
	for (const char *letter = argument + 1; *letter; letter++) {
		option = letter_anywhere(*letter);
		if (!option || option->value)
			return option && !letter[1];
	}
	return false;
}

static bool is_option(const char *argument)
{
	return argument[0] == '-' && argument[1];
}

/* The index of the command's name: the first argument that is neither an option nor the value of one; 0: none. */
static int find_command(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return 0;
		if (!is_option(argv[i]))
			return i;
		if (swallows_next(argv[i]))
			i++;
	}
	return 0;
}

static int unknown_command(const char *name, struct eph_error *reterr)
{
	struct suggestion suggestion = suggestion_init(name);

	for (unsigned i = 0; commands[i]; i++)
		suggestion_consider(&suggestion, commands[i]->name);
	if (suggestion.best)
		return error_set(reterr, -EINVAL, name, "no such command; did you mean '%s'?",
				 suggestion.best);
	return error_set(reterr, -EINVAL, name, "no such command; ephemports help lists them");
}

static int unknown_option(const struct command *command, const char *argument, size_t length,
			  struct eph_error *reterr)
{
	struct suggestion suggestion;
	const struct command *owner;
	char name[24];

	if (length >= sizeof(name))
		length = sizeof(name) - 1;
	memcpy(name, argument, length);
	name[length] = '\0';
	if (argument[1] == '-' && find_anywhere(name + 2, length - 2, &owner) && owner)
		return error_set(reterr, -EINVAL, name, "is an option of '%s', not of '%s'",
				 owner->name, command->name);
	suggestion = suggestion_init(name + 1 + (name[1] == '-'));
	for (const struct option_spec *o = common_options; name[1] == '-' && o->name; o++)
		suggestion_consider(&suggestion, o->name);
	for (const struct option_spec *o = command->options; name[1] == '-' && o && o->name; o++)
		suggestion_consider(&suggestion, o->name);
	if (suggestion.best)
		return error_set(reterr, -EINVAL, name,
				 "no such option of '%s'; did you mean '--%s'?", command->name,
				 suggestion.best);
	return error_set(reterr, -EINVAL, name,
			 "no such option of '%s'; ephemports help %s lists them", command->name,
			 command->name);
}

static const struct option_spec *known(const struct command *command, const char *name,
				       size_t length)
{
	const struct option_spec *option = find_in(command->options, name, length);

	return option ? option : find_in(common_options, name, length);
}

/* As its help says: "NAME...". */
static bool repeats(const struct option_spec *option)
{
	size_t length = option->value ? strlen(option->value) : 0;

	return length > 3 && strcmp(option->value + length - 3, "...") == 0;
}

static int keep(struct arguments *arguments, const struct option_spec *option, const char *value,
		struct eph_error *reterr)
{
	unsigned at = 0;

	while (at < arguments->n_options && (arguments->option[at] != option || repeats(option)))
		at++;
	if (at == ARGUMENTS_OPTIONS_MAX)
		return error_set(reterr, -EINVAL, "options", "too many of them");
	arguments->option[at] = option;
	arguments->value[at] = value;
	if (at == arguments->n_options)
		arguments->n_options++;
	return 0;
}

static int no_value(const struct option_spec *option, struct eph_error *reterr)
{
	char name[24] = "--";

	strncat(name, option->name, sizeof(name) - 3);
	return error_set(reterr, -EINVAL, name, "needs a value: --%s %s", option->name,
			 option->value);
}

/* --name, --name=value, --name value. @next is NULL at the end; *@used tells whether it was taken. */
static int parse_long(struct arguments *arguments, const char *argument, const char *next,
		      bool *used, struct eph_error *reterr)
{
	size_t length = strcspn(argument, "=");
	const struct option_spec *option = known(arguments->command, argument + 2, length - 2);
	const char *value = argument[length] ? argument + length + 1 : NULL;

	if (!option)
		return unknown_option(arguments->command, argument, length, reterr);
	if (!option->value && value)
		return error_set(reterr, -EINVAL, "options", "--%s takes no value", option->name);
	if (option->value && !value) {
		if (!next)
			return no_value(option, reterr);
		value = next;
		*used = true;
	}
	return keep(arguments, option, value ? value : "", reterr);
}

/* -j, -4j, -Nname, -N name. */
static int parse_short(struct arguments *arguments, const char *argument, const char *next,
		       bool *used, struct eph_error *reterr)
{
	for (const char *letter = argument + 1; *letter; letter++) {
		const struct option_spec *option = letter_in(arguments->command->options, *letter);
		const char wrong[] = {'-', *letter, '\0'};
		int r;

		if (!option)
			option = letter_in(common_options, *letter);
		if (!option)
			return unknown_option(arguments->command, wrong, 2, reterr);
		if (option->value && !letter[1] && !next)
			return no_value(option, reterr);
		if (option->value) {
			*used = !letter[1];
			return keep(arguments, option, letter[1] ? letter + 1 : next, reterr);
		}
		r = keep(arguments, option, "", reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_operands(const struct arguments *arguments, struct eph_error *reterr)
{
	const struct command *command = arguments->command;

	if (arguments->n_operands <= command->operands_max)
		return 0;
	return error_set(reterr, -EINVAL, command->name,
			 "'%.80s' is one operand too many; ephemports help %s",
			 arguments->operand[command->operands_max], command->name);
}

int arguments_parse(int argc, char **argv, struct arguments *ret, struct eph_error *reterr)
{
	int command_at = find_command(argc, argv);
	bool only_operands = false;

	*ret = (struct arguments){.command =
					  command_at ? command_find(argv[command_at]) : commands[0],
				  .command_given = command_at != 0};
	if (!ret->command)
		return unknown_command(argv[command_at], reterr);
	ret->operand = calloc((size_t)argc + 1, sizeof(*ret->operand));
	if (!ret->operand)
		return error_set(reterr, -ENOMEM, "options", "out of memory");
	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool used = false;
		int r = 0;

		if (i == command_at)
			continue;
		if (only_operands || !is_option(argv[i])) {
			ret->operand[ret->n_operands++] = argv[i];
			only_operands |= ret->command->starts_command;
		} else if (strcmp(argv[i], "--") == 0) {
			only_operands = true;
		} else if (argv[i][1] == '-') {
			r = parse_long(ret, argv[i], next, &used, reterr);
		} else {
			r = parse_short(ret, argv[i], next, &used, reterr);
		}
		if (r < 0)
			return r;
		i += used;
	}
	return check_operands(ret, reterr);
}

void arguments_done(struct arguments *arguments)
{
	free(arguments->operand);
	*arguments = (struct arguments){0};
}

const char *arguments_get(const struct arguments *arguments, const char *name)
{
	for (unsigned i = 0; i < arguments->n_options; i++)
		if (strcmp(arguments->option[i]->name, name) == 0)
			return arguments->value[i];
	return NULL;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
	return arguments_get(arguments, name) != NULL;
}

bool arguments_want_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			return true;
		if (!is_option(argv[i]))
			continue;
		if (argv[i][1] != '-')
			for (const char *letter = argv[i] + 1; *letter; letter++) {
				const struct option_spec *option = letter_anywhere(*letter);

				if (*letter == 'j')
					return true;
				if (!option || option->value)
					break;
			}
		if (swallows_next(argv[i]))
			i++;
	}
	return false;
}
