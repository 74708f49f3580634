/* LOW-HIGH: what is accepted is a range that is not empty and does not have port 0. */
#include "port_range.h"

#include <stdlib.h>

#include "error.h"
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct port_range range;
	struct eph_error error;

	if (text && port_range_parse(text, &range, &error) == 0 &&
	    (range.lo == 0 || range.lo > range.hi))
		abort();
	free(text);
	return 0;
}
