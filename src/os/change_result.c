#include "change_result.h"

#include <string.h>

const char *change_place_option(const struct change_place *place)
{
	bool unnamed =
		strncmp(place->netns_name, CHANGE_NETNS_INODE, strlen(CHANGE_NETNS_INODE)) == 0;

	return *place->netns_name && !unnamed ? place->netns_name : NULL;
}

static bool is_kept(const char *setting)
{
	return strncmp(setting, CHANGE_BOOT, strlen(CHANGE_BOOT)) == 0;
}

const char *change_setting_name(const char *setting)
{
	return setting + (is_kept(setting) ? strlen(CHANGE_BOOT) : 0);
}

const char *change_setting_when(const char *setting)
{
	return is_kept(setting) ? " at boot" : "";
}

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
