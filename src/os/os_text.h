/*
 * Reading what commands print. Pure; never past the end; nothing is believed but numbers in their bounds.
 */
#ifndef EPH_OS_TEXT_H
#define EPH_OS_TEXT_H

#include "systems.h"

/* A whole decimal number up to @max in @span, blanks around it allowed. */
bool os_text_number(struct text_span span, uint32_t max, uint32_t *ret);

/* "NAME = VALUE", "NAME: VALUE", "NAME=VALUE" and, as after a change, "NAME: OLD -> NEW" (then @ret_value is NEW). Blanks
 * may stand anywhere around. False for any other line, such as a prompt or an error message. */
bool os_text_pair(struct text_span line, struct text_span *ret_name, struct text_span *ret_value);

/* parse() of systems whose commands print pairs: each range's settings, as named in its spec. The last one counts. */
void os_text_parse_pairs(struct os_state *state, const struct os_output *output);

/* The range that has @setting for one of its ends; NULL when there is none. */
struct os_range *os_text_range(struct os_state *state, struct text_span setting,
			       enum os_end *ret_end);

/* Add a list of ports as "1,5-7 9" to the reserved ports of @setting, which is made when it is not there yet. */
void os_text_reserve(struct os_state *state, const char *setting, unsigned protocols,
		     struct text_span list, bool lasting);

/* The set of @setting, made when there is none yet; NULL when there is no room. */
struct os_reserved *os_text_reserved(struct os_state *state, const char *setting,
				     unsigned protocols, unsigned families, bool lasting);

#endif
