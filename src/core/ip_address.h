/*
 * An IPv4 or IPv6 address. IPv4 sits in the first four bytes, the other twelve are zero, so that two addresses are
 * equal exactly when all 17 bytes are. A v4-mapped IPv6 address (::ffff:a.b.c.d) is stored as IPv4 everywhere in the
 * model: the kernel runs its IPv4 path for it; that the socket itself is AF_INET6 is a flag of the socket.
 * Bytes are in network order. family 0 is "no address".
 */
#ifndef EPH_CORE_IP_ADDRESS_H
#define EPH_CORE_IP_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eph_error;

enum ip_family {
	IP_NONE = 0,
	IP_V4 = 4,
	IP_V6 = 6,
};

struct ip_address {
	uint8_t bytes[16];
	uint8_t family; /* enum ip_family */
};

#define IP_ADDRESS_TEXT_BYTES 48 /* the longest text form and its NUL */

struct ip_address ip_address_v4(const void *four_bytes);
/* @sixteen_bytes as the model has it: a v4-mapped address becomes IPv4. */
struct ip_address ip_address_v6(const void *sixteen_bytes);
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);
bool ip_address_is_any(const struct ip_address *address);      /* 0.0.0.0 or :: */
bool ip_address_is_loopback(const struct ip_address *address); /* 127/8 or ::1 */
bool ip_address_in_prefix(const struct ip_address *address, const struct ip_address *prefix,
			  unsigned bits);

/* The usual text form (RFC 5952); "" for IP_NONE. Returns @text. */
const char *ip_address_format(const struct ip_address *address, char text[IP_ADDRESS_TEXT_BYTES]);

/**
 * ip_address_parse() - an IPv4 or IPv6 literal, also in [brackets]; no names, no scope
 * Return: 0, or -EINVAL with @reterr; @ret untouched.
 */
int ip_address_parse(const char *text, struct ip_address *ret, struct eph_error *reterr);

/**
 * ip_endpoint_parse() - "ADDRESS:PORT": 10.0.0.5:443, [2001:db8::1]:443, 2001:db8::1:443 is refused as ambiguous
 * Return: 0, or -EINVAL with @reterr; @ret_address and @ret_port untouched.
 */
int ip_endpoint_parse(const char *text, struct ip_address *ret_address, uint16_t *ret_port,
		      struct eph_error *reterr);

#endif
