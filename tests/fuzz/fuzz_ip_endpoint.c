/* ADDRESS:PORT and ADDRESS: what is accepted means the same after it was written and read again. */
#include "ip_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "fuzz_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void endpoint(const char *text)
{
	char host[IP_ADDRESS_TEXT_BYTES], written[IP_ADDRESS_TEXT_BYTES + 8];
	struct ip_address address, again;
	uint16_t port, port_again;
	struct eph_error error;

	if (ip_endpoint_parse(text, &address, &port, &error) < 0)
		return;
	snprintf(written, sizeof(written), address.family == IP_V6 ? "[%s]:%u" : "%s:%u",
		 ip_address_format(&address, host), port);
	if (ip_endpoint_parse(written, &again, &port_again, NULL) < 0 || port != port_again ||
	    !ip_address_equal(&address, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct ip_address address;
	struct eph_error error;

	if (!text)
		return 0;
	endpoint(text);
	ip_address_parse(text, &address, &error);
	free(text);
	return 0;
}
