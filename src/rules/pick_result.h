/*
 * The answer of pick_judge(): which ports are safe to give to a new service, and why the others are not.
 */
#ifndef EPH_RULES_PICK_RESULT_H
#define EPH_RULES_PICK_RESULT_H

#include <stdint.h>

#include "port_set.h"

/* Why a port is left out: the first of these that holds. */
enum pick_reason {
	PICK_PRIVILEGED, /* below 1024 or ip_unprivileged_port_start */
	PICK_EPHEMERAL, /* in the ephemeral range and not reserved: connect() may take it any time */
	PICK_IN_USE,    /* a socket has it, whatever its address, state and family */
	PICK_CONFIGURED, /* a service is configured for it, running or not */
	PICK_NAMED,      /* it has a name in /etc/services */
	PICK_NODEPORT,   /* 30000-32767: Kubernetes hands them out itself */
	PICK_REASONS,
};

/* What is drawn first. */
enum pick_rank {
	PICK_PLAIN,
	PICK_RESERVED,    /* as safe, but somebody reserved it, perhaps for a service of his own */
	PICK_LAST_RESORT, /* not counted as safe: left out for PICK_NODEPORT only */
	PICK_RANKS,
};

struct pick_result {
	struct port_range looked_at;
	struct port_range ephemeral;       /* the range of the namespace */
	struct port_set ports[PICK_RANKS]; /* not drawn yet */
	uint32_t safe;                     /* safe + all that is excluded == ports looked at */
	uint32_t excluded[PICK_REASONS];
	uint32_t inexact_because; /* enum snapshot_gap: `safe` may be too high; 0: it is exact */
};

const char *
pick_reason_name(enum pick_reason reason); /* "privileged", "ephemeral", "in_use", ... */

#endif
