/*
 * Changing the range of this Linux, by set, reset and confirm: from a wish to a change, and what is worth a word about it.
 */
#ifndef EPH_CLI_RANGE_CHANGE_H
#define EPH_CLI_RANGE_CHANGE_H

#include "change_view.h"
#include "range_state.h"

/* All that a run knows. */
struct range_change {
	struct port_range wish;
	bool reset;            /* back to the default, and no file sets it any more */
	bool persist, dry_run; /* persist: files of this host are edited too */
	unsigned confirm_s;    /* taken back after so many seconds; 0: never */
	struct os_state *state;
	struct file_list files;
	struct port_set *listeners; /* NULL: nobody looked */
	struct change *change;
	char *other; /* a package's file that is overruled */
	char command[96];
	struct strbuf note[CHANGE_NOTES_MAX];
	unsigned notes;
	unsigned warnings; /* notes that are warnings */
};

/* What is about the running value has no meaning for an image. Return: 0 or -EINVAL with @reterr. */
int range_change_check(const struct arguments *arguments, struct eph_error *reterr);

/* With @listeners looked for, which has to happen before a namespace is entered. Free with range_change_done(). */
int range_change_begin(const struct arguments *arguments, struct range_change *ret,
		       struct eph_error *reterr);
void range_change_done(struct range_change *range);

/* Read what is, check the wish, and plan. Return: 0, -EPERM, -ERANGE, -EINVAL, ... with @reterr: nothing was changed. */
int range_change_plan(struct change_session *session, struct range_change *range,
		      struct eph_error *reterr);

/* A sentence for people; @warning: exit status 1. */
void range_change_note(struct range_change *range, bool warning, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void range_change_show(const struct arguments *arguments, struct range_change *range,
		       struct outcome *outcome);

#endif
