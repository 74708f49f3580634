#include <string.h>

#include "systems.h"

#define RECOMMENDED_PORTS 16384u
#define SERVICES_BELOW    10000u
#define PRIVILEGED_BELOW  1024u

static bool same(struct port_range a, struct port_range b)
{
	return a.lo == b.lo && a.hi == b.hi;
}

static bool differs_by_family(const struct os_state *state, const struct os_range *range)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *other = &state->range[i];

		if (other->known && other->spec->name == range->spec->name &&
		    other->spec->protocols == range->spec->protocols &&
		    other->spec->families != range->spec->families && !same(other->now, range->now))
			return true;
	}
	return false;
}

/* Are a tenth of its ports never chosen? */
static bool is_eaten(const struct os_state *state, const struct os_range *range)
{
	struct port_set eaten = {{0}};

	for (size_t i = 0; i < state->reserveds; i++)
		if ((state->reserved[i].protocols & range->spec->protocols) &&
		    (state->reserved[i].families & range->spec->families))
			port_set_add_set(&eaten, &state->reserved[i].ports);
	return port_set_count_in(&eaten, range->now) * 10 >= port_range_width(range->now);
}

/* What follows from the numbers alone. */
static unsigned judge_numbers(const struct os_state *state, const struct os_range *range)
{
	unsigned flags = state->system->flags,
		 floor = state->floor ? state->floor : PRIVILEGED_BELOW;
	unsigned warnings = 0;

	if ((flags & OS_EVEN) && port_range_width(range->now) % 2)
		warnings |= OS_WARN_SAME_PARITY;
	if (range->value[OS_END_LOW] > range->value[OS_END_HIGH])
		warnings |= OS_WARN_REVERSED;
	if ((flags & OS_STRICT) && range->now.lo == range->now.hi)
		warnings |= OS_WARN_ONE_PORT;
	if (range->spec->name != OS_LOW && range->now.lo < floor)
		warnings |= OS_WARN_BELOW_FLOOR;
	return warnings;
}

/* What holds for the range that most connections use. */
static unsigned judge_regular(const struct os_state *state, const struct os_range *range)
{
	bool untouched = range->built_in && same(range->now, range->built_in->range);
	unsigned warnings = 0;

	if (port_range_width(range->now) < RECOMMENDED_PORTS)
		warnings |= OS_WARN_NARROW;
	if (range->now.lo < SERVICES_BELOW && !untouched)
		warnings |= OS_WARN_WELL_KNOWN;
	/* RFC 6056 algorithm 2: as many random tries as there are ports, and free ones may be missed. */
	if (strcmp(state->algorithm, "random_pick") == 0)
		warnings |= OS_WARN_EARLY_FAIL;
	if (is_eaten(state, range))
		warnings |= OS_WARN_RESERVED;
	return warnings;
}

void os_warn(struct os_state *state, const struct port_set *listeners)
{
	for (size_t i = 0; i < state->ranges; i++) {
		struct os_range *range = &state->range[i];

		range->warnings &= OS_WARN_CLAMPED;
		if (!range->known)
			continue;
		if (range->outdated)
			range->warnings |= OS_WARN_OUTDATED;
		range->warnings |= judge_numbers(state, range);
		if (range->spec->name == OS_REGULAR)
			range->warnings |= judge_regular(state, range);
		if (range->boot_known && !same(range->boot, range->now))
			range->warnings |= OS_WARN_BOOT_DIFFERS;
		if (differs_by_family(state, range))
			range->warnings |= OS_WARN_FAMILIES;
		range->listeners = listeners ? port_set_count_in(listeners, range->now) : 0;
		if (range->listeners)
			range->warnings |= OS_WARN_LISTENERS;
	}
}
