#include "excluded_bind.h"

#define DYNAMIC_LOW  49152u
#define DYNAMIC_HIGH 65535u

void excluded_bind_judge(const struct excluded_list *list, struct excluded_bind *ret)
{
	const struct excluded_range *found = excluded_list_find(list, ret->port);

	ret->dynamic_told = list->dynamic.hi != 0;
	ret->dynamic =
		ret->dynamic_told ? list->dynamic : (struct port_range){DYNAMIC_LOW, DYNAMIC_HIGH};
	ret->in_dynamic = port_range_has(ret->dynamic, ret->port);
	ret->mirrored_told = list->mirrored.hi != 0;
	ret->ranges = list->count;
	ret->administered = found && found->administered;
	ret->inside = (struct port_range){0, 0};
	ret->verdict = EXCLUDED_FREE;
	if (found) {
		ret->verdict = EXCLUDED_FORBIDDEN;
		ret->inside = found->range;
	} else if (ret->mirrored_told && port_range_has(list->mirrored, ret->port)) {
		ret->verdict = EXCLUDED_MIRRORED;
		ret->inside = list->mirrored;
	}
}
