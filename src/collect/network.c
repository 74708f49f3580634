#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "alloc.h"
#include "endpoint.h"
#include "error.h"
#include "fd.h"
#include "netns.h"

#define PORTS_TO_TRY 256u

struct question {
	const struct ip_address *from, *to;
	uint16_t port;
	struct port_range range;
};

static struct ip_address address_of(const struct sockaddr *address)
{
	const void *bytes = address;

	if (address->sa_family == AF_INET6)
		return ip_address_v6(&((const struct sockaddr_in6 *)bytes)->sin6_addr);
	return ip_address_v4(&((const struct sockaddr_in *)bytes)->sin_addr);
}

static bool is_set(const struct ip_address *address)
{
	return address->family != IP_NONE && !ip_address_is_any(address);
}

static int open_socket(const struct question *question)
{
	int family = question->to->family == IP_V6 ? AF_INET6 : AF_INET;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int one = 1;

	if (fd < 0)
		return -errno;
	/* Late bind checks the address and takes no port. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	return fd;
}

static int bind_to(int fd, const struct question *question, uint16_t port)
{
	const struct ip_address any = {.family = question->to->family};
	union endpoint endpoint;
	socklen_t length =
		endpoint_of(is_set(question->from) ? question->from : &any, port, &endpoint);

	return bind(fd, &endpoint.any, length) < 0 ? -errno : 0;
}

/* The port that the kernel could not give, taken outside its range instead. Return: 0 or -EAGAIN. */
static int bind_outside(int fd, const struct question *question)
{
	unsigned tried = 0;

	for (uint32_t port = UINT16_MAX; port > 0 && tried < PORTS_TO_TRY; port--) {
		if (port_range_has(question->range, (uint16_t)port))
			continue;
		tried++;
		if (bind_to(fd, question, (uint16_t)port) == 0)
			return 0;
	}
	return -EAGAIN;
}

/* Return: 0 or the errno that routing gives, negative; -EAGAIN: no port to ask with. */
static int connect_to(int fd, const struct question *question, struct connect_facts *facts)
{
	union endpoint endpoint;
	socklen_t length = endpoint_of(question->to, question->port, &endpoint);
	const int one = 1;

	if (connect(fd, &endpoint.any, length) == 0)
		return 0;
	if (errno != EACCES)
		return -errno;
	/* A route may forbid it; or it is a broadcast address, which UDP wants to be asked for. */
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	facts->many_hosts = connect(fd, &endpoint.any, length) == 0;
	return facts->many_hosts ? 0 : -EACCES;
}

static void take_source(int fd, struct connect_facts *facts)
{
	union endpoint endpoint;
	socklen_t length = sizeof(endpoint);

	if (getsockname(fd, &endpoint.any, &length) == 0)
		facts->source = address_of(&endpoint.any);
}

static int ask_with(int fd, const struct question *question, struct connect_facts *facts)
{
	int r = connect_to(fd, question, facts);

	if (r == 0)
		take_source(fd, facts);
	return r;
}

/* Every port of the range is taken: once more from another, with a fresh socket, as the first may be bound. */
static int ask_from_outside(const struct question *question, struct connect_facts *facts)
{
	CLEANUP(fd_closep) int fd = open_socket(question);
	int r = fd < 0 ? fd : bind_outside(fd, question);

	return r < 0 ? r : ask_with(fd, question, facts);
}

static bool is_multicast(const struct ip_address *address)
{
	return address->family == IP_V6 ? address->bytes[0] == 0xff : address->bytes[0] >> 4 == 0xe;
}

static int ask_route(const struct question *question, struct connect_facts *facts)
{
	CLEANUP(fd_closep) int fd = open_socket(question);
	int r;

	if (fd == -EAFNOSUPPORT) {
		facts->ipv6_absent = LAW_YES;
		facts->route_error = EAFNOSUPPORT;
		return 0;
	}
	if (fd < 0)
		return fd;
	facts->ipv6_absent = LAW_NO;
	if (is_set(question->from))
		facts->bind_error = -bind_to(fd, question, 0);
	if (facts->bind_error)
		return 0;
	r = ask_with(fd, question, facts);
	if (r == -EAGAIN)
		r = ask_from_outside(question, facts);
	facts->route_unknown = r == -EAGAIN;
	facts->route_error = facts->route_unknown ? 0 : -r;
	facts->many_hosts |= is_multicast(question->to);
	return 0;
}

static enum law read_switch(const char *path)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char digit;

	if (fd < 0 || read(fd, &digit, 1) != 1)
		return LAW_UNKNOWN;
	return digit == '0' ? LAW_NO : LAW_YES;
}

static enum law ask_loopback(void)
{
	CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo"};

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return LAW_UNKNOWN;
	return request.ifr_flags & IFF_UP ? LAW_YES : LAW_NO;
}

static void list_addresses(uint8_t family, struct connect_facts *facts)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
		struct ip_address address;

		if (!one->ifa_addr ||
		    (one->ifa_addr->sa_family != AF_INET && one->ifa_addr->sa_family != AF_INET6))
			continue;
		address = address_of(one->ifa_addr);
		if (address.family != family)
			continue;
		if (facts->n_local < CONNECT_LOCAL_MAX)
			facts->local[facts->n_local++] = address;
		else
			facts->more_local++;
	}
	freeifaddrs(all);
}

int network_ask(int netns_fd, const struct ip_address *from, const struct ip_address *to,
		uint16_t port, struct port_range range, struct connect_facts *ret,
		struct eph_error *reterr)
{
	const struct question question = {from, to, port, range};
	struct connect_facts facts = {.asked = true};
	int back, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return error_set(reterr, r, "network", "cannot enter the network namespace: %s",
				 strerror(-r));
	r = ask_route(&question, &facts);
	facts.ipv6_disabled = read_switch("/proc/sys/net/ipv6/conf/all/disable_ipv6");
	facts.lo_ipv6_disabled = read_switch("/proc/sys/net/ipv6/conf/lo/disable_ipv6");
	facts.loopback_up = ask_loopback();
	list_addresses(to->family, &facts);
	netns_leave(&back);
	if (r < 0)
		return error_set(reterr, r, "network", "no socket to ask with: %s", strerror(-r));
	*ret = facts;
	return 0;
}
