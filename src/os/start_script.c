#include "start_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "edit_text.h"
#include "error.h"
#include "ndd.h"
#include "reserved.h"

#define MARK        "# Written by ephemports"
#define SCRIPTS_MAX 512u

/* "ndd -set /dev/tcp NAME VALUE" in a line of a script. */
struct script_set {
	struct text_span name, value;
};

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

static bool next_set(struct text_span *line, struct script_set *ret)
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

/* A number, or a variable to which the script gives one number, as EPHEM_LO="49152". */
static bool resolve(const struct os_file *file, struct text_span value, uint32_t *ret)
{
	struct text_lines lines = text_lines(file->text, file->length, false);
	struct text_span name, line, left, right;

	if (os_text_number(value, UINT16_MAX, ret))
		return true;
	if (!variable(value, &name))
		return false;
	while (text_line_next(&lines, &line))
		if (text_split(line, '=', &left, &right) && left.length == name.length &&
		    memcmp(left.start, name.start, name.length) == 0 &&
		    os_text_number(without_quotes(right), UINT16_MAX, ret))
			return true;
	return false;
}

/* Is @name this setting? A loop may write ${p}_smallest_anon_port: for which protocols is not looked after. */
static bool names(struct text_span name, const char *setting)
{
	const char *tail = strchr(setting, '_');

	return text_is(name, setting) || (text_begins(name, "$") && tail && text_ends(name, tail));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Which rc directory of boot_file, in the order of the boot; -1: none. */
static int rank(const struct os_system *system, const char *path)
{
	int rank = 0;

	for (const struct os_boot_file *boot = system->boot_file; boot->path; boot++, rank++) {
		size_t length = strlen(boot->path);

		if (boot->path[length - 1] == '*' && strncmp(path, boot->path, length - 1) == 0)
			return rank;
	}
	return -1;
}

static int compare(const struct os_system *system, const char *a, const char *b)
{
	int rank_a = rank(system, a), rank_b = rank(system, b);

	return rank_a != rank_b ? rank_a - rank_b : strcmp(base_name(a), base_name(b));
}

/* The script that runs next after @after (NULL: the first); NULL at the end. */
static const struct os_file *next_script(const struct os_system *system,
					 const struct os_files *files, const struct os_file *after)
{
	const struct os_file *next = NULL;

	for (size_t i = 0; i < files->count && i < SCRIPTS_MAX; i++) {
		const struct os_file *file = &files->file[i];

		if (rank(system, file->path) < 0 ||
		    (after && compare(system, file->path, after->path) <= 0))
			continue;
		if (!next || compare(system, file->path, next->path) < 0)
			next = file;
	}
	return next;
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

static void boot_script(struct os_state *state, const struct os_file *file)
{
	struct text_lines lines = text_lines(file->text, file->length, true);
	struct script_set set;
	struct text_span line;

	while (text_line_next(&lines, &line))
		while (next_set(&line, &set)) {
			boot_port(state, file, lines.number, set);
			for (size_t i = 0; i < state->ranges; i++)
				boot_set(&state->range[i], &set, file, lines.number);
		}
}

void start_script_boot(const struct start_script *script, struct os_state *state,
		       const struct os_files *files)
{
	const struct os_file *file = NULL;

	(void)script;
	while ((file = next_script(state->system, files, file)))
		boot_script(state, file);
}

static bool is_ours(const struct os_file *file)
{
	return file && memmem(file->text, file->length, MARK, sizeof(MARK) - 1);
}

static bool sets_list(const struct os_state *state, struct text_span name)
{
	if (!text_ends(name, "_add") && !text_ends(name, "_del"))
		return false;
	name.length -= sizeof("_add") - 1;
	for (const struct os_list *list = state->system->list; list && list->setting; list++)
		if (text_is(name, list->setting))
			return true;
	return false;
}

static bool sets_range(const struct os_state *state, const struct os_file *file)
{
	struct text_lines lines = text_lines(file->text, file->length, true);
	struct script_set set;
	struct text_span line;

	while (text_line_next(&lines, &line))
		while (next_set(&line, &set)) {
			if (sets_list(state, set.name))
				return true;
			for (size_t i = 0; i < state->ranges; i++)
				if (names(set.name, state->range[i].spec->low) ||
				    names(set.name, state->range[i].spec->high))
					return true;
		}
	return false;
}

bool start_script_is_set(const struct start_script *script, const struct os_state *state,
			 const struct os_files *files)
{
	const struct os_file *file = NULL;

	(void)script;
	while ((file = next_script(state->system, files, file)))
		if (sets_range(state, file))
			return true;
	return false;
}

/* What our script shall set: the plan, and what it set before and the plan does not speak of. */
static uint32_t wanted(const struct os_plan *plan, const struct os_file *old, const char *setting)
{
	const char *value = edit_wanted(plan, setting);
	struct text_span line = {value ? value : "", value ? strlen(value) : 0};
	struct text_lines lines = text_lines(old ? old->text : "", old ? old->length : 0, false);
	struct script_set set;
	uint32_t number = OS_UNREAD;

	if (value)
		return os_text_number(line, UINT16_MAX, &number) ? number : OS_UNREAD;
	while (text_line_next(&lines, &line))
		while (next_set(&line, &set))
			if (text_is(set.name, setting))
				resolve(old, set.value, &number);
	return number;
}

/* From whatever range to this one, so that smallest never passes largest. */
static void put_set(const struct os_range_spec *spec, uint32_t low, uint32_t high,
		    struct strbuf *out)
{
	struct text_span device = ndd_device(spec->high);
	int length = (int)device.length;

	strbuf_printf(out, "\t${NDD} -set /dev/%.*s %s 65535\n", length, device.start, spec->high);
	strbuf_printf(out, "\t${NDD} -set /dev/%.*s %s %u\n", length, device.start, spec->low, low);
	if (high != UINT16_MAX)
		strbuf_printf(out, "\t${NDD} -set /dev/%.*s %s %u\n", length, device.start,
			      spec->high, high);
}

static void put_status(const struct os_range_spec *spec, struct strbuf *out)
{
	struct text_span device = ndd_device(spec->high);
	char title[8] = "";

	for (size_t i = 0; i < device.length && i + 1 < sizeof(title); i++)
		title[i] = (char)(device.start[i] - ('a' - 'A'));
	strbuf_printf(out, "\tlow=`${NDD} /dev/%.*s %s`\n", (int)device.length, device.start,
		      spec->low);
	strbuf_printf(out, "\thigh=`${NDD} /dev/%.*s %s`\n", (int)device.length, device.start,
		      spec->high);
	strbuf_printf(out, "\techo \"%s ephemeral port range is ${low}..${high}.\"\n", title);
}

/* Lines of the script: ndd itself is a variable there. */
static void put_list(const struct os_list *list, const struct os_ports *minus,
		     const struct os_ports *plus, struct strbuf *out)
{
	struct strbuf commands = STRBUF_INIT;

	ndd_list_set("\t${NDD}", list, minus, plus, &commands);
	strbuf_add(out, commands.text, commands.length);
	strbuf_done(&commands);
}

/* What @file says of @list by itself, and then what @wish, if any, makes of that. */
static void list_wanted(const struct os_state *state, const struct os_reserved *reserved,
			const struct os_file *file, const struct os_list_wish *wish,
			struct port_set *ret_plus, struct port_set *ret_minus)
{
	CLEANUP(freep) struct os_state *own = calloc(1, sizeof(*own));
	size_t index = (size_t)(reserved - state->reserved);
	struct port_set against;

	if (!own)
		return;
	own->system = state->system;
	own->reserveds = state->reserveds;
	for (size_t i = 0; i < state->reserveds; i++)
		own->reserved[i] = (struct os_reserved){.setting = state->reserved[i].setting,
							.list = state->reserved[i].list};
	if (file)
		boot_script(own, file);
	*ret_plus = own->reserved[index].boot_plus;
	*ret_minus = own->reserved[index].boot_minus;
	if (!wish || !os_list_meant(reserved, wish) || os_list_is_kept(reserved, reserved, wish))
		return;
	os_list_against(reserved, wish, &against);
	port_set_remove_set(ret_plus, &wish->ports);
	port_set_remove_set(ret_minus, &wish->ports);
	port_set_add_set(wish->remove ? ret_minus : ret_plus,
			 wish->remove ? &against : &wish->ports);
}

static void put_lists(const struct os_state *state, const struct os_file *old,
		      const struct os_list_wish *wish, struct strbuf *out)
{
	for (size_t i = 0; i < state->reserveds; i++) {
		struct os_ports plus = {.set = {{0}}}, minus = {.set = {{0}}};

		if (!state->reserved[i].list)
			continue;
		list_wanted(state, &state->reserved[i], old, wish, &plus.set, &minus.set);
		put_list(state->reserved[i].list, &minus, &plus, out);
	}
}

static void put_script(const struct start_script *script, const struct os_state *state,
		       const struct os_plan *plan, const struct os_list_wish *wish,
		       const struct os_file *old, struct strbuf *out)
{
	strbuf_printf(out, "#!%s\n" MARK ": the ephemeral port ranges, set at each boot.\n",
		      script->shell);
	strbuf_printf(out, "NDD=%s\n\ncase \"${1:-start}\" in\nstart)\n", script->ndd);
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range_spec *spec = state->range[i].spec;
		uint32_t low = wanted(plan, old, spec->low), high = wanted(plan, old, spec->high);

		if (low != OS_UNREAD && high != OS_UNREAD)
			put_set(spec, low, high, out);
	}
	put_lists(state, old, wish, out);
	strbuf_puts(out, "\t;;\nstop)\n\t;;\nstart_msg)\n\techo \"Set the ephemeral port "
			 "ranges\"\n\t;;\nstop_msg)\n\t;;\nstatus)\n");
	/* UDP before TCP, as the script has it that started all this. */
	for (size_t i = state->ranges; i-- > 0;)
		if (state->range[i].known)
			put_status(state->range[i].spec, out);
	strbuf_puts(out, "\t;;\n*)\n\techo \"Usage: $0 { start | stop | status }\"\n\texit "
			 "1\n\t;;\nesac\nexit 0\n");
}

static const struct os_file *last_other(const struct os_state *state, const struct os_files *files)
{
	const struct os_file *file = NULL, *last = NULL;

	while ((file = next_script(state->system, files, file)))
		if (!is_ours(file) && sets_range(state, file))
			last = file;
	return last;
}

static bool linked_after(const struct os_state *state, const struct os_files *files,
			 const struct os_file *other)
{
	const struct os_file *file = NULL;

	while ((file = next_script(state->system, files, file)))
		if (is_ours(file) &&
		    (!other || compare(state->system, file->path, other->path) > 0))
			return true;
	return false;
}

/* A name that runs after @other: the usual one, else the same number and a z, else its own name and more. */
static void link_name(const struct start_script *script, const struct os_system *system,
		      const struct os_file *other, char *ret, size_t bytes)
{
	size_t directory, digits;
	const char *name;

	snprintf(ret, bytes, "%s", script->first);
	if (!other || compare(system, ret, other->path) > 0)
		return;
	name = base_name(other->path);
	directory = (size_t)(name - other->path);
	digits = 1 + strspn(name + 1, "0123456789");
	snprintf(ret, bytes, "%.*s%.*szephemports", (int)directory, other->path, (int)digits, name);
	if (compare(system, ret, other->path) <= 0)
		snprintf(ret, bytes, "%s-ephemports", other->path);
}

/* Our script in rc directories where it is a copy, not a link: the same text there. */
static int edit_copies(const struct os_state *state, const struct os_files *files,
		       const struct strbuf *text, struct os_edits *ret, struct eph_error *reterr)
{
	const struct os_file *file = NULL;
	int r = 0;

	while (r == 0 && (file = next_script(state->system, files, file))) {
		struct strbuf copy = STRBUF_INIT;

		if (!is_ours(file) || file->link)
			continue;
		strbuf_add(&copy, text->text, text->length);
		r = edit_add(ret, file->path, file, &copy, 0744, NULL, reterr);
	}
	return r;
}

/* Who followed the old advice has a script of this very name; ours then gets another. */
static struct start_script place_of(const struct start_script *script, const struct os_files *files)
{
	const struct os_file *there = edit_file(files, script->script);
	struct start_script place = *script;

	if (there && !is_ours(there)) {
		place.script = script->spare;
		place.to_script = script->to_spare;
	}
	return place;
}

static int write_script(const struct start_script *usual, const struct os_state *state,
			const struct os_files *files, const struct os_plan *plan,
			const struct os_list_wish *wish, struct os_edits *ret,
			struct eph_error *reterr)
{
	const struct start_script place = place_of(usual, files), *script = &place;
	const struct os_file *old = edit_file(files, script->script);
	const struct os_file *other = last_other(state, files);
	struct strbuf out = STRBUF_INIT;
	char link[512], note[160] = "";
	int r;

	if (old && !is_ours(old))
		return error_set(reterr, -EEXIST, "range",
				 "%s: is there and not ours; move it away, it would be overwritten",
				 script->script);
	if (other)
		snprintf(note, sizeof(note), "%.100s sets it too, and earlier", other->path);
	put_script(script, state, plan, wish, old, &out);
	r = edit_copies(state, files, &out, ret, reterr);
	if (r < 0)
		strbuf_done(&out);
	else
		r = edit_add(ret, script->script, old, &out, 0744, note, reterr);
	if (r < 0 || linked_after(state, files, other))
		return r;
	link_name(script, state->system, other, link, sizeof(link));
	return edit_add_link(ret, link, script->to_script, note, reterr);
}

int start_script_persist(const struct start_script *script, const struct os_state *state,
			 const struct os_files *files, const struct os_plan *plan,
			 struct os_edits *ret, struct eph_error *reterr)
{
	return write_script(script, state, files, plan, NULL, ret, reterr);
}

int start_script_list_persist(const struct start_script *script, const struct os_state *state,
			      const struct os_files *files, const struct os_list_wish *wish,
			      struct os_edits *ret, struct eph_error *reterr)
{
	const struct os_plan no_range = {.steps = 0};
	bool kept = true;

	for (size_t i = 0; i < state->reserveds; i++)
		kept &= !os_list_meant(&state->reserved[i], wish) ||
			os_list_is_kept(&state->reserved[i], &state->reserved[i], wish);
	return kept ? 0 : write_script(script, state, files, &no_range, wish, ret, reterr);
}
