/*
 * A socket that is in the way of a bind: who has it, how it got the port, why its address matters. For why_view.
 */
#ifndef EPH_RENDER_WHY_HOLDER_H
#define EPH_RENDER_WHY_HOLDER_H

#include "bind_verdict_result.h"
#include "snapshot.h"

struct json;
struct strbuf;

const struct socket_record *why_holder_socket(const struct snapshot *snapshot,
					      const struct bind_blocker *blocker);

/**
 * why_holder_text() - two or three lines for a screen
 * @explain:	say why the addresses overlap, not only that they do
 *
 * Return: whether it was said.
 */
bool why_holder_text(const struct bind_query *query, const struct snapshot *snapshot,
		     const struct bind_blocker *blocker, bool explain, unsigned width,
		     struct strbuf *out);

void why_holder_json(const struct snapshot *snapshot, const struct bind_blocker *blocker,
		     struct json *json);

#endif
