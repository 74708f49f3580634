#include "kernel_laws.h"

#include <string.h>

static bool is_of_series(const char *release, const char *series)
{
	size_t length = strlen(series);

	return strncmp(release, series, length) == 0 &&
	       (release[length] == '.' || release[length] == '-' || release[length] == '\0');
}

bool kernel_laws_verified(const char *release)
{
	return is_of_series(release, "6.1") || is_of_series(release, "6.18");
}

bool kernel_laws_bind_verified(const char *release)
{
	return is_of_series(release, "6.1") || is_of_series(release, "6.18");
}
