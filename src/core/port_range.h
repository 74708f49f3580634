/*
 * A range of ports {lo, hi}, both ends inclusive, as the sysctl has it. Widths are uint32_t: 1-65535 has 65 535 ports
 * and a set of all ports 65 536. A range with lo > hi is empty.
 */
#ifndef EPH_CORE_PORT_RANGE_H
#define EPH_CORE_PORT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct eph_error;

struct port_range {
	uint16_t lo, hi;
};

static inline uint32_t port_range_width(struct port_range range)
{
	return range.lo > range.hi ? 0 : (uint32_t)range.hi - range.lo + 1;
}

static inline bool port_range_has(struct port_range range, uint16_t port)
{
	return range.lo <= port && port <= range.hi;
}

/**
 * port_range_parse() - read "LOW-HIGH" as a user writes it: two ports 1..65535, LOW <= HIGH, nothing else
 * Return: 0, or -EINVAL with @reterr saying what was expected; @ret untouched.
 */
int port_range_parse(const char *text, struct port_range *ret, struct eph_error *reterr);

#endif
