/*
 * Do replies to a source come back to this host? As far as that can be told from here: what routers do is not known.
 */
#ifndef EPH_CONNECT_SOURCE_REPLIES_H
#define EPH_CONNECT_SOURCE_REPLIES_H

#include "ip_address.h"

struct sources;

enum source_reply {
	SOURCE_REPLY_FINE,   /* or a loopback address, from which there is no way to another host */
	SOURCE_REPLY_DOWN,   /* its interface is down, or has no carrier */
	SOURCE_REPLY_ROUTED, /* no network that this host is in has it: routers must send it here */
	SOURCE_REPLY_UNHEARD, /* neighbours ask who has it, and this host does not answer */
	SOURCE_REPLY_KINDS,
};

struct source_replies {
	struct {
		unsigned count;
		struct ip_address first;
	} of[SOURCE_REPLY_KINDS];
};

/**
 * source_replies() - count the sources by what becomes of replies to them
 *
 * A network's neighbours ask for an address that only a local route has (AnyIP): IPv4 answers, unless arp_ignore forbids it
 * (arp_process), IPv6 does not (ndisc_recv_ns). Return: 0 or a negative errno.
 */
int source_replies(const struct sources *sources, struct source_replies *ret);

#endif
