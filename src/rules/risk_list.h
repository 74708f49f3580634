/*
 * Writing down risks: what the finders of risks.c and host_risks*.c share. An allocation that fails sets `failed` in the
 * result, which whoever runs the finders looks at once, at the end.
 */
#ifndef EPH_RULES_RISK_LIST_H
#define EPH_RULES_RISK_LIST_H

#include "port_set.h"
#include "risks_result.h"
#include "snapshot.h"

/* A new risk in the result; NULL only when out of memory. Valid until the next one is added. */
struct risk *risk_list_add(struct risks_result *result, uint32_t netns, const char *id,
			   enum risk_severity severity, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* One more line of evidence, as long as there is room for it. @risk may be NULL. */
void risk_evidence(struct risks_result *result, struct risk *risk, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One more advice. @command is taken over; NULL when there is none. */
void risk_advice(struct risks_result *result, struct risk *risk, char *command, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

char *risk_command(struct risks_result *result, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The command that gives @netns of @snapshot the range @lo-@hi: in the caller's own namespace it lasts over a boot. */
char *risk_range_command(struct risks_result *result, const struct snapshot *snapshot,
			 uint32_t netns, uint32_t lo, uint32_t hi);

/**
 * risk_advice_reserve() - one more advice: reserve @ports too
 * @instead: another advice of the risk would do as well
 *
 * In the caller's own namespace `ephemports reserve add` is advised, which merges. Elsewhere a command writes the whole
 * list, so of two the later would undo the earlier: risk_list_finish() gives each the ports that the others reserve.
 */
void risk_advice_reserve(struct risks_result *result, struct risk *risk,
			 const struct port_set *ports, bool instead, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* Worst first; among equals the order in which they were found. Then the commands that reserve ports are written, with
 * what each namespace of @snapshot has reserved; a list too long for one write gets none. Can be called again after more
 * risks were added. */
void risk_list_finish(struct risks_result *result, const struct snapshot *snapshot);

#endif
