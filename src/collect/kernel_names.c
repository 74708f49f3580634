#include "kernel_names.h"

#include "kernel_types.h"

enum law kernel_names_has(const char *name)
{
	struct kernel_types types;
	enum law law;

	if (kernel_types_open(&types) < 0)
		return LAW_UNKNOWN;
	law = kernel_types_have(&types, name) ? LAW_YES : LAW_NO;
	kernel_types_close(&types);
	return law;
}
