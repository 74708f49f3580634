/*
 * Who has the port in other network namespaces, and is not in the way: that part of `why bind`.
 */
#ifndef EPH_RENDER_WHY_ELSEWHERE_H
#define EPH_RENDER_WHY_ELSEWHERE_H

#include "elsewhere.h"

struct json;
struct strbuf;

/* "elsewhere": [...], "more_elsewhere" and "elsewhere_whole" into the open object. @elsewhere may be NULL. */
void why_elsewhere_json(const struct elsewhere *elsewhere, struct json *json);

/* One paragraph each, and an empty line; nothing when there is none. */
void why_elsewhere_text(const struct elsewhere *elsewhere, unsigned width, struct strbuf *out);

#endif
