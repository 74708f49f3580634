/*
 * Changing a system safely. Each step is read back; when one fails, or the system took another value than was asked for,
 * all are taken back. The journal has the change before the first step, so whatever interrupts it, the next run leaves
 * the old state or the new one and says which.
 *
 *	struct change *change = change_new(&runner->place);
 *	change_add_file(change, setting, before, after, path, &file, text, length);
 *	change_add_setting(change, setting, before, after);
 *	r = change_apply(&run, change, reterr);
 */
#ifndef EPH_OS_CHANGE_H
#define EPH_OS_CHANGE_H

#include "change_result.h"
#include "journal.h"
#include "runner.h"

struct change *change_new(const struct change_place *place); /* NULL when out of memory */
struct change *change_free(struct change *change);           /* NULL is fine; returns NULL */

/* Append a step. All is copied. Return: 0, -ENOMEM, -E2BIG (too many steps or too long). */
int change_add_setting(struct change *change, const char *setting, const char *before,
		       const char *after);
/**
 * change_add_file() - append the replacement of a file
 * @setting, @before, @after: what it is about, for reading; values may be NULL
 * @file:  as it was read
 * @text:  what it shall be; NULL: removed
 */
int change_add_file(struct change *change, const char *setting, const char *before,
		    const char *after, const char *path, const struct runner_file *file,
		    const char *text, size_t length);

/* Append a symbolic link, made where nothing is. Return as above. */
int change_add_link(struct change *change, const char *setting, const char *path, const char *to);

/* Who applies changes, and where. */
struct change_run {
	struct runner *runner;
	struct journal *journal; /* open for writing */
	/* Tests only: called before each act that an interruption could follow, counted from 1. */
	void (*at_point)(void *userdata, unsigned point);
	void *userdata;
	unsigned points;
};

/**
 * change_apply() - do all of it, or nothing
 * Return: 0, then @change is done and has its id; a change without steps does nothing and gets none. Negative errno with
 * @reterr: everything is as before, or the message says what is not. -EREMOTEIO when the system took another value.
 */
int change_apply(struct change_run *run, struct change *change, struct eph_error *reterr);

/**
 * change_undo() - back to what was before a change that is done
 * @list: the journal; a later change of the same setting or file that still stands is in the way (-EBUSY, and the message
 *        has its id)
 * -ESTALE when somebody else changed it since, -EXDEV when it was made in another place. Nothing is changed then.
 */
int change_undo(struct change_run *run, const struct change_list *list, struct change *change,
		struct eph_error *reterr);

/**
 * change_note_undone() - mark a change that is done as undone, because somebody else took it back
 * Return: 0; -ESTALE when a step of it does not stand as before: nothing is marked then. Negative errno with @reterr.
 */
int change_note_undone(struct change_run *run, struct change *change, struct eph_error *reterr);

/**
 * change_recover() - settle every change of this place that was interrupted
 * @said: one line for each, as a sentence without a newline inside; empty when there was none
 *
 * All steps taken: it is done. Otherwise all are taken back. What somebody else changed meanwhile is left alone, and said.
 * To be called before every change. Return: 0, or negative errno with @reterr when one could not be settled.
 */
int change_recover(struct change_run *run, struct strbuf *said, struct eph_error *reterr);

#endif
