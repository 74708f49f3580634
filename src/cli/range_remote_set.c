#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change_view.h"
#include "look.h"
#include "number.h"
#include "os_words.h"
#include "range.h"
#include "range_remote_guard.h"
#include "range_wish.h"

/* All that a run knows. */
struct setting {
	const struct arguments *arguments;
	bool reset, dry_run, persist;
	unsigned confirm_s;
	struct os_wish wish;
	struct host_change *change;
	struct range_waiting waiting;
	bool waits; /* something does */
	struct strbuf note[CHANGE_NOTES_MAX];
	unsigned notes, warnings;
};

static struct strbuf *add_note(struct setting *set)
{
	static struct strbuf spare;

	if (set->notes == CHANGE_NOTES_MAX)
		return &spare;
	set->note[set->notes] = (struct strbuf)STRBUF_INIT;
	return &set->note[set->notes++];
}

static int choose_range(struct setting *set, struct eph_error *reterr)
{
	int r;

	set->wish.unset = set->reset;
	if (set->reset)
		return host_change_default(set->change, set->wish.name, &set->wish.range, reterr);
	r = range_wish_read(set->arguments, set->change->state.system, &set->wish.range, reterr);
	return r;
}

/* What will be said of the ranges once they are set. */
static void note_warnings(struct range_remote *remote, struct setting *set)
{
	struct os_state *state = malloc(sizeof(*state));

	if (!state)
		return;
	*state = set->change->state;
	for (size_t i = 0; i < state->ranges; i++) {
		struct os_range *range = &state->range[i];

		if (range->spec->name != set->wish.name || !range->known)
			continue;
		range->value[OS_END_LOW] = set->wish.range.lo;
		range->value[OS_END_HIGH] = set->wish.range.hi;
		range->now = set->wish.range;
		range->boot_known = false;
	}
	range_remote_listen(remote);
	os_warn(state, remote->listened ? &remote->listeners : NULL);
	for (size_t i = 0; i < state->ranges; i++)
		for (unsigned bit = 0; bit < OS_WARNINGS; bit++)
			if (state->range[i].spec->name == set->wish.name &&
			    state->range[i].warnings & 1u << bit &&
			    !(i && state->range[i - 1].warnings & 1u << bit)) {
				struct strbuf *note = add_note(set);

				strbuf_printf(note, "%u-%u: ", set->wish.range.lo,
					      set->wish.range.hi);
				os_warning_words(&state->range[i], 1u << bit, note);
				set->warnings++;
			}
	free(state);
}

static void note_edits(struct setting *set)
{
	if (set->change->state.system->flags & OS_REBOOT && set->change->change->steps) {
		strbuf_puts(add_note(set), "it counts after a reboot: until then the range that "
					   "runs stays as it was");
		set->warnings++;
	}
	for (size_t i = 0; i < set->change->edits.count; i++)
		if (*set->change->edits.edit[i].note)
			strbuf_puts(add_note(set), set->change->edits.edit[i].note);
	if (set->confirm_s && set->change->change->steps)
		strbuf_printf(add_note(set),
			      "undone by itself in %s s, and by a reboot, unless you confirm it: "
			      "ephemports range confirm --host %s",
			      GROUPED(set->confirm_s), set->change->change->place.host);
	if (set->reset && set->persist && set->change->edits.count)
		strbuf_puts(add_note(set), set->change->boot_set
						   ? "what keeps the range holds the default now"
						   : "no file sets the range any more");
}

/* SCTP and IPv6 came later. That one of them is not there, or was not read, need not be what was expected. */
static void note_left_out(struct setting *set)
{
	const struct os_state *state = &set->change->state;

	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range_spec *spec = state->range[i].spec;
		struct strbuf *note;

		if (state->range[i].known || spec->name != set->wish.name ||
		    !(spec->protocols & set->wish.protocols))
			continue;
		note = add_note(set);
		os_protocol_words(spec->protocols, spec->families, note);
		strbuf_printf(note, " is left out: %s is not there, or could not be read",
			      spec->high);
	}
}

static void show(struct setting *set, struct host_row *row, struct outcome *outcome)
{
	struct screen screen = look_screen();
	const struct change *change = set->change->change;
	struct change_view view = {.change = change,
				   .dry_run = set->dry_run,
				   .persisted = set->persist,
				   .ports = set->wish.range.hi ? port_range_width(set->wish.range)
							       : 0};

	for (unsigned i = 0; i < change->steps; i++)
		if (set->change->command[i])
			view.command[i] = set->change->command[i];
	for (unsigned i = 0; i < set->notes; i++)
		view.note[view.notes++] = set->note[i].text;
	outcome->status = set->warnings ? STATUS_WARNING : STATUS_FINE;
	snprintf(row->text, sizeof(row->text), "%s %s%u-%u%s%s", set->change->state.system->title,
		 !change->steps ? "already "
		 : set->dry_run ? "would become "
				: "",
		 set->wish.range.lo, set->wish.range.hi, *change->id ? ", undo " : "", change->id);
	if (arguments_has(set->arguments, "json"))
		change_view_json(&view, &outcome->text);
	else
		change_view_text(&view, &screen, &outcome->text);
}

/* Nothing that was set for a while is taken back over the head of a change. */
static int end_waiting(struct range_remote *remote, struct setting *set, struct eph_error *reterr)
{
	int r = set->waits ? range_waiting_end(remote, &set->waiting, reterr) : 0;

	if (r == -ESRCH)
		return error_set(reterr, -ESTALE, "range",
				 "%.80s: %u-%u, set for a while, was taken back just now; nothing "
				 "was done: try again",
				 remote->host.runner.place.host, set->waiting.range.lo,
				 set->waiting.range.hi);
	if (r == 0 && set->waits)
		strbuf_printf(add_note(set),
			      "%u-%u, set for a while, waits no more: this change came after it",
			      set->waiting.range.lo, set->waiting.range.hi);
	return r;
}

/* The guard before the first step: whatever happens to us, the range is taken back. */
static int apply(struct range_remote *remote, struct setting *set, struct eph_error *reterr)
{
	struct change *change = set->change->change;
	int r = 0;

	if (set->dry_run || !change->steps)
		return 0;
	r = end_waiting(remote, set, reterr);
	set->waiting.name = set->wish.name;
	set->waiting.protocols = set->wish.protocols;
	set->waiting.range = set->wish.range;
	if (r == 0 && set->confirm_s)
		r = range_waiting_arm(remote, set->change, set->confirm_s, &set->waiting, reterr);
	if (r < 0)
		return r;
	r = change_apply(&remote->run, change, reterr);
	if (set->confirm_s && r == 0) {
		range_waiting_name(remote, &set->waiting, change->id);
		r = range_waiting_in_time(remote, &set->waiting, reterr);
	} else if (set->confirm_s)
		range_waiting_end(remote, &set->waiting, NULL);
	return r;
}

/* What was set for a while before. Where this change shall wait, too, only one of them can. */
static int settle_waiting(struct range_remote *remote, struct setting *set,
			  struct eph_error *reterr)
{
	enum range_guard_state state;
	int r = set->dry_run ? 0 : range_waiting_settle(remote, &set->waiting, &state, reterr);

	if (r <= 0)
		return r;
	set->waits = true;
	if (!set->confirm_s)
		return 0;
	set->waits = false;
	if (state == RANGE_GUARD_KILLED)
		return range_waiting_take_back(remote, &set->waiting, reterr);
	return error_set(reterr, -EBUSY, "range",
			 "%.80s: %u-%u waits there: ephemports range confirm --host %.80s",
			 remote->host.runner.place.host, set->waiting.range.lo,
			 set->waiting.range.hi, remote->host.runner.place.host);
}

static int change_host(struct range_remote *remote, struct setting *set, struct outcome *outcome,
		       struct eph_error *reterr)
{
	int r = settle_waiting(remote, set, reterr);

	if (r == 0)
		r = host_change_read(&remote->host, &set->change, reterr);
	if (r == 0 && set->change->state.system->flags & OS_FIXED) {
		outcome->error_status = STATUS_CRITICAL;
		return error_set(reterr, -EPERM, "range", "%s", set->change->state.system->because);
	}
	if (r == 0 && set->confirm_s)
		r = range_waiting_check(remote, reterr);
	if (r == 0 && !set->persist && set->change->state.system->flags & OS_REBOOT)
		r = error_set(
			reterr, -EOPNOTSUPP, "range",
			"--no-persist cannot be had on %s: a change shows only after a reboot",
			set->change->state.system->title);
	if (r == 0)
		r = choose_range(set, reterr);
	if (r == 0)
		r = host_change_plan(&remote->host, set->change, &set->wish, set->persist, reterr);
	if (r == 0)
		r = apply(remote, set, reterr);
	return r;
}

static int read_options(struct setting *set, struct eph_error *reterr)
{
	const char *within = arguments_get(set->arguments, "confirm-within");
	bool tcp = arguments_has(set->arguments, "tcp"), udp = arguments_has(set->arguments, "udp");
	uint64_t seconds = 0;
	int r = range_wish_name(arguments_get(set->arguments, "name"), &set->wish.name, reterr);

	set->wish.protocols = tcp == udp ? OS_TCP | OS_UDP | OS_SCTP : tcp ? OS_TCP : OS_UDP;
	set->wish.families = OS_IPV4 | OS_IPV6;
	set->dry_run = arguments_has(set->arguments, "dry-run");
	set->persist = !arguments_has(set->arguments, "no-persist") && !within;
	if (r == 0 && !set->reset)
		r = range_wish_check(set->arguments, reterr);
	if (r == 0 && within)
		r = look_positive(within, "--confirm-within", RANGE_CONFIRM_SECONDS_MAX, &seconds,
				  reterr);
	set->confirm_s = (unsigned)seconds;
	return r;
}

static int run(const struct arguments *arguments, const char *host, bool reset,
	       struct host_row *row, struct outcome *outcome, struct eph_error *reterr)
{
	struct setting set = {.arguments = arguments, .reset = reset};
	struct range_remote remote = {.reached = false};
	int r = read_options(&set, reterr);

	if (r == 0)
		r = range_remote_open(arguments, host, !set.dry_run, &remote, reterr);
	if (r == 0)
		r = change_host(&remote, &set, outcome, reterr);
	if (r == 0) {
		note_edits(&set);
		note_left_out(&set);
		note_warnings(&remote, &set);
		outcome->changed = !set.dry_run && set.change->change->steps;
		show(&set, row, outcome);
	}
	range_remote_close(&remote);
	for (unsigned i = 0; i < set.notes; i++)
		strbuf_done(&set.note[i]);
	host_change_free(set.change);
	return r;
}

int range_remote_set(const struct arguments *arguments, const char *host, struct host_row *row,
		     struct outcome *outcome, struct eph_error *reterr)
{
	return run(arguments, host, false, row, outcome, reterr);
}

int range_remote_reset(const struct arguments *arguments, const char *host, struct host_row *row,
		       struct outcome *outcome, struct eph_error *reterr)
{
	return run(arguments, host, true, row, outcome, reterr);
}

/* Files and stores get what runs already; then the guard is ended. */
static int confirm(struct range_remote *remote, struct setting *set, struct eph_error *reterr)
{
	enum range_guard_state state;
	int r = range_waiting_settle(remote, &set->waiting, &state, reterr);

	if (r == 0)
		r = error_set(reterr, -ENOENT, "confirm",
			      "%.80s: nothing waits for confirmation there",
			      remote->host.runner.place.host);
	if (r < 0)
		return r;
	r = 0;
	set->wish.name = set->waiting.name;
	set->wish.protocols = set->waiting.protocols;
	set->wish.range = set->waiting.range;
	if (r == 0)
		r = host_change_read(&remote->host, &set->change, reterr);
	if (r == 0)
		r = host_change_plan(&remote->host, set->change, &set->wish, set->persist, reterr);
	if (r == 0 && set->change->plan.steps)
		return error_set(reterr, -ESTALE, "confirm",
				 "%.80s: the range is not %u-%u any more: set it again",
				 remote->host.runner.place.host, set->wish.range.lo,
				 set->wish.range.hi);
	if (r == 0)
		r = range_waiting_end(remote, &set->waiting, reterr);
	if (r < 0)
		return r;
	r = change_apply(&remote->run, set->change->change, reterr);
	if (r < 0)
		range_remote_tell(remote, "the range is not taken back any more, but a reboot "
					  "will lose it: set it again to keep it");
	return r;
}

int range_remote_confirm(const struct arguments *arguments, const char *host, struct host_row *row,
			 struct outcome *outcome, struct eph_error *reterr)
{
	struct setting set = {
		.arguments = arguments,
		.wish = {.protocols = OS_TCP | OS_UDP | OS_SCTP, .families = OS_IPV4 | OS_IPV6},
		.persist = !arguments_has(arguments, "no-persist")};
	struct range_remote remote;
	int r = range_remote_open(arguments, host, true, &remote, reterr);

	if (r == 0)
		r = confirm(&remote, &set, reterr);
	if (r == 0) {
		strbuf_puts(add_note(&set), "confirmed: it is not taken back any more");
		outcome->changed = true;
		show(&set, row, outcome);
	}
	range_remote_close(&remote);
	for (unsigned i = 0; i < set.notes; i++)
		strbuf_done(&set.note[i]);
	host_change_free(set.change);
	return r;
}
