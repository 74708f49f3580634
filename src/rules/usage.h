/*
 * From counted groups to what each leaves: the counting rule of capacity.c applied to many destinations at once.
 */
#ifndef EPH_RULES_USAGE_H
#define EPH_RULES_USAGE_H

#include "snapshot.h"
#include "usage_result.h"

enum usage_kind {
	USAGE_DESTINATION,
	USAGE_SOURCE,
	USAGE_OWNER,
	USAGE_INBOUND,
};

/**
 * usage_judge() - turn the finished group tables of every namespace in @snapshot into rows
 * Return: 0 or -ENOMEM. Free with usage_result_done().
 */
int usage_judge(const struct snapshot *snapshot, enum usage_kind kind, struct usage_result *ret);
void usage_result_done(struct usage_result *result);

#endif
