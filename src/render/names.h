/*
 * How things are called on screen: ends of connections, namespaces, processes, collectors, and what could not be seen.
 * Texts taken from the snapshot are raw: made printable or escaped by whoever prints them.
 */
#ifndef EPH_RENDER_NAMES_H
#define EPH_RENDER_NAMES_H

#include "snapshot.h"

struct strbuf;

#define ENDPOINT_TEXT_BYTES (IP_ADDRESS_TEXT_BYTES + 8)

/* "10.0.0.5:443", "[2001:db8::1]:443"; "any" without an address. Returns @text. */
const char *name_endpoint(const struct ip_address *address, uint16_t port,
			  char text[ENDPOINT_TEXT_BYTES]);

const char *name_protocol(uint8_t protocol); /* "tcp", "udp" */

/* The namespace as a reader knows it: its name, "this one" for the caller's own. */
const char *name_netns(const struct netns_snapshot *netns);

/* The process that holds socket file @inode, and in @ret_more how many others share it; NULL if nobody is known. */
const struct process_record *name_process(const struct snapshot *snapshot, uint32_t inode,
					  size_t *ret_more);

/* "BPF", "netlink", ...: the collector as words in a sentence. */
const char *name_collector(const struct snapshot *snapshot);

/* What the lowest bit of @gaps means to a reader, as the end of "... is not known: ". */
const char *name_gap(uint32_t gaps);

/* Of the lowest bit of @gaps: what BPF would show, as a few words; NULL if it shows no more. */
const char *name_gap_for_bpf(uint32_t gaps);

#endif
