/* An entry of the journal: what is accepted is written again as what reads the same, and names no path as a backup. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "journal_text.h"
#include "strbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf once = STRBUF_INIT, twice = STRBUF_INIT;
	struct change *change = NULL, *again = NULL;
	char *text = malloc(size ? size : 1);

	if (!text)
		abort();
	if (size)
		memcpy(text, data, size);
	if (journal_text_read(text, size, &change, NULL) == 0) {
		for (unsigned i = 0; i < change->steps; i++)
			if (strchr(change->step[i].backup, '/'))
				abort();
		if (journal_text_write(change, &once) < 0 ||
		    journal_text_read(once.text, once.length, &again, NULL) < 0 ||
		    journal_text_write(again, &twice) < 0 || strcmp(once.text, twice.text) != 0)
			abort();
	}
	change_free(change);
	change_free(again);
	strbuf_done(&once);
	strbuf_done(&twice);
	free(text);
	return 0;
}
