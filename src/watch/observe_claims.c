#include "observe_claims.h"

#include "firewall_claims.h"
#include "nft.h"
#include "socket_table.h"

void observe_firewall(const struct snapshot *snapshot, struct firewall_claims *ret)
{
	enum nft_outcome outcome;

	*ret = (struct firewall_claims){.known = false};
	if (snapshot->replayed || !snapshot->n_netns)
		return;
	outcome = nft_read(snapshot->netns[0].fd, &ret->firewall, &ret->unknown_because);
	ret->known = outcome != NFT_NOT_READ;
	ret->in_part = outcome == NFT_READ_IN_PART || ret->firewall.unread;
}

/* Which packets reach the socket: a wildcard of IPv6 takes both, unless it is for IPv6 alone. */
static uint8_t families_of(const struct bind_query *query)
{
	if (query->address.family == IP_V4)
		return FIREWALL_IPV4;
	if (ip_address_is_any(&query->address) && !query->v6only)
		return FIREWALL_IPV4 | FIREWALL_IPV6;
	return FIREWALL_IPV6;
}

void observe_claims(const struct snapshot *snapshot, const struct bind_query *query,
		    struct firewall_claims *ret)
{
	observe_firewall(snapshot, ret);
	if (ret->known && !ip_address_is_loopback(&query->address))
		firewall_claims(ret, query->protocol == PROTOCOL_UDP ? FIREWALL_UDP : FIREWALL_TCP,
				families_of(query), query->port);
}
