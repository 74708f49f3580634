#include "names.h"

#include <stdio.h>
#include <string.h>

const char *name_endpoint(const struct ip_address *address, uint16_t port,
			  char text[ENDPOINT_TEXT_BYTES])
{
	char literal[IP_ADDRESS_TEXT_BYTES];

	if (address->family == IP_NONE && port) /* a text had it cut */
		snprintf(text, ENDPOINT_TEXT_BYTES, "?:%u", port);
	else if (address->family == IP_NONE || (!port && ip_address_is_any(address)))
		snprintf(text, ENDPOINT_TEXT_BYTES, "any");
	else
		snprintf(text, ENDPOINT_TEXT_BYTES, address->family == IP_V6 ? "[%s]:%u" : "%s:%u",
			 ip_address_format(address, literal), port);
	return text;
}

const char *name_protocol(uint8_t protocol)
{
	return protocol == PROTOCOL_UDP ? "udp" : "tcp";
}

const char *name_netns(const struct netns_snapshot *netns)
{
	return *netns->name ? netns->name : "this one";
}

const struct process_record *name_process(const struct snapshot *snapshot, uint32_t inode,
					  size_t *ret_more)
{
	const struct process_link *link;
	size_t count;

	*ret_more = 0;
	if (!inode || !snapshot->has_processes)
		return NULL;
	link = process_table_find(&snapshot->processes, inode, &count);
	if (!link || link->process >= snapshot->processes.processes)
		return NULL;
	*ret_more = count - 1;
	return &snapshot->processes.process[link->process];
}

const char *name_collector(const struct snapshot *snapshot)
{
	return strcmp(snapshot->collector, "bpf") == 0             ? "BPF"
	       : strcmp(snapshot->collector, "netlink+bpf") == 0   ? "netlink and BPF"
	       : strcmp(snapshot->collector, "netlink+probe") == 0 ? "netlink and a probe"
								   : snapshot->collector;
}

const char *name_gap(uint32_t gaps)
{
	static const char *const text[GAP_COUNT] = {
		"whether ports in use may be shared is not visible without BPF",
		"this kernel does not report bound sockets without BPF",
		"the age of TIME_WAIT is not visible without BPF",
		"IPV6_V6ONLY of some sockets is not visible",
		"the kernel interrupted the reading again and again",
		"the tables changed while they were read",
		"this namespace has a hash table of its own, which was not read",
		"ports of a VRF are not judged",
		"the namespace went away while it was read",
		"some settings could not be read",
		"the rules have not been proven on this kernel",
		"an odd-sized range: the kernel skips one of its ends",
		"it depends on the order of events",
		"no route tells which local address would be used: --from",
		"how this kernel searches a socket's own range is not known",
		("SO_REUSEADDR, SO_REUSEPORT or the device of other sockets is not visible "
		 "without BPF"),
		"addresses were cut to the width of a column: netstat -W prints them whole",
		"of some sockets the state is not told, or in words that are not known",
		"no listening sockets were printed (netstat -a), so accepted connections count too",
		"the range is the default of that release, nobody read it there: --range",
		"whether ports are shared between destinations is not certain on that system",
		"which release it is, and the rule differs between releases: --release",
		"which ports that system never chooses is not told",
	};
	int bit = __builtin_ffs((int)gaps) - 1;

	return bit >= 0 && bit < GAP_COUNT ? text[bit] : "unknown";
}

const char *name_gap_for_bpf(uint32_t gaps)
{
	if (gaps & (0u - gaps) & GAP_BUCKET_STATE)
		return "which ports may be shared";
	if (gaps & (0u - gaps) & GAP_BOUND_HIDDEN)
		return "bound sockets";
	if (gaps & (0u - gaps) & GAP_TW_AGE)
		return "age of TIME_WAIT";
	return NULL;
}
