#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "os_text.h"
#include "plan_order.h"

#define RECOMMENDED_LOW 49152u
#define TOP             65535u

bool plan_between_ok(const struct os_system *system, uint32_t low, uint32_t high)
{
	if ((system->flags & OS_STRICT) && low == high)
		return false;
	return !(system->flags & OS_ORDERED) || low <= high;
}

enum os_end plan_first(const struct os_system *system, const uint32_t from[2], struct port_range to)
{
	bool low_ok = plan_between_ok(system, to.lo, from[OS_END_HIGH]);
	bool high_ok = plan_between_ok(system, from[OS_END_LOW], to.hi);

	if (low_ok && (to.lo <= from[OS_END_HIGH] || !high_ok))
		return OS_END_LOW;
	if (high_ok && (from[OS_END_LOW] <= to.hi || !low_ok))
		return OS_END_HIGH;
	return OS_END_LOW;
}

void plan_walk_begin(struct plan_walk *walk, const struct os_state *state)
{
	walk->state = state;
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_default *built_in = state->range[i].built_in;

		walk->value[i][OS_END_LOW] = built_in ? built_in->range.lo : OS_UNREAD;
		walk->value[i][OS_END_HIGH] = built_in ? built_in->range.hi : OS_UNREAD;
	}
}

bool plan_walk_step(struct plan_walk *walk, struct text_span setting, uint32_t value)
{
	for (size_t i = 0; i < walk->state->ranges; i++) {
		const struct os_range_spec *spec = walk->state->range[i].spec;
		uint32_t *ends = walk->value[i];

		if (text_is(setting, spec->low))
			ends[OS_END_LOW] = value;
		else if (text_is(setting, spec->high))
			ends[OS_END_HIGH] = value;
		else
			continue;
		return ends[0] == OS_UNREAD || ends[1] == OS_UNREAD ||
		       plan_between_ok(walk->state->system, ends[OS_END_LOW], ends[OS_END_HIGH]);
	}
	return true;
}

static uint32_t widest(const struct os_system *system, struct port_range bounds)
{
	uint32_t width = port_range_width(bounds);

	return (system->flags & OS_EVEN) ? width & ~1u : width;
}

/* The range that --ports is about: the regular one of the first protocol. */
static const struct os_range_spec *regular(const struct os_system *system)
{
	for (size_t i = 0; i < system->specs; i++)
		if (system->spec[i].name == OS_REGULAR)
			return &system->spec[i];
	return &system->spec[0];
}

int os_wish_ports(const struct os_system *system, uint32_t ports, struct port_range *ret,
		  struct eph_error *reterr)
{
	const struct os_range_spec *spec = regular(system);
	struct port_range bounds = {spec->bounds.lo < 1024 ? 1024 : spec->bounds.lo,
				    spec->bounds.hi};
	uint32_t most = widest(system, bounds);

	if (!ports || ports > most)
		return error_set(reterr, -ERANGE, "range",
				 "%u ports: expected 1 to %u, which is %u-%u on %s", ports, most,
				 bounds.lo, bounds.hi, system->title);
	if (ports < system->min_ports)
		ports = system->min_ports;
	if ((system->flags & OS_EVEN) && ports % 2)
		ports++;
	if (!spec->low)
		*ret = (struct port_range){bounds.lo, (uint16_t)(bounds.lo + ports - 1)};
	else if (ports <= TOP - RECOMMENDED_LOW + 1)
		*ret = (struct port_range){RECOMMENDED_LOW, TOP};
	else
		*ret = (struct port_range){(uint16_t)(TOP - ports + 1), TOP};
	return 0;
}

bool plan_meant(const struct os_range *range, const struct os_wish *wish)
{
	return range->spec->name == wish->name && (range->spec->protocols & wish->protocols) &&
	       (range->spec->families & wish->families);
}

static int check_floor(const struct os_state *state, struct port_range to, struct eph_error *reterr)
{
	/* Linux answers EINVAL; elsewhere such ports are only passed over. */
	if (strcmp(state->system->name, "linux") != 0 || to.lo >= state->floor)
		return 0;
	return error_set(reterr, -ERANGE, "range",
			 "%u-%u begins below %u, the first port that needs no privilege "
			 "(net.ipv4.ip_unprivileged_port_start)",
			 to.lo, to.hi, state->floor);
}

int plan_check(const struct os_state *state, const struct os_range *range, struct port_range to,
	       struct eph_error *reterr)
{
	const struct os_system *system = state->system;
	struct port_range bounds = range->spec->bounds;

	if (to.lo > to.hi)
		return error_set(reterr, -EINVAL, "range", "%u-%u has its ends the wrong way round",
				 to.lo, to.hi);
	if (to.lo < bounds.lo || to.hi > bounds.hi)
		return error_set(reterr, -ERANGE, "range",
				 "%u-%u: %s takes ports from %u to %u here", to.lo, to.hi,
				 system->title, bounds.lo, bounds.hi);
	if ((system->flags & OS_STRICT) && to.lo == to.hi)
		return error_set(
			reterr, -ERANGE, "range", "%u-%u: %s needs two ports at least; with one %s",
			to.lo, to.hi, system->title,
			system->flags & OS_ORDERED ? "it refuses" : "newer kernels divide by zero");
	if (port_range_width(to) < system->min_ports)
		return error_set(reterr, -ERANGE, "range", "%u-%u: %s needs %u ports at least",
				 to.lo, to.hi, system->title, system->min_ports);
	if ((range->low_fixed || !range->spec->low) && to.lo != bounds.lo)
		return error_set(reterr, -ERANGE, "range",
				 "%u-%u: this system always begins at %u; only the upper end can "
				 "be set",
				 to.lo, to.hi, bounds.lo);
	return check_floor(state, to, reterr);
}

static int add_step(struct os_plan *plan, enum os_store store, const char *setting,
		    const char *before, const char *after, struct eph_error *reterr)
{
	struct os_step *step;

	if (strcmp(before, after) == 0)
		return 0;
	if (plan->steps == OS_STEPS_MAX)
		return error_set(reterr, -E2BIG, "range", "too many steps");
	step = &plan->step[plan->steps++];
	*step = (struct os_step){.store = store};
	snprintf(step->setting, sizeof(step->setting), "%s", setting);
	snprintf(step->before, sizeof(step->before), "%s", before);
	snprintf(step->after, sizeof(step->after), "%s", after);
	return 0;
}

static const char *setting_of(const struct os_range *range, enum os_end end)
{
	return end == OS_END_LOW ? range->spec->low : range->spec->high;
}

static void value_text(char text[OS_VALUE_BYTES], uint32_t value)
{
	if (value == OS_UNREAD)
		*text = '\0';
	else
		snprintf(text, OS_VALUE_BYTES, "%u", value);
}

static int step_end(struct os_plan *plan, enum os_store store, const struct os_range *range,
		    enum os_end end, uint32_t now[2], uint32_t to, struct eph_error *reterr)
{
	char before[OS_VALUE_BYTES], after[OS_VALUE_BYTES];

	if (!setting_of(range, end) || (range->low_fixed && end == OS_END_LOW))
		return 0;
	value_text(before, now[end]);
	value_text(after, to);
	now[end] = to;
	return add_step(plan, store, setting_of(range, end), before, after, reterr);
}

/* One setting holds both ends. */
static int step_pair(struct os_plan *plan, enum os_store store, const struct os_range *range,
		     const uint32_t now[2], struct port_range to, struct eph_error *reterr)
{
	char before[OS_VALUE_BYTES] = "", after[OS_VALUE_BYTES];

	if (now[0] != OS_UNREAD && now[1] != OS_UNREAD)
		snprintf(before, sizeof(before), "%u %u", now[0] & 0xffff, now[1] & 0xffff);
	snprintf(after, sizeof(after), "%u %u", to.lo, to.hi);
	return add_step(plan, store, range->spec->low, before, after, reterr);
}

/* From a range that is exactly the other way round both orders pass through low == high: a low end that is none of both. */
static uint32_t detour(struct port_range to)
{
	if (to.hi - to.lo > 1)
		return to.lo + 1u;
	return to.hi < TOP ? to.hi + 1u : to.lo - 1u;
}

static int step_ends(const struct os_system *system, struct os_plan *plan,
		     const struct os_range *range, const uint32_t from[2], struct port_range to,
		     struct eph_error *reterr)
{
	uint32_t now[2] = {from[0], from[1]};
	const uint32_t want[2] = {to.lo, to.hi};
	enum os_end first = plan_first(system, from, to);
	int r = 0;

	if ((system->flags & OS_STRICT) && from[0] == to.hi && from[1] == to.lo) {
		r = step_end(plan, OS_RUNNING, range, OS_END_LOW, now, detour(to), reterr);
		first = OS_END_HIGH;
	}
	if (r == 0)
		r = step_end(plan, OS_RUNNING, range, first, now, want[first], reterr);
	if (r == 0)
		r = step_end(plan, OS_RUNNING, range, !first, now, want[!first], reterr);
	return r;
}

static int plan_running(const struct os_state *state, const struct os_range *range,
			struct port_range to, struct os_plan *ret, struct eph_error *reterr)
{
	if (state->system->flags & OS_REBOOT)
		return 0;
	if (state->system->flags & OS_ONE_SETTING)
		return step_pair(ret, OS_RUNNING, range, range->value, to, reterr);
	return step_ends(state->system, ret, range, range->value, to, reterr);
}

/* What holds after the next boot as long as nothing is changed. */
static void kept_ends(const struct os_range *range, uint32_t ret[2])
{
	for (int end = 0; end < 2; end++) {
		ret[end] = range->boot_value[end];
		if (ret[end] == OS_UNREAD && range->built_in)
			ret[end] = end == OS_END_LOW ? range->built_in->range.lo
						     : range->built_in->range.hi;
	}
}

static int plan_kept(const struct os_state *state, const struct os_range *range,
		     struct port_range to, struct os_plan *ret, struct eph_error *reterr)
{
	enum os_store store = state->system->kept_by(state);
	const uint32_t want[2] = {to.lo, to.hi};
	uint32_t kept[2], now[2] = {range->boot_value[0], range->boot_value[1]};
	enum os_end first;
	int r;

	if (state->system->flags & OS_ONE_SETTING)
		return step_pair(ret, store, range,
				 now[0] == OS_UNREAD ? range->value : range->boot_value, to,
				 reterr);
	kept_ends(range, kept);
	first = plan_first(state->system, kept, to);
	/* Where one command writes both memories the running value is as wanted by now and any order will do. Going back
	 * it is not: then the last one comes first. */
	if (store == OS_BOTH)
		first = !plan_first(state->system, want,
				    (struct port_range){(uint16_t)kept[0], (uint16_t)kept[1]});
	r = step_end(ret, store, range, first, now, want[first], reterr);
	return r < 0 ? r : step_end(ret, store, range, !first, now, want[!first], reterr);
}

static int plan_all(const struct os_state *state, const struct os_wish *wish,
		    int (*plan)(const struct os_state *, const struct os_range *, struct port_range,
				struct os_plan *, struct eph_error *),
		    struct os_plan *ret, struct eph_error *reterr)
{
	bool any = false;
	int r = 0;

	*ret = (struct os_plan){.steps = 0};
	if (state->system->flags & OS_FIXED)
		return error_set(reterr, -EPERM, "range", "%s", state->system->because);
	for (size_t i = 0; i < state->ranges && r == 0; i++) {
		const struct os_range *range = &state->range[i];

		if (!plan_meant(range, wish) || !range->known)
			continue;
		any = true;
		r = plan_check(state, range, wish->range, reterr);
		if (r == 0)
			r = plan(state, range, wish->range, ret, reterr);
	}
	if (r == 0 && !any)
		r = error_set(reterr, -ENOENT, "range", "%s has no such range that could be read",
			      state->system->title);
	return r;
}

int os_plan(const struct os_state *state, const struct os_wish *wish, struct os_plan *ret,
	    struct eph_error *reterr)
{
	return plan_all(state, wish, plan_running, ret, reterr);
}

int os_plan_boot(const struct os_state *state, const struct os_wish *wish, struct os_plan *ret,
		 struct eph_error *reterr)
{
	*ret = (struct os_plan){.steps = 0};
	if (!state->system->kept_by || state->system->kept_by(state) == OS_RUNNING)
		return 0;
	return plan_all(state, wish, plan_kept, ret, reterr);
}

void os_plan_reverse(const struct os_plan *plan, struct os_plan *ret)
{
	*ret = (struct os_plan){.steps = plan->steps};
	for (size_t i = 0; i < plan->steps; i++) {
		const struct os_step *from = &plan->step[plan->steps - 1 - i];
		struct os_step *to = &ret->step[i];

		*to = *from;
		memcpy(to->before, from->after, sizeof(to->before));
		memcpy(to->after, from->before, sizeof(to->after));
	}
}
