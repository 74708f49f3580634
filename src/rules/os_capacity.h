/*
 * How many more connections a host of another system has room for, from the sockets that its own commands printed. Each
 * system counts in its own way; the ways are data (os_rules), and there is one law that counts by them.
 *
 * Nothing here was measured on such a host: the rules are taken from sources and documents, so no answer is exact.
 */
#ifndef EPH_RULES_OS_CAPACITY_H
#define EPH_RULES_OS_CAPACITY_H

#include "grouping.h"
#include "os_capacity_result.h"
#include "usage.h"

/* Ranges and what is never chosen: TCP, then UDP; of each IPv4, then IPv6. A range of {0, 0} is not known. */
struct os_capacity_ranges {
	struct port_range range[2][2];
	struct port_set reserved[2];
	bool reserved_known; /* somebody looked */
};

/* The rule of @system in @release ("" for not known: then the one that covers what any of them does). NULL: none. */
const struct os_rule *os_rule_find(const char *system, const char *release);

/**
 * os_capacity_usage() - count the sockets of @snapshot by @what, and judge what each group leaves
 * @snapshot: one namespace with all sockets, sorted as text_netstat_read() does; its settings.range, binds, groups and
 *            gaps are filled in
 * What is left is the same for every destination where the system counts per host.
 *
 * Source: facts of each system in src/os. Return: 0 or -ENOMEM. Free with usage_result_done().
 */
int os_capacity_usage(const struct os_rule *rule, const struct os_capacity_ranges *ranges,
		      const struct grouping *what, struct snapshot *snapshot,
		      struct usage_result *ret);

#endif
