/*
 * One step of a change: where it stands, taking it, taking it back. Between change.c, change_undo.c and change_recover.c.
 */
#ifndef EPH_OS_CHANGE_STEP_H
#define EPH_OS_CHANGE_STEP_H

#include "change.h"

enum step_stand {
	STEP_BEFORE, /* as it was before the change */
	STEP_AFTER,  /* as the change wants it */
	STEP_HALF,   /* between the two: only a part of it is done, or taken back */
	STEP_OTHER,  /* somebody else's value */
};

/* Call at_point, if somebody wants to know. */
void change_point(struct change_run *run);

int change_step_stand(struct change_run *run, const struct change_step *step, enum step_stand *ret,
		      struct eph_error *reterr);

/* May a running value that is neither old nor new be our own, half set? A long list is set in parts, and some systems
 * clamp. */
bool change_step_may_be_half(const struct change_run *run, const struct change_step *step);

/* The value or file of the change, read back. Return: 0; -EREMOTEIO when another one was taken; negative errno. */
int change_step_take(struct change_run *run, const struct change_step *step,
		     struct eph_error *reterr);

/* What was before, from memory or from the journal's backup, read back. */
int change_step_take_back(struct change_run *run, const struct change_step *step,
			  struct eph_error *reterr);

/* The value that runs, or the digest of the file, for messages; at most a line. */
/* Settings may be told as they are now, until the next call: see setting_ops.remember(). */
void change_remember(struct change_run *run, bool on);

/* For a message: its file, or its setting. */
const char *change_step_name(const struct change_step *step);

/* Do both mean the same part of the same machine? After a reboot a namespace goes by its name. */
bool change_place_same(const struct change_place *a, const struct change_place *b);

#endif
