/*
 * The packet filter of a network namespace, read by nft(8) as a child process: the one program that knows how rules are
 * encoded. It is run only where there are tables, from a fixed list of places, without a shell, and ended when it takes
 * too long or says too much.
 */
#ifndef EPH_COLLECT_NFT_H
#define EPH_COLLECT_NFT_H

#include "firewall.h"

enum nft_outcome {
	NFT_NOT_READ,     /* not permitted, no nft, or it failed */
	NFT_READ_IN_PART, /* rules of the old iptables are there too, which nft does not show */
	NFT_READ,         /* with no table too */
};

/**
 * nft_read() - the rules of the namespace @netns_fd, -1 for the caller's own
 * @ret: replaced, also when nothing was read; firewall_done() it
 * @ret_because: of NFT_NOT_READ, where there are or may be tables: why, a fixed sentence; else NULL
 * Never loads a kernel module. Some 10 ms where there are rules, 0.2 ms where not. Return: what could be read.
 */
enum nft_outcome nft_read(int netns_fd, struct firewall *ret, const char **ret_because);

#endif
