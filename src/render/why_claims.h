/*
 * What the packet filter does to the port that is asked about: the part of `why bind` that is no socket's doing.
 */
#ifndef EPH_RENDER_WHY_CLAIMS_H
#define EPH_RENDER_WHY_CLAIMS_H

#include "bind_verdict_result.h"
#include "firewall_claims_result.h"

struct json;
struct strbuf;

/* "firewall": "read", "read-in-part" or "not-read", "firewall_not_read_because" if there is more to say, and "claims":
 * [{"what", "rule", "certain", "text"}] into the open object. @claims may be NULL. */
void why_claims_json(const struct firewall_claims *claims, const struct bind_query *query,
		     struct json *json);

/* One paragraph each, and an empty line; when there is none, one line of what was not read. */
void why_claims_text(const struct firewall_claims *claims, const struct bind_query *query,
		     unsigned width, struct strbuf *out);

#endif
