/*
 * What may go wrong: one small function per risk over settings, bind table and usage. To add one, write
 * find_SOMETHING() in risks.c, name it in the list at its end and in risk_ids.def, and write its page in docs/risks. Risks
 * that need more than sockets and settings are in host_risks.h.
 */
#ifndef EPH_RULES_RISKS_H
#define EPH_RULES_RISKS_H

#include "risks_result.h"
#include "snapshot.h"
#include "usage_result.h"

/* risks of one id about single destinations; the rest are summed up in one */
#define RISK_DESTINATIONS_MAX 5u

/**
 * risks_judge() - the risks of every namespace in @snapshot
 * @usage: by destination, of the same snapshot
 * Where a count is not exact, the benefit of the doubt is given: left_max decides. Return: 0 or -ENOMEM. Free with
 * risks_result_done().
 */
int risks_judge(const struct snapshot *snapshot, const struct usage_result *usage,
		struct risks_result *ret);

#endif
