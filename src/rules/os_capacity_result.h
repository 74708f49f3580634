/*
 * The rule by which a system other than the one that was measured shares its local ports.
 */
#ifndef EPH_RULES_OS_CAPACITY_RESULT_H
#define EPH_RULES_OS_CAPACITY_RESULT_H

#include <stdbool.h>
#include <stdint.h>

/* One connection takes its local port away from whom? Ordered: each leaves at least as many ports as the one before. */
enum os_counting {
	OS_COUNTS_PER_HOST,    /* from the whole host */
	OS_COUNTS_PER_ADDRESS, /* from its local address; a wildcard socket from all */
	OS_COUNTS_PER_REMOTE,  /* from its remote address and port, whatever the local address */
	OS_COUNTS_PER_DESTINATION, /* from its local address, remote address and port */
};

struct os_rule {
	const char *system;    /* as in os/ */
	unsigned since, until; /* major releases, inclusive; 0: open */
	/* Where the release, or what is printed, does not settle it: the least and the most that may be left. */
	enum os_counting tcp[2], udp[2];
	bool time_wait_may_end; /* a new connection may replace a TIME_WAIT, by a setting that is not printed */
	bool has_knee;    /* connect() becomes slow when half of the ports are taken */
	uint32_t gaps;    /* why its answer is not exact: enum snapshot_gap */
	const char *text; /* the rule in one sentence */
	const char
		*because; /* what this system's outputs never tell, in words; NULL: nothing more */
};

/* "host", "address", "remote", "destination" */
const char *os_counting_name(enum os_counting counting);

#endif
