#include "kernel_laws.h"

#include <string.h>

bool kernel_laws_verified(const char *release)
{
	static const char *const series[] = {"6.1", "6.18"};

	for (unsigned i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
		size_t length = strlen(series[i]);

		if (strncmp(release, series[i], length) == 0 &&
		    (release[length] == '.' || release[length] == '-' || release[length] == '\0'))
			return true;
	}
	return false;
}
