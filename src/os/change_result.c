#include "change_result.h"

const char *change_state_name(enum change_state state)
{
	static const char *const name[] = {
		[CHANGE_PLANNED] = "planned",
		[CHANGE_BEGUN] = "begun",
		[CHANGE_DONE] = "done",
		[CHANGE_UNDONE] = "undone",
	};

	return name[state];
}

bool change_persists(const struct change *change)
{
	for (unsigned i = 0; i < change->steps; i++)
		if (change->step[i].path)
			return true;
	return false;
}
