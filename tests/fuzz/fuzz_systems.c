/* What commands print and files hold, of every system: the first byte chooses the system, the second what it is, the rest
 * is the text. Whatever it is, ranges have their ends in order, steps stay in bounds, and an edit, once made, is what the
 * next boot brings. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reserved.h"
#include "systems.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct os_system *chosen(uint8_t byte)
{
	size_t count = 0;

	do
		count++;
	while (os_systems[count]);
	return os_systems[byte % count];
}

static void check_state(const struct os_state *state)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];

		if (range->known && range->now.lo > range->now.hi)
			abort();
		if (range->boot_known && range->boot.lo > range->boot.hi)
			abort();
	}
}

static void check_plan(const struct os_state *state)
{
	struct os_wish wish = {
		OS_REGULAR, OS_TCP | OS_UDP, OS_IPV4 | OS_IPV6, {50000, 60000}, false};
	struct strbuf out = STRBUF_INIT;
	struct os_plan plan;

	if (os_plan(state, &wish, &plan, NULL) == 0)
		for (size_t i = 0; i < plan.steps; i++)
			if (!os_set_command(state, &plan.step[i], &out))
				abort();
	/* Nothing from outside ever gets into a command. */
	for (size_t i = 0; i < out.length; i++)
		if (out.text[i] < ' ' || out.text[i] > '~')
			abort();
	strbuf_done(&out);
}

static void check_printable(const struct strbuf *out)
{
	for (size_t i = 0; i < out->length; i++)
		if (out->text[i] != '\n' && (out->text[i] < ' ' || out->text[i] > '~'))
			abort();
}

/* What is on a list comes back from its value; and its commands are ours alone. */
static void check_lists(const struct os_state *state)
{
	static const struct os_list_wish wish = {.protocols = OS_TCP | OS_UDP,
						 .ports = {.word = {0, 1u << 16}}};

	for (size_t i = 0; i < state->reserveds; i++) {
		const struct os_list *list = state->reserved[i].list;
		struct strbuf value = STRBUF_INIT, out = STRBUF_INIT;
		struct os_ports now, again, after;

		os_reserved_now(&state->reserved[i], &now);
		os_ports_format(&now, &value);
		if (!list || port_set_has(&now.set, 0)) {
			strbuf_done(&value);
			continue;
		}
		if (os_ports_read(value.text, list->rows, &again) < 0 ||
		    memcmp(&again.set, &now.set, sizeof(now.set)) != 0)
			abort();
		os_ports_change(&now, &wish, list->rows, &after);
		os_list_commands(state, list, list->store, &now, &after, &out, NULL);
		check_printable(&out);
		strbuf_done(&out);
		strbuf_done(&value);
	}
}

/* Files that keep lists keep them: also those in which somebody wrote before. */
static void list_file(const struct os_system *system, struct os_state *state,
		      struct os_files *files, struct os_file *one)
{
	static struct os_state before;
	struct os_list_wish wish = {.protocols = OS_TCP | OS_UDP, .ports = {.word = {0, 1u << 16}}};
	struct os_edits edits;

	for (const struct os_list *list = system->list; list && list->setting; list++)
		state->reserved[state->reserveds++] =
			(struct os_reserved){.setting = list->setting,
					     .protocols = list->protocols,
					     .families = list->families,
					     .list = list};
	os_boot(state, files);
	before = *state;
	wish.remove = one->length & 1;
	if (os_list_persist(state, files, &wish, &edits, NULL) == 0 && edits.count == 1 &&
	    strcmp(edits.edit[0].path, one->path) == 0) {
		struct os_file old = *one;

		one->text = edits.edit[0].text;
		one->length = edits.edit[0].length;
		os_boot(state, files);
		for (size_t i = 0; i < state->reserveds; i++)
			if (!os_list_is_kept(&before.reserved[i], &state->reserved[i], &wish))
				abort();
		*one = old;
	}
	os_edits_done(&edits);
	state->reserveds = 0;
}

static void output(const struct os_system *system, const char *id, const char *text, size_t length)
{
	static struct os_state state;
	struct os_output one = {id, text, length};
	struct os_outputs outputs = {&one, 1};

	if (os_parse(system, "", &outputs, &state, NULL) < 0)
		return;
	os_warn(&state, NULL);
	check_state(&state);
	check_lists(&state);
	if (!(system->flags & OS_FIXED) && strcmp(system->name, "tru64") != 0)
		check_plan(&state);
}

/* The default range as read, and this text in its boot file. */
static void file(const struct os_system *system, const char *path, const char *text, size_t length)
{
	static struct os_state state;
	struct os_wish wish = {
		OS_REGULAR, OS_TCP | OS_UDP, OS_IPV4 | OS_IPV6, {50000, 60000}, false};
	struct os_file one[2] = {{path, text, length, false}};
	struct os_files files = {one, 1};
	struct os_outputs none = {NULL, 0};
	struct os_edits edits;

	os_parse(system, "", &none, &state, NULL);
	for (size_t i = 0; i < state.ranges; i++) {
		state.range[i].value[0] = state.range[i].built_in->range.lo;
		state.range[i].value[1] = state.range[i].built_in->range.hi;
		os_range_settle(&state, &state.range[i]);
	}
	if (system->list_persist)
		list_file(system, &state, &files, &one[0]);
	os_boot(&state, &files);
	check_state(&state);
	if (os_persist(&state, &files, &wish, &edits, NULL) == 0 && edits.count == 1 &&
	    strcmp(edits.edit[0].path, path) == 0) {
		one[0].text = edits.edit[0].text;
		one[0].length = edits.edit[0].length;
		os_boot(&state, &files);
		for (size_t i = 0; i < state.ranges; i++)
			if (state.range[i].spec->name == OS_REGULAR &&
			    (!state.range[i].boot_known || state.range[i].boot.lo != 50000 ||
			     state.range[i].boot.hi != 60000))
				abort();
	}
	os_edits_done(&edits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct os_system *system;
	const char *text = (const char *)data + 2;
	char release[16];

	if (size < 2)
		return 0;
	system = chosen(data[0]);
	if (data[1] == 'i') {
		os_identify(text, size - 2, release, sizeof(release));
	} else if (data[1] == 'f' && system->boot_file && system->persist) {
		const char *path = system->boot_file[0].path;

		file(system,
		     strcmp(system->name, "macos") == 0
			     ? "/Library/LaunchDaemons/local.ephemports.plist"
			     : path,
		     text, size - 2);
	} else if (data[1] >= '0' && data[1] <= '9') {
		const struct os_command *command = system->read;

		for (uint8_t n = '0'; command->id && n < data[1]; n++)
			command++;
		output(system, command->id ? command->id : "", text, size - 2);
	} else {
		output(system, "", text, size - 2);
	}
	return 0;
}
