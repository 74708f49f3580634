/* Socket filters: the words of a command line, one a line. What is accepted is matched against a few sockets. */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fuzz_text.h"
#include "socket_table.h"

#define WORDS_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const struct filter *filter)
{
	struct socket_record record = {.protocol = PROTOCOL_TCP, .state = STATE_ESTABLISHED};

	filter_match(filter, &record);
	ip_address_parse("10.0.0.1", &record.local, NULL);
	ip_address_parse("10.0.0.2", &record.remote, NULL);
	record.local_port = 40000;
	record.remote_port = 443;
	filter_match(filter, &record);
	ip_address_parse("2001:db8::1", &record.local, NULL);
	ip_address_parse("2001:db8::2", &record.remote, NULL);
	record.protocol = PROTOCOL_UDP;
	filter_match(filter, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rest = text, *word;
	const char *words[WORDS_MAX];
	struct filter *filter = NULL;
	struct eph_error error;
	unsigned count = 0;

	while (rest && count < WORDS_MAX && (word = strsep(&rest, "\n")) != NULL)
		words[count++] = word;
	if (text && filter_parse(words, count, &filter, &error) == 0)
		match(filter);
	filter_free(filter);
	free(text);
	return 0;
}
