/*
 * What user space and the programs of source.bpf.c share.
 */
#ifndef EPH_BPF_SOURCE_H
#define EPH_BPF_SOURCE_H

#define SOURCE_MAX 1024 /* addresses of one family */

/* An address as the kernel has it: four words in network order; IPv4 in the last, v4-mapped. */
struct source_address {
	__u32 word[4];
};

/* Connections from one source to one destination are counted together. UDP ports are the source's whatever the destination:
 * all zero but the source. */
struct source_flow {
	struct source_address to;
	__u32 to_port; /* network order */
	__u32 source;  /* index: IPv4, then from SOURCE_MAX on IPv6 */
};

/* What became of a flow's connections. Hints only: the kernel judges. */
struct source_use {
	__s64 held;       /* sockets that were given the source and are not closed */
	__u64 refused_ns; /* when one of them last got no port; 0: never, or one got a port since */
	__u64 crowded_ns; /* when all ports that were looked at were last taken */
};

/* What a socket remembers. */
struct source_mine {
	struct source_flow flow;
	__u32 placed; /* it got a port */
};

/* What the programs did. */
struct source_counts {
	__u64 bound; /* calls of connect() that were given a source */
	__u64 refused; /* of these, TCP: no port was left, or no route led there. Known when the socket is closed */
	__u64 failed; /* calls whose socket did not take the source: not an address where the program runs */
	__u64 kept; /* calls on sockets that had an address or a port of their own */
};

#endif
