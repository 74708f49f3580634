/*
 * A change as people and programs read it: what is set now, what at boot and in which file, how it is undone. Also the
 * journal as a list.
 */
#ifndef EPH_RENDER_CHANGE_VIEW_H
#define EPH_RENDER_CHANGE_VIEW_H

#include "change_result.h"
#include "screen.h"

struct json;
struct strbuf;

#define CHANGE_NOTES_MAX 12u

struct change_view {
	const struct change *change; /* planned or done */
	bool dry_run;
	bool persisted; /* it holds after a boot too */
	uint32_t ports; /* that a range has then, 0: no word of it */
	/* for each step what a person would type, NULL: no command; borrowed */
	const char *command[CHANGE_STEPS_MAX];
	const char *note[CHANGE_NOTES_MAX]; /* warnings, as sentences; borrowed */
	unsigned notes;
};

/* "net.ipv4.x", then a line each for now and at boot, then how to undo it. */
void change_view_text(const struct change_view *view, const struct screen *screen,
		      struct strbuf *out);

/* The options, each behind a space, with which a command acts in @place: "", " -N nc1", " --host db1". */
void change_view_place(const struct change_place *place, struct strbuf *out);

/* {"schema":1,"changes":[...],"persisted","undo_id","dry_run","warnings"} */
void change_view_json(const struct change_view *view, struct strbuf *out);

/* What is again, after a change was undone. */
void change_view_undone(const struct change *change, const struct screen *screen,
			struct strbuf *out);

/* "changes":[{"setting","before","after","file"}]; @back: as undoing it reads, from after to before. */
void journal_view_changes(const struct change *change, bool back, struct json *json);

/* Entries of the journal, the latest first. */
void journal_view_text(struct change *const *change, size_t count, const struct screen *screen,
		       struct strbuf *out);
/* @unreadable: entries that could not be understood. */
void journal_view_json(struct change *const *change, size_t count, unsigned unreadable,
		       struct strbuf *out);

#endif
