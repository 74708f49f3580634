/* What netstat of any system printed: whatever it says, reading ends, and what was read can be counted by every rule. */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text_netstat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct netstat_text *text)
{
	if (text->sockets.count > text->rows || text->cut > text->rows ||
	    (text->cut && !(text->doubts & NETSTAT_CUT)) || text->doubts >= 1u << NETSTAT_DOUBTS)
		abort();
	for (size_t i = 0; i < text->sockets.count; i++) {
		const struct socket_record *record = &text->sockets.record[i];
		bool tcp = record->protocol == PROTOCOL_TCP;

		if ((!tcp && record->protocol != PROTOCOL_UDP) || !record->local_port ||
		    !record->state || record->state >= SOCKET_STATES ||
		    (record->local.family != IP_NONE && record->local.family != IP_V4 &&
		     record->local.family != IP_V6) ||
		    ((record->flags & SOCKET_MINI) != 0) !=
			    (tcp && record->state == STATE_TIME_WAIT))
			abort();
		/* In the order that rules/os_capacity searches them. */
		if (i && record[-1].protocol > record->protocol)
			abort();
		if (i && record[-1].protocol == record->protocol &&
		    memcmp(&record[-1].local, &record->local, sizeof(record->local)) > 0)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	struct eph_error error = {.code = 0};
	struct netstat_text read;
	int r;

	if (!text)
		return 0;
	memcpy(text, data, size);
	r = text_netstat_read(text, size, &read, &error);
	if (r == 0)
		look_at(&read);
	else if (!*error.message || strlen(error.message) >= EPH_ERROR_MESSAGE_BYTES)
		abort();
	text_netstat_done(&read);
	free(text);
	return 0;
}
