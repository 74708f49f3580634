/*
 * Writing down risks: what the finders of risks.c and host_risks*.c share. An allocation that fails sets `failed` in the
 * result, which whoever runs the finders looks at once, at the end.
 */
#ifndef EPH_RULES_RISK_LIST_H
#define EPH_RULES_RISK_LIST_H

#include "port_set.h"
#include "risks_result.h"
#include "settings.h"

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

/* The sysctl line that reserves @ports too and keeps what is reserved; NULL when it is too long for one write. */
char *risk_reserve_command(struct risks_result *result, const struct settings *settings,
			   const struct port_set *ports);

/* Worst first; among equals the order in which they were found. */
void risk_list_sort(struct risks_result *result);

#endif
