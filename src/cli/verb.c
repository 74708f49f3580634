#include "verb.h"

#include <errno.h>
#include <string.h>

const struct verb *verb_find(const struct arguments *arguments, const struct verb *verbs)
{
	while (verbs->name && strcmp(verbs->name, arguments->operand[0]) != 0)
		verbs++;
	return verbs->name ? verbs : NULL;
}

static bool is_in(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

int verb_check(const struct arguments *arguments, const struct verb *verb, struct eph_error *reterr)
{
	const struct command *command = arguments->command;

	if (arguments->n_operands - 1 > verb->operands_max)
		return error_set(reterr, -EINVAL, command->name,
				 "'%.80s' is one operand too many for '%s'",
				 arguments->operand[verb->operands_max + 1], verb->name);
	for (unsigned i = 0; i < arguments->n_options; i++)
		for (const struct option_spec *own = command->options; own->name; own++)
			if (arguments->option[i] == own && !is_in(verb->options, own->name))
				return error_set(reterr, -EINVAL, command->name,
						 "--%s is no option of '%s'", own->name,
						 verb->name);
	return 0;
}
