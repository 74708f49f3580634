/* What holds after the next boot, and the files that say so: the part all systems share. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "plan_order.h"

static void start_boot(struct os_state *state)
{
	for (size_t i = 0; i < state->ranges; i++) {
		struct os_range *range = &state->range[i];

		/* What a command told of the next boot stays: files are read after it. */
		*range->where = '\0';
		if (state->system->kept_by && state->system->kept_by(state) != OS_RUNNING)
			continue;
		range->boot_value[0] = range->boot_value[1] = OS_UNREAD;
		range->boot_known = range->boot_set = false;
	}
}

static void start_lists(struct os_state *state)
{
	for (size_t i = 0; i < state->reserveds; i++) {
		struct os_reserved *reserved = &state->reserved[i];

		if (!reserved->list || reserved->list->store != OS_RUNNING)
			continue;
		*reserved->where = '\0';
		reserved->boot_known = true;
		reserved->boot_set = reserved->boot_whole = false;
		port_set_clear(&reserved->boot_plus);
		port_set_clear(&reserved->boot_minus);
	}
}

void os_boot(struct os_state *state, const struct os_files *files)
{
	if (!state->system->boot)
		return;
	start_boot(state);
	start_lists(state);
	state->system->boot(state, files);
	for (size_t i = 0; i < state->ranges; i++) {
		struct os_range *range = &state->range[i];

		range->boot_told = true;
		os_range_settle(state, range);
	}
}

static int add_end(struct os_plan *plan, const struct os_range *range, enum os_end end,
		   struct port_range to, struct eph_error *reterr)
{
	const char *setting = end == OS_END_LOW ? range->spec->low : range->spec->high;
	struct os_step *step;

	if (!setting || (end == OS_END_LOW && range->low_fixed))
		return 0;
	if (plan->steps == OS_STEPS_MAX)
		return error_set(reterr, -E2BIG, "range", "too many settings");
	step = &plan->step[plan->steps++];
	*step = (struct os_step){.store = OS_NEXT_BOOT};
	snprintf(step->setting, sizeof(step->setting), "%s", setting);
	snprintf(step->after, sizeof(step->after), "%u", end == OS_END_LOW ? to.lo : to.hi);
	return 0;
}

/* Every setting that files have to have, in an order that a boot from the defaults can go through. */
static int wanted(const struct os_state *state, const struct os_wish *wish, struct os_plan *ret,
		  struct eph_error *reterr)
{
	int r = 0;

	for (size_t i = 0; i < state->ranges && r == 0; i++) {
		const struct os_range *range = &state->range[i];
		uint32_t from[2] = {0, UINT16_MAX};
		enum os_end first;

		if (!plan_meant(range, wish) || !range->known)
			continue;
		r = plan_check(state, range, wish->range, reterr);
		if (range->built_in) {
			from[OS_END_LOW] = range->built_in->range.lo;
			from[OS_END_HIGH] = range->built_in->range.hi;
		}
		first = plan_first(state->system, from, wish->range);
		if (r == 0)
			r = add_end(ret, range, first, wish->range, reterr);
		if (r == 0)
			r = add_end(ret, range, !first, wish->range, reterr);
	}
	if (r == 0 && !ret->steps)
		r = error_set(reterr, -ENOENT, "range", "%s has no such range that could be read",
			      state->system->title);
	return r;
}

int os_persist(const struct os_state *state, const struct os_files *files,
	       const struct os_wish *wish, struct os_edits *ret, struct eph_error *reterr)
{
	struct os_plan plan = {.steps = 0};
	int r;

	*ret = (struct os_edits){.count = 0};
	if (state->system->flags & OS_FIXED)
		return error_set(reterr, -EPERM, "range", "%s", state->system->because);
	if (!state->system->persist)
		return 0;
	plan.unset = wish->unset;
	r = wanted(state, wish, &plan, reterr);
	return r < 0 ? r : state->system->persist(state, files, &plan, ret, reterr);
}
