#include "reserve_host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "change_view.h"
#include "look.h"
#include "many_hosts.h"
#include "range_remote.h"
#include "reserve_notes.h"
#include "reserve_ports.h"
#include "reserved.h"
#include "reserved_view.h"

/* All that a run on one host knows. */
struct reserving {
	const struct arguments *arguments;
	bool changes, dry_run, persist;
	struct os_list_wish wish;
	struct host_change *change;
	struct reserve_notes notes;
};

static int parse(struct reserving *reserving, struct eph_error *reterr)
{
	const struct arguments *arguments = reserving->arguments;
	const char *verb = arguments->n_operands ? arguments->operand[0] : "show";
	bool tcp = arguments_has(arguments, "tcp"), udp = arguments_has(arguments, "udp");

	reserving->wish.remove = strcmp(verb, "remove") == 0;
	reserving->changes = reserving->wish.remove || strcmp(verb, "add") == 0;
	reserving->dry_run = arguments_has(arguments, "dry-run");
	reserving->persist = !arguments_has(arguments, "no-persist");
	reserving->wish.protocols = tcp == udp ? OS_TCP | OS_UDP : tcp ? OS_TCP : OS_UDP;
	if (!reserving->changes && strcmp(verb, "show") != 0)
		return error_set(reterr, -EINVAL, "reserve", "'%.60s' is none of show, add, remove",
				 verb);
	if (!reserving->changes && arguments->n_operands > 1)
		return error_set(reterr, -EINVAL, "reserve", "'show' takes no ports");
	if (reserving->changes && arguments->n_operands < 2)
		return error_set(reterr, -EINVAL, "reserve",
				 "which ports? as in: reserve %s 3306,8000-8010", verb);
	return reserve_ports_listed(arguments, 1, &reserving->wish.ports, reterr);
}

static void show_lists(const struct reserving *reserving, const char *host, struct host_row *row,
		       struct outcome *outcome)
{
	const struct os_state *state = &reserving->change->state;
	struct reserved_view view = {.state = state, .host = host};
	struct screen screen = look_screen();
	uint32_t ports = 0;

	view.name = state->system->name;
	view.title = state->system->title;
	view.instead = state->system->list ? NULL : state->system->no_list;
	for (size_t i = 0; i < state->reserveds; i++) {
		view.command[i] = os_reserved_add_command(state->system, &state->reserved[i]);
		ports += port_set_count(&state->reserved[i].ports);
	}
	snprintf(row->text, sizeof(row->text), "%s  %zu lists, %u ports", state->system->title,
		 state->reserveds, ports);
	if (arguments_has(reserving->arguments, "json"))
		reserved_view_json(&view, &outcome->text);
	else
		reserved_view_text(&view, &screen, &outcome->text);
}

/* Systems that go upwards from a random port. */
static bool goes_upwards(const struct os_system *system)
{
	static const char *const names[] = {"illumos", "linux", "openbsd", "solaris10",
					    "solaris11"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(system->name, names[i]) == 0)
			return true;
	return false;
}

/* The regular range that the list is about; NULL: it was not read. */
static const struct os_range *range_of(const struct os_state *state,
				       const struct os_reserved *reserved)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];

		if (range->known && range->spec->name == OS_REGULAR &&
		    range->spec->protocols & reserved->protocols &&
		    range->spec->families & reserved->families)
			return range;
	}
	return NULL;
}

static void judge(struct reserving *reserving)
{
	const struct os_state *state = &reserving->change->state;

	if (reserving->wish.remove || !reserving->change->change->steps)
		return;
	for (size_t i = 0; i < state->reserveds; i++) {
		const struct os_reserved *reserved = &state->reserved[i];
		const struct os_range *range = range_of(state, reserved);
		struct port_set after = reserved->ports;

		if (!range || !reserved->list || !os_list_meant(reserved, &reserving->wish))
			continue;
		port_set_add_set(&after, &reserving->wish.ports);
		reserve_notes_add(&reserving->notes, &reserving->wish.ports, &reserved->ports,
				  &after, range->now, goes_upwards(state->system));
	}
}

static void add_notes(const struct reserving *reserving, struct change_view *view)
{
	const struct host_change *change = reserving->change;
	const struct os_system *system = change->state.system;
	const struct os_list *list = system->list;

	for (size_t i = 0; i < change->edits.count && view->notes < CHANGE_NOTES_MAX - 2; i++)
		if (*change->edits.edit[i].note)
			view->note[view->notes++] = change->edits.edit[i].note;
	if (reserving->wish.protocols != (OS_TCP | OS_UDP) &&
	    list[0].protocols == (OS_TCP | OS_UDP))
		view->note[view->notes++] = "there is one list for TCP and UDP: it is for both";
	if (change->change->steps && (system->flags & OS_REBOOT))
		view->note[view->notes++] = "it counts after a reboot";
	for (unsigned i = 0; i < reserving->notes.notes && view->notes < CHANGE_NOTES_MAX; i++)
		view->note[view->notes++] = reserving->notes.note[i].text;
}

static void show_change(struct reserving *reserving, struct host_row *row, struct outcome *outcome)
{
	const struct change *change = reserving->change->change;
	struct change_view view = {
		.change = change, .dry_run = reserving->dry_run, .persisted = reserving->persist};
	struct screen screen = look_screen();

	for (unsigned i = 0; i < change->steps; i++)
		view.command[i] = reserving->change->command[i];
	judge(reserving);
	add_notes(reserving, &view);
	snprintf(row->text, sizeof(row->text), "%s %s%s%s", reserving->change->state.system->title,
		 !change->steps       ? "has it so already"
		 : reserving->dry_run ? "would change"
				      : "changed",
		 *change->id ? ", undo " : "", change->id);
	if (arguments_has(reserving->arguments, "json"))
		change_view_json(&view, &outcome->text);
	else
		change_view_text(&view, &screen, &outcome->text);
}

static int change_host(struct range_remote *remote, struct reserving *reserving,
		       struct outcome *outcome, struct eph_error *reterr)
{
	struct host_change *change = reserving->change;
	int r = host_change_reserve(&remote->host, change, &reserving->wish, reserving->persist,
				    reterr);

	if (r == 0 && !reserving->dry_run)
		r = change_apply(&remote->run, change->change, reterr);
	outcome->changed = r == 0 && !reserving->dry_run && change->change->steps;
	return r;
}

static int run(const struct arguments *arguments, const char *host, struct host_row *row,
	       struct outcome *outcome, struct eph_error *reterr)
{
	struct reserving reserving = {.arguments = arguments};
	struct range_remote remote = {.reached = false};
	int r = parse(&reserving, reterr);

	if (r == 0)
		r = range_remote_open(arguments, host, reserving.changes && !reserving.dry_run,
				      &remote, reterr);
	if (r == 0)
		r = host_change_read(&remote.host, &reserving.change, reterr);
	if (r == 0 && reserving.changes)
		r = change_host(&remote, &reserving, outcome, reterr);
	if (r == 0 && reserving.changes)
		show_change(&reserving, row, outcome);
	else if (r == 0)
		show_lists(&reserving, host, row, outcome);
	range_remote_close(&remote);
	reserve_notes_done(&reserving.notes);
	host_change_free(reserving.change);
	return r;
}

int reserve_host(const struct arguments *arguments, struct outcome *outcome,
		 struct eph_error *reterr)
{
	static const char *const others[] = {"listeners", "services"};
	bool changes = arguments->n_operands && strcmp(arguments->operand[0], "show") != 0;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (arguments_has(arguments, others[i]))
			return error_set(reterr, -EINVAL, "options",
					 "--host and --%s exclude each other", others[i]);
	return many_hosts(arguments, run, changes ? MANY_HOSTS_ROWS : MANY_HOSTS_SECTIONS, outcome,
			  reterr);
}
