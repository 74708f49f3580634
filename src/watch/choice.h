/*
 * Which collector reads the host, opened and ready. The only place that weighs them: what they cost, what they can see.
 */
#ifndef EPH_WATCH_CHOICE_H
#define EPH_WATCH_CHOICE_H

#include <stdbool.h>

#include "collector.h"

struct choice {
	const struct collector *collector; /* NULL: none is open */
	void *state;
};

/**
 * choice_open() - open the collector for @snapshot
 * @forced:   its name, or NULL to choose
 * @exact:    the answer needs bind buckets: BPF if it is usable, whatever the size of the host
 * @snapshot: namespaces open; collector, load_us and bpf_absent_because are filled
 *
 * Return: 0; -EINVAL for a name that is none; why the forced one cannot be used, with @reterr.
 */
int choice_open(const char *forced, bool exact, struct snapshot *snapshot, struct choice *ret,
		struct eph_error *reterr);
void choice_close(struct choice *choice);

/* Open BPF, if it is usable, and let it fill the bind buckets that netlink left in doubt; `collector` says so.
 * Return: true if it did. Not being able to is no failure: the reason is in the snapshot. */
bool choice_settle_binds(struct snapshot *snapshot);

#endif
