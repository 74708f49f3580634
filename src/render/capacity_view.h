/*
 * The answer of `ephemports capacity` in sentences and as JSON.
 */
#ifndef EPH_RENDER_CAPACITY_VIEW_H
#define EPH_RENDER_CAPACITY_VIEW_H

#include "capacity_result.h"
#include "screen.h"
#include "snapshot.h"
#include "verdict.h"

struct json;
struct strbuf;

/* CRITICAL when certainly none is left, WARNING past the knee. */
enum verdict_level capacity_view_level(const struct capacity_result *result);

void capacity_view_json(const struct capacity_result *result, const struct snapshot *snapshot,
			struct strbuf *out);
void capacity_view_text(const struct capacity_result *result, const struct snapshot *snapshot,
			const struct screen *screen, struct strbuf *out);

/* The members of its JSON object, for a document that has it inside. */
void capacity_view_members(const struct capacity_result *result, const struct snapshot *snapshot,
			   struct json *json);

/* "exact, read through BPF", or why not, a line each. */
void capacity_view_certainty(const struct capacity_result *result, const struct snapshot *snapshot,
			     unsigned width, struct strbuf *out);

#endif
