#include "port_range.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "parse.h"

int port_range_parse(const char *text, struct port_range *ret, struct eph_error *reterr)
{
	const char *dash = strchr(text, '-');
	uint64_t lo, hi;

	if (!dash || parse_uint(text, (size_t)(dash - text), UINT16_MAX, &lo) < 0 ||
	    parse_uint(dash + 1, strlen(dash + 1), UINT16_MAX, &hi) < 0 || lo == 0 || lo > hi)
		return error_set(reterr, -EINVAL, "range",
				 "'%.80s' is not a port range: expected LOW-HIGH with 1 <= LOW <= "
				 "HIGH <= 65535",
				 text);
	*ret = (struct port_range){(uint16_t)lo, (uint16_t)hi};
	return 0;
}
