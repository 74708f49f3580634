/*
 * "ndd -set /dev/tcp NAME VALUE" in start scripts: what a script sets at boot. A value may be a variable of the script.
 */
#ifndef EPH_OS_SCRIPT_SETS_H
#define EPH_OS_SCRIPT_SETS_H

#include "os_text.h"

struct script_set {
	struct text_span name, value;
};

/* The next one in @line, which is moved behind it. */
bool script_sets_next(struct text_span *line, struct script_set *ret);

/* Does @name add to a list, or take from it? */
bool script_sets_list(const struct os_state *state, struct text_span name);

/* Does @file set the range of @spec? And: any range or list? */
bool script_sets_one(const struct os_file *file, const struct os_range_spec *spec);
bool script_sets_range(const struct os_state *state, const struct os_file *file);

/* What @file sets, into the ranges and lists of @state. */
void script_sets_boot(struct os_state *state, const struct os_file *file);

#endif
