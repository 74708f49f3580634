/* Files below /proc: the first byte chooses the parser, the rest is the file. */
#include <stdlib.h>

#include "text_cgroup.h"
#include "text_proc_net.h"
#include "text_sockstat.h"
#include "text_sysctl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void proc_net_line(const char *text, size_t length, bool v6)
{
	struct socket_record record;

	if (text_proc_net_line(text, length, PROTOCOL_TCP, v6, &record) < 0)
		return;
	if (record.state == 0 || record.state >= SOCKET_STATES || !record.local.family ||
	    (!v6 && record.remote.family != IP_V4))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	char unit[TEXT_CGROUP_UNIT_BYTES];
	struct port_range range;
	uint32_t number;
	uint64_t value;

	if (!size)
		return 0;
	switch (data[0]) {
	case 'n':
		if (text_sysctl_number(text, size - 1, 60000, &number) == 0 && number > 60000)
			abort();
		break;
	case 'r':
		if (text_sysctl_range(text, size - 1, &range) == 0 && range.lo > range.hi)
			abort();
		break;
	case 's':
		text_sockstat_value(text, size - 1, "TCP", "inuse", &value);
		break;
	case 't':
		text_netstat_value(text, size - 1, "TcpExt", "TCPTimeWaitOverflow", &value);
		break;
	case 'c':
		text_cgroup_unit(text, size - 1, unit);
		break;
	case '4':
	case '6':
		proc_net_line(text, size - 1, data[0] == '6');
		break;
	case 'p':
		text_cgroup_unit_of_process(text, size - 1, unit);
		break;
	}
	return 0;
}
