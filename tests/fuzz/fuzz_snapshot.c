/* Replay files: what is accepted, once written, reads back and is written again byte for byte the same. */
#include "snapshot_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "snapshot.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int collect(void *context, const char *bytes, size_t length)
{
	strbuf_add(context, bytes, length);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	struct snapshot *snapshot = NULL, *again = NULL;
	struct eph_error error;

	if (snapshot_read((const char *)data, size, &snapshot, &error) == 0) {
		snapshot_write(snapshot, collect, &first);
		if (snapshot_read(first.text, first.length, &again, &error) < 0)
			abort();
		snapshot_write(again, collect, &second);
		if (first.length != second.length ||
		    memcmp(first.text, second.text, first.length) != 0)
			abort();
	}
	snapshot_free(snapshot);
	snapshot_free(again);
	strbuf_done(&first);
	strbuf_done(&second);
	return 0;
}
