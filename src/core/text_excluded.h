/*
 * The ports that Windows gives to nobody, as `netsh interface ipv4 show excludedportrange protocol=tcp` prints them:
 *
 *	Start Port    End Port
 *	----------    --------
 *	      5357        5357
 *	     50000       50059     *
 *
 * The text is localised, so only numbers, dashes and the * (administered: set by somebody, and kept) are read. What
 * `show dynamicport` prints may stand in the same text, and what `sysctl net.ipv4.ip_local_port_range` prints inside of WSL.
 * Pure; the text is hostile input.
 */
#ifndef EPH_CORE_TEXT_EXCLUDED_H
#define EPH_CORE_TEXT_EXCLUDED_H

#include <stdbool.h>
#include <stddef.h>

#include "port_range.h"

struct eph_error;

#define EXCLUDED_MAX       4096u
#define EXCLUDED_BYTES_MAX (1u << 20)

struct excluded_range {
	struct port_range range;
	bool administered;
};

struct excluded_list {
	struct excluded_range range[EXCLUDED_MAX];
	unsigned count;
	struct port_range dynamic;  /* {0, 0}: not told */
	struct port_range mirrored; /* of WSL; {0, 0}: not told */
};

/**
 * text_excluded_read() - the ranges of one protocol
 * @udp: those of UDP, where the text tells which it is about; where it does not, it is taken to be the one that was asked
 * Return: 0, also for an empty list; -EINVAL with the line in @reterr; -ENOMSG when it is no such list, or one of the other
 * protocol only; -E2BIG.
 */
int text_excluded_read(const char *text, size_t length, bool udp, struct excluded_list *ret,
		       struct eph_error *reterr);

/* The range that has @port, the widest of several; NULL: none has. */
const struct excluded_range *excluded_list_find(const struct excluded_list *list, uint16_t port);

#endif
