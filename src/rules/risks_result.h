/*
 * What may go wrong on this host and what to do about it: found by risks_judge(), worst first. Texts are sentences for
 * people without formatting; every name in them that outsiders chose is made printable where it is printed.
 */
#ifndef EPH_RULES_RISKS_RESULT_H
#define EPH_RULES_RISKS_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct port_set;

#define RISK_LINES_MAX 16u
#define RISK_NO_GROUP  SIZE_MAX

enum risk_severity {
	RISK_INFO,
	RISK_WARNING,
	RISK_CRITICAL,
};

struct risk_advice {
	char *text;
	char *command;            /* ready to paste into a root shell; NULL when there is none */
	struct port_set *reserve; /* the command reserves these ports; else NULL */
	bool instead; /* it is one of two ways, so commands of other risks do not count on it */
};

struct risk {
	const char *id; /* fixed name: "odd-range" */
	enum risk_severity severity;
	uint32_t netns; /* index into the snapshot's namespaces */
	size_t group;   /* the row of the usage_result it is about, or RISK_NO_GROUP */
	char *title;    /* one sentence, the verdict */
	char *evidence[RISK_LINES_MAX];
	unsigned n_evidence;
	struct risk_advice advice[RISK_LINES_MAX];
	unsigned n_advice;
	char *accepted_because; /* why the administrator accepts it, "" without a reason; NULL: not accepted */
};

struct risks_result {
	struct risk *risk;
	size_t count, capacity;
	bool failed; /* out of memory: what is there is not all; never handed out so */
};

/* Every id there is: RISK(id, summary) in risk_ids.def, each with a page docs/risks/ID.md. */
struct risk_id {
	const char *id, *summary;
};
extern const struct risk_id risk_ids[]; /* in the order of the alphabet; id NULL at the end */

void risks_result_done(struct risks_result *result);

/* Take one out. */
void risks_result_drop(struct risks_result *result, size_t index);

/* "info", "warning", "critical" */
const char *risk_severity_name(enum risk_severity severity);

#endif
