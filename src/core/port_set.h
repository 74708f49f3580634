/*
 * A set of ports 0..65535 as 65 536 bits (8 KiB). Plain data: zeroed memory is the empty set, `=` copies it.
 */
#ifndef EPH_CORE_PORT_SET_H
#define EPH_CORE_PORT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port_range.h"

struct strbuf;
struct eph_error;

#define PORT_SET_WORDS 1024u

struct port_set {
	uint64_t word[PORT_SET_WORDS];
};

static inline bool port_set_has(const struct port_set *set, uint16_t port)
{
	return (set->word[port >> 6] >> (port & 63)) & 1;
}

static inline void port_set_add(struct port_set *set, uint16_t port)
{
	set->word[port >> 6] |= UINT64_C(1) << (port & 63);
}

static inline void port_set_remove(struct port_set *set, uint16_t port)
{
	set->word[port >> 6] &= ~(UINT64_C(1) << (port & 63));
}

void port_set_clear(struct port_set *set);
void port_set_add_range(struct port_set *set, struct port_range range);
void port_set_add_set(struct port_set *set, const struct port_set *other);    /* union */
void port_set_remove_set(struct port_set *set, const struct port_set *other); /* difference */
void port_set_keep_set(struct port_set *set, const struct port_set *other);   /* intersection */
uint32_t port_set_count(const struct port_set *set);
uint32_t port_set_count_in(const struct port_set *set, struct port_range range);

/* The first port >= @from in the set, or -1. for (int p = -1; (p = port_set_next(s, p + 1)) >= 0;) */
int port_set_next(const struct port_set *set, int from);

/**
 * port_set_parse() - read a list as ip_local_reserved_ports has it: "a,b-c,d"
 * @text:   bytes, not necessarily NUL-terminated; blanks and one newline at the end are ignored, empty text is the
 *          empty set, a trailing comma is accepted (the kernel accepts it), order and overlap do not matter
 * @ret:    replaced; untouched on failure
 *
 * Source: Linux proc_do_large_bitmap(). Return: 0, or -EINVAL with the offset of the first bad byte in @reterr.
 */
int port_set_parse(const char *text, size_t length, struct port_set *ret, struct eph_error *reterr);

/* The reverse: merged, ascending, "" when empty. */
void port_set_format(const struct port_set *set, struct strbuf *out);

#endif
