/*
 * Which range the user wants: LOW-HIGH or --ports N, and --name, on any system.
 */
#ifndef EPH_CLI_RANGE_WISH_H
#define EPH_CLI_RANGE_WISH_H

#include "arguments.h"
#include "system.h"

#define RANGE_CONFIRM_SECONDS_MAX (24u * 3600)

/* "regular", "high", "low"; NULL is regular. Return: 0 or -EINVAL with @reterr. */
int range_wish_name(const char *text, enum os_range_name *ret, struct eph_error *reterr);

/* Is one of both given, and understood? Return: 0 or negative errno with @reterr. */
int range_wish_check(const struct arguments *arguments, struct eph_error *reterr);

/* The range, as @system would have it. */
int range_wish_read(const struct arguments *arguments, const struct os_system *system,
		    struct port_range *ret, struct eph_error *reterr);

#endif
