/*
 * The source addresses of a pool: addresses, prefixes and interfaces as options.from names them, in one list per family.
 */
#ifndef EPH_CONNECT_SOURCES_H
#define EPH_CONNECT_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "ip_address.h"

struct eph_error;
struct strbuf;

/* Of a longer prefix the first so many addresses are used: 28 million connections to one destination. */
#define SOURCES_MAX 1024u

struct source_list {
	struct ip_address *address;
	unsigned count;
};

struct sources {
	struct source_list v4, v6;
};

/**
 * sources_read() - fill @ret from texts like "10.0.0.5", "127.0.0.0/28", "dev:eth0"
 *
 * Every address is tried with bind(): one that the host does not have is refused. An address named twice counts once. Of a
 * prefix, all addresses that bind() accepts are used, the first and last too (AnyIP has no network address); it is an error
 * if none does. sources_done() frees, also after a failure.
 * Return: 0, -EINVAL, -EADDRNOTAVAIL, -ENODEV, -ENOMEM.
 */
int sources_read(const char *const *from, size_t count, struct sources *ret,
		 struct eph_error *reterr);
void sources_done(struct sources *sources);

/* To "any address" means to this host, 127.0.0.1 or the socket's own: a source would change where it goes. Nor does one who
 * connects to a group need a source, and bound to one he would not hear it. As src/bpf/source.bpf.c has it. */
bool sources_are_for(const struct ip_address *to);

static inline const struct source_list *sources_for(const struct sources *sources,
						    const struct ip_address *to)
{
	static const struct source_list none;

	if (!sources_are_for(to))
		return &none;
	return to->family == IP_V6 ? &sources->v6 : &sources->v4;
}

/* Words for people: "from 16 addresses, 127.0.0.0 to 127.0.0.15", "" when there are none. */
void sources_describe(const struct sources *sources, struct strbuf *out);

#endif
