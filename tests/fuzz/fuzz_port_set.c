/* Lists of ports: what is accepted means the same after it was written and read again. */
#include "port_set.h"

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct port_set set, again;
	struct strbuf text = STRBUF_INIT;

	if (port_set_parse((const char *)data, size, &set, NULL) == 0) {
		port_set_format(&set, &text);
		if (text.failed || port_set_parse(text.text, text.length, &again, NULL) < 0 ||
		    memcmp(&set, &again, sizeof(set)) != 0)
			abort();
	}
	strbuf_done(&text);
	return 0;
}
