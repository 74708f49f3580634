/*
 * What a bind on Windows meets: an excluded range, or the block that WSL has.
 */
#ifndef EPH_RULES_EXCLUDED_BIND_RESULT_H
#define EPH_RULES_EXCLUDED_BIND_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "port_range.h"

enum excluded_verdict {
	EXCLUDED_FREE,      /* by this list; sockets were not looked at */
	EXCLUDED_FORBIDDEN, /* WSAEACCES, 10013: inside an excluded range */
	EXCLUDED_MIRRORED,  /* WSAEADDRINUSE, 10048: inside the block of WSL, which no list shows */
};

struct excluded_bind {
	uint16_t port;
	bool udp, ipv6;
	enum excluded_verdict verdict;
	struct port_range inside; /* the range; {0, 0} when free */
	bool administered;        /* set by somebody, and kept over a reboot */
	struct port_range dynamic;
	bool dynamic_told; /* else the default of Windows */
	bool in_dynamic;   /* outgoing connections may be given the port */
	bool mirrored_told;
	unsigned ranges; /* in the list */
};

#endif
