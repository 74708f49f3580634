/*
 * What the packet filter does to a port of this host: a rule may send its packets elsewhere, or drop them, while nothing
 * listens there and a bind() succeeds.
 *
 * Judged is the first packet of a connection from another host to an address of this one. Base chains are walked in the
 * kernel's order, rules in theirs: what an earlier rule accepts or sends away is not claimed by a later one. Packets of
 * the host's own programs take other hooks and are not judged.
 */
#ifndef EPH_RULES_FIREWALL_CLAIMS_H
#define EPH_RULES_FIREWALL_CLAIMS_H

#include "firewall_claims_result.h"

/**
 * firewall_claims() - what is done to packets to @port
 * @claims:    its `firewall` is judged
 * @protocol:  one of enum firewall_protocol
 * @families:  enum firewall_family, those that the socket would receive
 * A rule that says nothing of ports counts only where it is about every packet. Fills claim and count.
 */
void firewall_claims(struct firewall_claims *claims, uint8_t protocol, uint8_t families,
		     uint16_t port);

#endif
