/*
 * In which order the two ends of a range are set. Inside src/os only.
 */
#ifndef EPH_OS_PLAN_ORDER_H
#define EPH_OS_PLAN_ORDER_H

#include "systems.h"

/* May the system be in the middle of a change with these ends? */
bool plan_between_ok(const struct os_system *system, uint32_t low, uint32_t high);

/* From the ends @from to @to: the end to set first. */
enum os_end plan_first(const struct os_system *system, const uint32_t from[2],
		       struct port_range to);

/* What a boot does to the ranges, assignment by assignment, from the defaults on. */
struct plan_walk {
	const struct os_state *state;
	uint32_t value[OS_RANGES_MAX][2];
};

void plan_walk_begin(struct plan_walk *walk, const struct os_state *state);

/* False when the system refuses this assignment or breaks. Settings of no range pass. */
bool plan_walk_step(struct plan_walk *walk, struct text_span setting, uint32_t value);

/* Is @range one that @wish is about? */
bool plan_meant(const struct os_range *range, const struct os_wish *wish);

/* May it become @to? Return: 0, -EINVAL or -ERANGE with @reterr. */
int plan_check(const struct os_state *state, const struct os_range *range, struct port_range to,
	       struct eph_error *reterr);

#endif
