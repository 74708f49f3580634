/*
 * From a wish to a change of another machine, whatever system it runs: files first, then what runs, then what commands
 * keep, each as its os_system plans it.
 */
#ifndef EPH_OS_HOST_CHANGE_H
#define EPH_OS_HOST_CHANGE_H

#include "change.h"
#include "host.h"

struct host_change {
	struct os_state state; /* before the change, with what its boot files say */
	struct os_host_files files;
	struct os_edits edits;
	struct os_plan plan; /* the steps of the running system */
	bool boot_set;       /* after the change a file sets the range, or a command keeps it */
	struct change *change;
	char *command[CHANGE_STEPS_MAX]; /* of each step of the change; NULL for files */
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

/**
 * host_change_reserve() - the change that puts ports on the lists of reserved ones, or takes them off
 * Return: 0; as os_list_check() and os_list_persist(); -EOPNOTSUPP when it cannot be had without @persist; -EBUSY when the
 * next boot would bring something else.
 */
int host_change_reserve(struct os_host *host, struct host_change *change,
			const struct os_list_wish *wish, bool persist, struct eph_error *reterr);

/* For those two: an edit as a step of the change; and the files as they will be, borrowed, in @ret, which has room for
 * files.count + OS_EDITS_MAX. */
int host_change_add_edit(struct os_host *host, struct host_change *change, const char *setting,
			 const char *before, const char *after, const struct os_edit *edit,
			 struct eph_error *reterr);
size_t host_change_files_after(const struct host_change *change, struct os_file *ret);

/* The default that all ranges of this name have. Return: 0, or -ENODATA with @reterr. */
int host_change_default(const struct host_change *change, enum os_range_name name,
			struct port_range *ret, struct eph_error *reterr);

#endif
