#include "range_wish.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "look.h"

int range_wish_name(const char *text, enum os_range_name *ret, struct eph_error *reterr)
{
	static const char *const word[] = {"regular", "high", "low"};

	*ret = OS_REGULAR;
	for (unsigned i = 0; text && i < ARRAY_SIZE(word); i++)
		if (strcmp(word[i], text) == 0) {
			*ret = (enum os_range_name)i;
			return 0;
		}
	return text ? error_set(reterr, -EINVAL, "range", "'%.40s' is none of regular, high, low",
				text)
		    : 0;
}

int range_wish_check(const struct arguments *arguments, struct eph_error *reterr)
{
	struct port_range range;

	return range_wish_read(arguments, os_find("linux"), &range, reterr);
}

int range_wish_read(const struct arguments *arguments, const struct os_system *system,
		    struct port_range *ret, struct eph_error *reterr)
{
	const char *ports = arguments_get(arguments, "ports");
	bool given = arguments->n_operands > 1;
	uint64_t count;
	int r;

	if (!given == !ports)
		return error_set(reterr, -EINVAL, "range",
				 "which range? either LOW-HIGH or --ports N");
	if (given)
		return port_range_parse(arguments->operand[1], ret, reterr);
	r = look_positive(ports, "--ports", UINT16_MAX, &count, reterr);
	return r < 0 ? r : os_wish_ports(system, (uint32_t)count, ret, reterr);
}
