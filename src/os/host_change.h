/*
 * From a wish to a change of another machine, whatever system it runs: files first, then what runs, then what commands
 * keep, each as its os_system plans it.
 */
#ifndef EPH_OS_HOST_CHANGE_H
#define EPH_OS_HOST_CHANGE_H

#include "change.h"
#include "host.h"

#define HOST_COMMAND_BYTES 256u

struct host_change {
	struct os_state state; /* before the change, with what its boot files say */
	struct os_host_files files;
	struct os_edits edits;
	struct os_plan plan; /* the steps of the running system */
	struct change *change;
	char command[CHANGE_STEPS_MAX]
		    [HOST_COMMAND_BYTES]; /* of each step of the change; "" for files */
};

/* The state of @host, and what its files bring at boot. On the heap; free with host_change_free(). NULL with @reterr. */
int host_change_read(struct os_host *host, struct host_change **ret, struct eph_error *reterr);
struct host_change *host_change_free(struct host_change *change); /* NULL is fine; returns NULL */

/**
 * host_change_plan() - the change that brings @wish
 * @persist: after the next boot, too
 * Return: 0; as os_plan(), os_plan_boot() and os_persist(); -EBUSY when another value would still win at boot.
 */
int host_change_plan(struct os_host *host, struct host_change *change, const struct os_wish *wish,
		     bool persist, struct eph_error *reterr);

/* The default that all ranges of this name have. Return: 0, or -ENODATA with @reterr. */
int host_change_default(const struct host_change *change, enum os_range_name name,
			struct port_range *ret, struct eph_error *reterr);

#endif
