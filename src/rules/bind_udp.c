#include "bind_judge.h"

/* up to so many sockets in its hash chain, UDP looks at the chain itself */
#define UDP_CHAIN_SHORT 10u

/* Which part of the owners is looked at. */
enum udp_part {
	UDP_ALL,          /* the chain of the port */
	UDP_SAME_ADDRESS, /* the chain of port and address */
	UDP_WILDCARD,     /* the chain of port and wildcard */
};

static bool in_part(const struct judge *judge, const struct socket_record *owner,
		    enum udp_part part)
{
	switch (part) {
	case UDP_ALL:
		break;
	case UDP_SAME_ADDRESS:
		return ip_address_equal(&owner->local, &judge->side.address);
	case UDP_WILDCARD:
		return ip_address_is_any(&owner->local);
	}
	return true;
}

/* Is the owner passed over, because the two do not meet or both have SO_REUSEADDR? */
static enum law udp_passed(const struct judge *judge, const struct socket_record *owner)
{
	enum law overlap = bind_judge_meets(judge, owner);
	enum law address = bind_judge_shares_address(judge, owner);

	if (overlap == LAW_NO || address == LAW_YES)
		return LAW_YES;
	if (address == LAW_UNKNOWN)
		judge->result->inexact_because |= GAP_OPTIONS;
	return overlap == LAW_YES && address == LAW_NO ? LAW_NO : LAW_UNKNOWN;
}

static unsigned udp_decision(const struct judge *judge, const struct socket_record *owner)
{
	switch (bind_judge_shares_port(judge, owner)) {
	case LAW_YES:
		return OUTCOME_FREE;
	case LAW_NO:
		return OUTCOME_IN_USE;
	case LAW_UNKNOWN:
		break;
	}
	judge->result->inexact_because |= GAP_OPTIONS;
	return OUTCOME_FREE | OUTCOME_IN_USE;
}

/* Where an owner hangs in its chain: that of a port is read in its order. */
static size_t place_of(const struct judge *judge, enum udp_part part, size_t index)
{
	return part == UDP_ALL ? index : judge->netns->sockets.record[index].rank;
}

/* The first owner that is surely not passed over, SIZE_MAX: there is none. */
static size_t find_decider(const struct judge *judge, enum udp_part part)
{
	uint32_t before = judge->result->inexact_because;
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];

		if (bind_judge_is_owner(judge, owner) && in_part(judge, owner, part) &&
		    place_of(judge, part, i) < first && udp_passed(judge, owner) == LAW_NO)
			first = place_of(judge, part, i);
	}
	/* What is not known of those behind it does not matter. */
	judge->result->inexact_because = before;
	return first;
}

/*
 * udp_lib_lport_inuse(): the first owner in the chain that is not passed over decides. Where the order is not known, any
 * of them may be the first.
 */
static unsigned judge_chain(const struct judge *judge, enum udp_part part, bool ordered)
{
	size_t decider = find_decider(judge, part), last = ordered ? decider : SIZE_MAX;
	unsigned outcome = decider == SIZE_MAX ? OUTCOME_FREE : 0;

	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];

		if (bind_judge_is_owner(judge, owner) && in_part(judge, owner, part) &&
		    place_of(judge, part, i) <= last && udp_passed(judge, owner) != LAW_YES)
			outcome |= udp_decision(judge, owner);
	}
	return outcome;
}

/* Only who walks the chains of ports sees SOCK_BINDADDR_LOCK, and only who walks those of addresses tells ranks. They are
 * in different orders: a socket comes to another address by connect(), and with SO_REUSEPORT to the end in IPv6. */
static bool order_is_known(const struct judge *judge, enum udp_part part)
{
	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];

		if (!bind_judge_is_owner(judge, owner) || !in_part(judge, owner, part))
			continue;
		if (part == UDP_ALL ? !(owner->known & SOCKET_ADDRESS_BOUND) : !owner->rank)
			return false;
	}
	return true;
}

static unsigned judge_part(const struct judge *judge, enum udp_part part)
{
	uint32_t before = judge->result->inexact_because;
	unsigned outcome = judge_chain(judge, part, order_is_known(judge, part));

	if (outcome == (OUTCOME_FREE | OUTCOME_IN_USE) && judge->result->inexact_because == before)
		judge->result->inexact_because |= GAP_ORDER;
	return outcome;
}

/* With a long chain, a socket with an address of its own is compared through the chains of that address and of the
 * wildcard; either may refuse. */
static unsigned judge_long_chain(const struct judge *judge)
{
	unsigned address, wildcard;

	if (ip_address_is_any(&judge->side.address))
		return judge_part(judge, UDP_ALL);
	address = judge_part(judge, UDP_SAME_ADDRESS);
	if (!(address & OUTCOME_FREE))
		return address;
	wildcard = judge_part(judge, UDP_WILDCARD);
	return ((address | wildcard) & OUTCOME_IN_USE) | (address & wildcard & OUTCOME_FREE);
}

static void add_udp_blockers(const struct judge *judge)
{
	for (size_t i = 0; i < judge->netns->sockets.count; i++) {
		const struct socket_record *owner = &judge->netns->sockets.record[i];
		enum law passed;
		unsigned decision;

		if (!bind_judge_is_owner(judge, owner))
			continue;
		passed = udp_passed(judge, owner);
		decision = udp_decision(judge, owner);
		if (passed != LAW_YES && decision & OUTCOME_IN_USE)
			bind_judge_add_blocker(judge, i,
					       passed == LAW_NO && decision == OUTCOME_IN_USE);
	}
}

unsigned bind_judge_udp(const struct judge *judge)
{
	const struct bind_bucket *chain = &judge->netns->bucket[1];
	unsigned outcome, other;

	if (chain->protocol && chain->chain > UDP_CHAIN_SHORT) {
		outcome = judge_long_chain(judge);
	} else {
		outcome = judge_part(judge, UDP_ALL);
		other = chain->protocol ? outcome : judge_long_chain(judge);
		if (other != outcome)
			judge->result->inexact_because |= GAP_ORDER;
		outcome |= other;
	}
	if (outcome & OUTCOME_IN_USE)
		add_udp_blockers(judge);
	return outcome;
}
