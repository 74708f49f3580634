#include "ip_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "error.h"
#include "parse.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip_address ip_address_v4(const void *four_bytes)
{
	struct ip_address address = {.family = IP_V4};

	memcpy(address.bytes, four_bytes, 4);
	return address;
}

struct ip_address ip_address_v6(const void *sixteen_bytes)
{
	struct ip_address address = {.family = IP_V6};

	if (memcmp(sixteen_bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return ip_address_v4((const uint8_t *)sixteen_bytes + 12);
	memcpy(address.bytes, sixteen_bytes, 16);
	return address;
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool ip_address_is_any(const struct ip_address *address)
{
	static const uint8_t zero[16];

	return address->family != IP_NONE && memcmp(address->bytes, zero, sizeof(zero)) == 0;
}

bool ip_address_is_loopback(const struct ip_address *address)
{
	static const uint8_t v6_loopback[16] = {[15] = 1};

	if (address->family == IP_V4)
		return address->bytes[0] == 127;
	return address->family == IP_V6 &&
	       memcmp(address->bytes, v6_loopback, sizeof(v6_loopback)) == 0;
}

bool ip_address_in_prefix(const struct ip_address *address, const struct ip_address *prefix,
			  unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (address->family != prefix->family || bits > (prefix->family == IP_V4 ? 32u : 128u))
		return false;
	if (memcmp(address->bytes, prefix->bytes, whole) != 0)
		return false;
	return !rest || ((address->bytes[whole] ^ prefix->bytes[whole]) >> (8 - rest)) == 0;
}

const char *ip_address_format(const struct ip_address *address, char text[IP_ADDRESS_TEXT_BYTES])
{
	text[0] = '\0';
	if (address->family == IP_V4)
		inet_ntop(AF_INET, address->bytes, text, IP_ADDRESS_TEXT_BYTES);
	else if (address->family == IP_V6)
		inet_ntop(AF_INET6, address->bytes, text, IP_ADDRESS_TEXT_BYTES);
	return text;
}

/* A literal of exactly @length bytes; false if it is none. */
static bool parse_literal(const char *text, size_t length, struct ip_address *ret)
{
	char copy[IP_ADDRESS_TEXT_BYTES];
	uint8_t bytes[16];

	if (length >= sizeof(copy) || memchr(text, '\0', length))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (inet_pton(AF_INET, copy, bytes) == 1)
		*ret = ip_address_v4(bytes);
	else if (inet_pton(AF_INET6, copy, bytes) == 1)
		*ret = ip_address_v6(bytes);
	else
		return false;
	return true;
}

int ip_address_parse(const char *text, struct ip_address *ret, struct eph_error *reterr)
{
	size_t length = strlen(text);

	if (length > 2 && text[0] == '[' && text[length - 1] == ']' && memchr(text, ':', length)) {
		text++;
		length -= 2;
	}
	if (!parse_literal(text, length, ret))
		return error_set(
			reterr, -EINVAL, "address",
			"'%.80s' is not an address: expected IPv4 (10.0.0.5) or IPv6 (2001:db8::1)",
			text);
	return 0;
}

int ip_endpoint_parse(const char *text, struct ip_address *ret_address, uint16_t *ret_port,
		      struct eph_error *reterr)
{
	const char *colon = strrchr(text, ':'), *start = text;
	struct ip_address address;
	size_t length;
	uint16_t port;

	if (!colon)
		return error_set(reterr, -EINVAL, "address",
				 "'%.80s' has no port: expected ADDRESS:PORT, as 10.0.0.5:443 or "
				 "[2001:db8::1]:443",
				 text);
	length = (size_t)(colon - text);
	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		start++;
		length -= 2;
	} else if (memchr(text, ':', length)) {
		return error_set(reterr, -EINVAL, "address",
				 "'%.80s' is ambiguous: write an IPv6 address in brackets, as "
				 "[2001:db8::1]:443",
				 text);
	}
	if (!parse_literal(start, length, &address))
		return error_set(
			reterr, -EINVAL, "address",
			"'%.80s': '%.*s' is not an address: expected IPv4 or [IPv6], then :PORT",
			text, (int)(length > 60 ? 60 : length), start);
	if (parse_port(colon + 1, &port) < 0)
		return error_set(reterr, -EINVAL, "address",
				 "'%.80s': '%.20s' is not a port: expected 1-65535", text,
				 colon + 1);
	*ret_address = address;
	*ret_port = port;
	return 0;
}
