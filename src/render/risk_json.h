/*
 * One risk as JSON, the same in `status` and `check`.
 */
#ifndef EPH_RENDER_RISK_JSON_H
#define EPH_RENDER_RISK_JSON_H

#include "json.h"
#include "risks_result.h"
#include "snapshot.h"

/* @several_netns: say which namespace. */
void risk_json(const struct risk *risk, const struct snapshot *snapshot, bool several_netns,
	       struct json *json);

#endif
