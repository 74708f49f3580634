#include "overlap.h"

#include "socket_table.h"

enum kind {
	KIND_V4,      /* AF_INET, or v4-mapped on AF_INET6 */
	KIND_ANY_V6,  /* :: */
	KIND_REAL_V6, /* any other IPv6 address */
};

static enum kind kind_of(const struct overlap_side *side)
{
	if (side->address.family == IP_V4 || !side->af_inet6)
		return KIND_V4;
	return ip_address_is_any(&side->address) || side->address.family == IP_NONE ? KIND_ANY_V6
										    : KIND_REAL_V6;
}

/*
 * Every socket has an IPv4 address too: the one of its own, 0.0.0.0 for ::, and for a real IPv6 address 127.0.0.6, which
 * is the kernel's stand-in for "none" (LOOPBACK4_IPV6). UDP compares it as if it were one; TCP looks up an address of its
 * own by family too.
 */
static struct ip_address as_v4(const struct overlap_side *side)
{
	static const uint8_t none[4] = {127, 0, 0, 6}, any[4] = {0};

	switch (kind_of(side)) {
	case KIND_V4:
		return side->address.family == IP_V4 ? side->address : ip_address_v4(any);
	case KIND_ANY_V6:
		return ip_address_v4(any);
	case KIND_REAL_V6:
		break;
	}
	return ip_address_v4(none);
}

static bool match_v4(const struct overlap_side *one, const struct overlap_side *two)
{
	struct ip_address a = as_v4(one), b = as_v4(two);
	bool comparable = one->stand_in || two->stand_in || kind_of(two) != KIND_REAL_V6;

	return (comparable && ip_address_equal(&a, &b)) ||
	       (one->wildcard && ip_address_is_any(&a)) || (two->wildcard && ip_address_is_any(&b));
}

/* Both V6ONLY known. */
static bool match(const struct overlap_side *one, const struct overlap_side *two)
{
	enum kind a = kind_of(one), b = kind_of(two);

	if (!one->af_inet6 || (a == KIND_V4 && b == KIND_V4))
		return !two->v6only && match_v4(one, two);
	if (a == KIND_ANY_V6 && b == KIND_ANY_V6)
		return true;
	if (b == KIND_ANY_V6 && two->wildcard && !(two->v6only && a == KIND_V4))
		return true;
	if (a == KIND_ANY_V6 && one->wildcard && !(one->v6only && b == KIND_V4))
		return true;
	return a == KIND_REAL_V6 && b == KIND_REAL_V6 &&
	       ip_address_equal(&one->address, &two->address);
}

static struct overlap_side with_v6only(const struct overlap_side *side, bool v6only)
{
	struct overlap_side copy = *side;

	copy.v6only = v6only;
	copy.v6only_unknown = false;
	return copy;
}

enum overlap overlap_addresses(const struct overlap_side *one, const struct overlap_side *two)
{
	const struct overlap_side *unknown = one->v6only_unknown ? one : two;
	struct overlap_side off, on;
	enum overlap without, with;

	if (!one->v6only_unknown && !two->v6only_unknown)
		return match(one, two) ? OVERLAP_YES : OVERLAP_NO;
	off = with_v6only(unknown, false);
	on = with_v6only(unknown, true);
	without = unknown == one ? overlap_addresses(&off, two) : overlap_addresses(one, &off);
	with = unknown == one ? overlap_addresses(&on, two) : overlap_addresses(one, &on);
	return without == with ? without : OVERLAP_UNKNOWN;
}

struct overlap_side overlap_socket(const struct socket_record *record)
{
	struct overlap_side side = {
		.address = record->local,
		.af_inet6 = record->flags & SOCKET_AF_INET6,
		.wildcard = true,
	};

	if (!side.af_inet6)
		return side;
	if (record->known & SOCKET_V6ONLY)
		side.v6only = record->flags & SOCKET_V6ONLY;
	else /* a v4-mapped address cannot be V6ONLY; of the mapped wildcard nobody knows */
		side.v6only_unknown = record->local.family != IP_V4;
	return side;
}
