/*
 * The ruleset as `nft -j list ruleset` prints it: what it does to the first packet of an inbound connection. Pure; the
 * text is hostile input.
 *
 * Rules of iptables-nft are there too, but their extensions (-m multiport, -j REDIRECT and its port) only by name: such a
 * rule says what it does as far as the name tells, and is marked unread.
 */
#ifndef EPH_CORE_TEXT_NFT_H
#define EPH_CORE_TEXT_NFT_H

#include "firewall.h"

/**
 * text_nft_read() - chains and rules into @ret, which is replaced; firewall_done() it
 * @terse: the text was made with nft -t, which leaves out the elements of named sets
 * Return: 0; -EINVAL when it is no JSON of nft; -ENOMEM (or beyond a limit of firewall.h).
 */
int text_nft_read(const char *text, size_t length, bool terse, struct firewall *ret);

#endif
