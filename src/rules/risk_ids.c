#include <stddef.h>

#include "risks_result.h"

const struct risk_id risk_ids[] = {
#define RISK(id, summary) {id, summary},
#include "risk_ids.def"
#undef RISK
	{NULL, NULL},
};
