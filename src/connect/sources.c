#include "sources.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "parse.h"
#include "socket_window.h"
#include "strbuf.h"

static int list_add(struct source_list *list, const struct ip_address *address,
		    struct eph_error *reterr)
{
	struct ip_address *more;

	for (unsigned i = 0; i < list->count; i++)
		if (ip_address_equal(&list->address[i], address))
			return 0;
	if (list->count == SOURCES_MAX)
		return 0;
	more = realloc(list->address, (list->count + 1) * sizeof(*more));
	if (!more)
		return error_set(reterr, -ENOMEM, "from", "out of memory");
	list->address = more;
	list->address[list->count++] = *address;
	return 0;
}

static int domain_of(const struct ip_address *address)
{
	return address->family == IP_V6 ? AF_INET6 : AF_INET;
}

/* bind() also takes broadcast and multicast addresses, from which no connection comes back: TCP and UDP refuse to connect
 * to those. Nothing is sent. */
static bool is_group(int domain, const struct ip_address *address)
{
	CLEANUP(fd_closep) int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if ((address->family == IP_V4 && (address->bytes[0] & 0xf0) == 0xe0) ||
	    (address->family == IP_V6 && address->bytes[0] == 0xff))
		return true;
	return fd >= 0 && socket_connect(fd, domain, address, 9) == -EACCES;
}

/* Would the kernel let a socket have this source? 0 or a negative errno. */
static int try_address(const struct ip_address *address)
{
	int domain = domain_of(address);
	CLEANUP(fd_closep) int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -errno : socket_set_source(fd, domain, address);

	return r == 0 && is_group(domain, address) ? -EADDRNOTAVAIL : r;
}

static int add_address(struct sources *sources, const struct ip_address *address,
		       struct eph_error *reterr)
{
	return list_add(address->family == IP_V6 ? &sources->v6 : &sources->v4, address, reterr);
}

static int read_address(const char *text, struct sources *ret, struct eph_error *reterr)
{
	struct ip_address address;
	int r = ip_address_parse(text, &address, reterr);

	if (r < 0)
		return error_set(
			reterr, r, "from",
			"%s: an address, a prefix like 127.0.0.0/28, or dev:NAME was expected",
			text);
	if (ip_address_is_any(&address))
		return error_set(reterr, -EINVAL, "from",
				 "%s: one address of this host was expected", text);
	r = try_address(&address);
	if (r < 0)
		return error_set(reterr, r == -EADDRNOTAVAIL ? r : -EINVAL, "from",
				 "%s: not an address of this host (%s); `ip address` lists them",
				 text, strerror(-r));
	return add_address(ret, &address, reterr);
}

/* The address @index behind the first of a prefix. */
static struct ip_address address_at(const struct ip_address *first, uint32_t index)
{
	struct ip_address address = *first;
	unsigned last = first->family == IP_V6 ? 15 : 3;

	for (unsigned i = 0; i < 4; i++)
		address.bytes[last - i] = (uint8_t)(address.bytes[last - i] + (index >> 8 * i));
	return address;
}

static void mask(struct ip_address *address, unsigned bits)
{
	unsigned bytes = address->family == IP_V6 ? 16 : 4;

	for (unsigned i = 0; i < bytes; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

		if (kept < 8)
			address->bytes[i] = (uint8_t)(address->bytes[i] & ~(0xffu >> kept));
	}
}

static int read_prefix(const char *text, const char *slash, struct sources *ret,
		       struct eph_error *reterr)
{
	char start[IP_ADDRESS_TEXT_BYTES + 2];
	struct ip_address first;
	unsigned width, added = 0;
	uint64_t bits, count;
	int r = -EINVAL;

	if ((size_t)(slash - text) < sizeof(start)) {
		memcpy(start, text, (size_t)(slash - text));
		start[slash - text] = '\0';
		r = ip_address_parse(start, &first, NULL);
	}
	width = !r && first.family == IP_V6 ? 128 : 32;
	if (r || parse_uint(slash + 1, strlen(slash + 1), width, &bits))
		return error_set(reterr, -EINVAL, "from",
				 "%s: a prefix like 127.0.0.0/28 was expected", text);
	mask(&first, (unsigned)bits);
	count = width - bits < 10 ? UINT64_C(1) << (width - bits) : SOURCES_MAX;
	for (uint32_t i = 0; i < count; i++) {
		struct ip_address address = address_at(&first, i);

		if (ip_address_is_any(&address) || try_address(&address) < 0)
			continue;
		r = add_address(ret, &address, reterr);
		if (r < 0)
			return r;
		added++;
	}
	if (!added)
		return error_set(reterr, -EADDRNOTAVAIL, "from",
				 "%s: none of its addresses is one of this host; `ip route add "
				 "local %s dev lo`%s makes them so",
				 text, text,
				 first.family == IP_V6 ? " with net.ipv6.ip_nonlocal_bind=1" : "");
	return 0;
}

static int read_device(const char *name, struct sources *ret, struct eph_error *reterr)
{
	struct ifaddrs *all, *one;
	bool seen = false, added = false;
	int r = 0;

	if (getifaddrs(&all) < 0)
		return error_set(reterr, -errno, "from", "dev:%s: %s", name, strerror(errno));
	for (one = all; one && !r; one = one->ifa_next) {
		struct ip_address address;
		uint16_t port;

		if (strcmp(one->ifa_name, name) != 0)
			continue;
		seen = true;
		/* A link-local source is of use to its own link only, and needs a scope. */
		if (!one->ifa_addr ||
		    !socket_endpoint(one->ifa_addr, sizeof(struct sockaddr_in6), &address, &port) ||
		    (address.family == IP_V6 && address.bytes[0] == 0xfe &&
		     (address.bytes[1] & 0xc0) == 0x80) ||
		    try_address(&address) < 0)
			continue;
		r = add_address(ret, &address, reterr);
		added = true;
	}
	freeifaddrs(all);
	if (!r && !added)
		r = seen ? error_set(reterr, -EADDRNOTAVAIL, "from",
				     "dev:%s: the interface has no address to connect from", name)
			 : error_set(reterr, -ENODEV, "from",
				     "dev:%s: no such interface; `ip link` lists them", name);
	return r;
}

bool sources_are_for(const struct ip_address *to)
{
	static const uint8_t everybody[4] = {0xff, 0xff, 0xff, 0xff};

	if (ip_address_is_any(to))
		return false;
	return to->family == IP_V6 ? to->bytes[0] != 0xff
				   : (to->bytes[0] & 0xf0) != 0xe0 &&
					     memcmp(to->bytes, everybody, sizeof(everybody)) != 0;
}

int sources_read(const char *const *from, size_t count, struct sources *ret,
		 struct eph_error *reterr)
{
	int r = 0;

	for (size_t i = 0; i < count && !r; i++) {
		const char *slash = strchr(from[i], '/');

		if (strncmp(from[i], "dev:", 4) == 0)
			r = read_device(from[i] + 4, ret, reterr);
		else if (slash)
			r = read_prefix(from[i], slash, ret, reterr);
		else
			r = read_address(from[i], ret, reterr);
	}
	return r;
}

void sources_done(struct sources *sources)
{
	free(sources->v4.address);
	free(sources->v6.address);
	*sources = (struct sources){0};
}

static void describe_list(const struct source_list *list, struct strbuf *out)
{
	char first[IP_ADDRESS_TEXT_BYTES], last[IP_ADDRESS_TEXT_BYTES];

	if (!list->count)
		return;
	if (out->length)
		strbuf_puts(out, ", ");
	ip_address_format(&list->address[0], first);
	ip_address_format(&list->address[list->count - 1], last);
	if (list->count == 1)
		strbuf_printf(out, "from %s", first);
	else
		strbuf_printf(out, "from %u addresses, %s to %s", list->count, first, last);
}

void sources_describe(const struct sources *sources, struct strbuf *out)
{
	describe_list(&sources->v4, out);
	describe_list(&sources->v6, out);
}
