/*
 * /etc/ephemports/accepted-risks: on each line the id of a risk, then optionally why it is accepted; # begins a comment.
 * Pure.
 */
#ifndef EPH_CORE_TEXT_ACCEPTED_H
#define EPH_CORE_TEXT_ACCEPTED_H

#include "text_line.h"

/* The next entry of @lines; @ret_reason may be empty. False at the end. */
bool text_accepted_next(struct text_lines *lines, struct text_span *ret_id,
			struct text_span *ret_reason);

#endif
