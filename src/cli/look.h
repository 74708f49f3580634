/*
 * From common options to an observation: what every command that looks at the host shares.
 */
#ifndef EPH_CLI_LOOK_H
#define EPH_CLI_LOOK_H

#include "arguments.h"
#include "observe.h"
#include "screen.h"

/* The options of an observation by destination, as the common options say. Borrows from @arguments.
 * Return: 0, or -EINVAL with @reterr when options contradict each other. */
int look_options(const struct arguments *arguments, struct observe_options *ret,
		 struct eph_error *reterr);

/* The terminal on standard output: its size (or COLUMNS and LINES), and whether colour is welcome there (NO_COLOR,
 * TERM=dumb). No terminal and no COLUMNS: width and height 0. */
struct screen look_screen(void);

/* A count given as @text for option --@name, at most @max. Return: 0 or -EINVAL with @reterr. */
int look_count(const char *text, const char *name, uint64_t max, uint64_t *ret,
	       struct eph_error *reterr);

/* The same for what must be one at least. */
int look_positive(const char *text, const char *name, uint64_t max, uint64_t *ret,
		  struct eph_error *reterr);

#endif
