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

/**
 * choice_fall_back() - after a reading that failed: forget it, and open the next best collector
 * @failure: what the reading returned
 *
 *	do
 *		r = read with choice;
 *	while (r < 0 && choice_fall_back(options->collector, r, &choice, snapshot));
 *
 * Return: true if another one is open. False, with none open, when one was forced or there is no other.
 */
bool choice_fall_back(const char *forced, int failure, struct choice *choice,
		      struct snapshot *snapshot);

/* Open BPF, if it is usable, and let it fill the bind buckets that netlink left in doubt; `collector` says so.
 * Return: true if it did. Not being able to is no failure: the reason is in the snapshot. */
bool choice_settle_binds(struct snapshot *snapshot);

#endif
