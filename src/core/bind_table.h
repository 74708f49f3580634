/*
 * What is known of the local ports of one network namespace: for TCP the kernel's bind buckets (outside any VRF), for
 * UDP which wildcard sockets would meet an owner. Sets of ports, so that a law is a few words of set arithmetic.
 *
 * Linux: struct inet_bind_bucket (inet_hashtables.h). A bucket is open when fastreuse and fastreuseport are both -1:
 * only then may connect() choose the port again for another destination.
 */
#ifndef EPH_CORE_BIND_TABLE_H
#define EPH_CORE_BIND_TABLE_H

#include "ip_address.h"
#include "port_set.h"

struct bind_table {
	struct port_set held;   /* TCP: has an owner, whatever its bucket; not kept by --save */
	struct port_set closed; /* TCP: bucket certainly closed */
	/* TCP: has owners, bucket open or closed, the collector cannot tell; disjoint from closed */
	struct port_set maybe;
	struct port_set listening; /* TCP: has a listener */
	/* TCP: has a socket that is bound, neither listening nor connected */
	struct port_set bound;
	struct port_set udp_v4; /* UDP: an owner certainly meets 0.0.0.0 */
	/* UDP: only owners whose V6ONLY is unknown would; disjoint from udp_v4 */
	struct port_set udp_v4_maybe;
	struct port_set udp_v6; /* UDP: an owner meets ::, that is: any owner at all */
	/* at most so many TCP sockets may hold a port unseen (bound ones, where the kernel does not report them) */
	uint32_t hidden;
};

/*
 * What the kernel keeps about one port that was asked about, besides its owners: for TCP the bind bucket outside any VRF,
 * for UDP the hash chain of the port.
 *
 * The fast_ fields remember the last bind() or listen() with SO_REUSEPORT, also after that socket is gone: a socket that
 * matches them gets the port without a look at the owners. Meaningful only while fastreuseport is above 0.
 */
struct bind_bucket {
	uint8_t protocol; /* enum socket_protocol */
	uint16_t port;
	bool exists; /* TCP: there is a bucket, so there are owners */
	int8_t fastreuse, fastreuseport;
	uint32_t fast_uid;
	bool fast_af_inet6, fast_v6only;
	struct ip_address fast_address;
	/* TCP: the part for 0.0.0.0 was made by an AF_INET socket (4) or by an AF_INET6 one (6); 0: there is none, or it
	 * does not matter on this kernel (kernel_laws.mapped_sees_any) */
	uint8_t any_v4_made_by;
	/* owners left out of the sockets: each equals one that is there in all that decides */
	uint32_t unlisted;
	/* UDP: sockets in the hash chain, those of other ports and namespaces included */
	uint32_t chain;
};

#endif
