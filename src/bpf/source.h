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

/* Connections from one source to one destination are counted together. */
struct source_flow {
	struct source_address to;
	__u32 to_port; /* network order */
	__u32 source;  /* index; of the IPv6 list when the top bit is set */
};

#define SOURCE_IS_V6 (1u << 31)

/* What the programs did. */
struct source_counts {
	__u64 bound;   /* sockets that got a source */
	__u64 refused; /* sockets whose bind() failed */
	__u64 kept;    /* sockets that had an address or a port of their own */
};

#endif
