#include "source_replies.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "fd.h"
#include "socket_window.h"
#include "sources.h"

/* The number of one bits at the start of a netmask. */
static unsigned mask_bits(const struct sockaddr *mask, uint8_t family)
{
	struct ip_address bytes = {.family = IP_NONE};
	unsigned bits = 0, most = family == IP_V6 ? 128 : 32;

	/* Not socket_endpoint(): some masks are no address, and ::ffff:0:0 would be taken for IPv4. */
	if (family == IP_V6)
		memcpy(bytes.bytes, &((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr,
		       16);
	else
		memcpy(bytes.bytes, &((const struct sockaddr_in *)(const void *)mask)->sin_addr, 4);
	while (bits < most && bytes.bytes[bits / 8] & 0x80 >> bits % 8)
		bits++;
	return bits;
}

static bool is_up(const struct ifaddrs *one)
{
	return one->ifa_flags & IFF_UP && one->ifa_flags & IFF_RUNNING;
}

static int arp_ignore_of(const char *interface)
{
	CLEANUP(fd_closep) int fd = -1;
	char path[128], digit = '0';

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/arp_ignore", interface);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &digit, 1) != 1)
		return 0;
	return digit - '0';
}

/* For an address that the interface itself does not have. */
static bool answers(const struct ifaddrs *one, const struct ip_address *source)
{
	return source->family == IP_V4 && arp_ignore_of("all") == 0 &&
	       arp_ignore_of(one->ifa_name) == 0;
}

/* What one address of an interface says of @source; the better of this and @before. */
static enum source_reply judge(const struct ifaddrs *one, const struct ip_address *source,
			       enum source_reply before)
{
	struct ip_address own;
	uint16_t port;

	if (!one->ifa_addr || one->ifa_flags & IFF_LOOPBACK || !one->ifa_netmask ||
	    !socket_endpoint(one->ifa_addr, sizeof(struct sockaddr_in6), &own, &port) ||
	    own.family != source->family || before == SOURCE_REPLY_FINE)
		return before;
	if (ip_address_equal(&own, source))
		return is_up(one) ? SOURCE_REPLY_FINE : SOURCE_REPLY_DOWN;
	if (before == SOURCE_REPLY_DOWN || !is_up(one) ||
	    !ip_address_in_prefix(source, &own, mask_bits(one->ifa_netmask, own.family)))
		return before;
	return answers(one, source) ? SOURCE_REPLY_FINE : SOURCE_REPLY_UNHEARD;
}

static void count_list(const struct source_list *list, const struct ifaddrs *all,
		       struct source_replies *ret)
{
	for (unsigned i = 0; i < list->count; i++) {
		const struct ip_address *source = &list->address[i];
		enum source_reply reply = SOURCE_REPLY_ROUTED;

		if (ip_address_is_loopback(source))
			reply = SOURCE_REPLY_FINE;
		for (const struct ifaddrs *one = all; one; one = one->ifa_next)
			reply = judge(one, source, reply);
		if (ret->of[reply].count++ == 0)
			ret->of[reply].first = *source;
	}
}

int source_replies(const struct sources *sources, struct source_replies *ret)
{
	struct ifaddrs *all;

	*ret = (struct source_replies){0};
	if (getifaddrs(&all) < 0)
		return -errno;
	count_list(&sources->v4, all, ret);
	count_list(&sources->v6, all, ret);
	freeifaddrs(all);
	return 0;
}
