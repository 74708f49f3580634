#include "script_sets.h"

#include <string.h>

#include "edit_text.h"
#include "os_text.h"
#include "reserved.h"

static struct text_span without_quotes(struct text_span word)
{
	while (word.length && strchr("\"';", word.start[word.length - 1]))
		word.length--;
	while (word.length && strchr("\"'", *word.start)) {
		word.start++;
		word.length--;
	}
	return word;
}

bool script_sets_next(struct text_span *line, struct script_set *ret)
{
	struct text_span word;

	while (text_word_next(line, &word)) {
		if (text_begins(word, "#"))
			return false;
		if (!text_is(word, "-set"))
			continue;
		if (!text_word_next(line, &word) || !text_word_next(line, &ret->name) ||
		    !text_word_next(line, &ret->value))
			return false;
		ret->name = without_quotes(ret->name);
		ret->value = without_quotes(ret->value);
		return true;
	}
	return false;
}

/* The name in $NAME or ${NAME}. */
static bool variable(struct text_span word, struct text_span *ret)
{
	if (!text_begins(word, "$"))
		return false;
	*ret = (struct text_span){word.start + 1, word.length - 1};
	if (text_begins(*ret, "{") && text_ends(*ret, "}"))
		*ret = (struct text_span){ret->start + 1, ret->length - 2};
	return ret->length != 0;
}

/* A number, or a variable to which the script last gave one before, as EPHEM_LO="49152". */
static bool resolve(const struct os_file *file, struct text_span value, uint32_t *ret)
{
	struct text_lines lines = text_lines(file->text, file->length, false);
	struct text_span name, line, left, right;
	bool found = false;

	if (os_text_number(value, UINT16_MAX, ret))
		return true;
	if (!variable(value, &name))
		return false;
	while (text_line_next(&lines, &line) && line.start + line.length <= value.start)
		if (text_split(line, '=', &left, &right) && left.length == name.length &&
		    memcmp(left.start, name.start, name.length) == 0)
			found = os_text_number(without_quotes(right), UINT16_MAX, ret);
	return found;
}

/* Is @name this setting? A loop may write ${p}_smallest_anon_port: for which protocols is not looked after. */
static bool names(struct text_span name, const char *setting)
{
	const char *tail = strchr(setting, '_');

	return text_is(name, setting) || (text_begins(name, "$") && tail && text_ends(name, tail));
}

static void boot_set(struct os_range *range, const struct script_set *set,
		     const struct os_file *file, uint32_t line)
{
	for (int end = 0; end < 2; end++) {
		uint32_t value;

		if (!names(set->name, end == OS_END_LOW ? range->spec->low : range->spec->high))
			continue;
		if (text_begins(set->name, "$") || !resolve(file, set->value, &value))
			value = UINT16_MAX + 1;
		range->boot_value[end] = value;
		edit_where(range, file->path, line);
	}
}

/* "tcp_extra_priv_ports_add" and "..._del": the list. */
static struct os_reserved *list_of(struct os_state *state, struct text_span name, bool *ret_add)
{
	*ret_add = text_ends(name, "_add");
	if (!*ret_add && !text_ends(name, "_del"))
		return NULL;
	name.length -= sizeof("_add") - 1;
	for (size_t i = 0; i < state->reserveds; i++)
		if (state->reserved[i].list && text_is(name, state->reserved[i].setting))
			return &state->reserved[i];
	return NULL;
}

static void boot_port(struct os_state *state, const struct os_file *file, unsigned line,
		      struct script_set set)
{
	struct port_set one = {{0}}, none = {{0}};
	bool add;
	struct os_reserved *reserved = list_of(state, set.name, &add);
	uint32_t port;

	if (!reserved || !resolve(file, set.value, &port) || !port)
		return;
	port_set_add(&one, (uint16_t)port);
	os_list_boot_line(reserved, false, add ? &one : &none, add ? &none : &one, file->path,
			  line);
}

void script_sets_boot(struct os_state *state, const struct os_file *file)
{
	struct text_lines lines = text_lines(file->text, file->length, true);
	struct script_set set;
	struct text_span line;

	while (text_line_next(&lines, &line))
		while (script_sets_next(&line, &set)) {
			boot_port(state, file, lines.number, set);
			for (size_t i = 0; i < state->ranges; i++)
				boot_set(&state->range[i], &set, file, lines.number);
		}
}

bool script_sets_list(const struct os_state *state, struct text_span name)
{
	if (!text_ends(name, "_add") && !text_ends(name, "_del"))
		return false;
	name.length -= sizeof("_add") - 1;
	for (const struct os_list *list = state->system->list; list && list->setting; list++)
		if (text_is(name, list->setting))
			return true;
	return false;
}

bool script_sets_one(const struct os_file *file, const struct os_range_spec *spec)
{
	struct text_lines lines = text_lines(file->text, file->length, true);
	struct script_set set;
	struct text_span line;

	while (text_line_next(&lines, &line))
		while (script_sets_next(&line, &set))
			if (names(set.name, spec->low) || names(set.name, spec->high))
				return true;
	return false;
}

bool script_sets_range(const struct os_state *state, const struct os_file *file)
{
	struct text_lines lines = text_lines(file->text, file->length, true);
	struct script_set set;
	struct text_span line;

	for (size_t i = 0; i < state->ranges; i++)
		if (script_sets_one(file, state->range[i].spec))
			return true;
	while (text_line_next(&lines, &line))
		while (script_sets_next(&line, &set))
			if (script_sets_list(state, set.name))
				return true;
	return false;
}
