/*
 * What is worth a word when ports are put on a list of reserved ones, here or elsewhere.
 */
#ifndef EPH_CLI_RESERVE_NOTES_H
#define EPH_CLI_RESERVE_NOTES_H

#include "port_set.h"
#include "strbuf.h"

#define RESERVE_NOTES_MAX 8u

struct reserve_notes {
	struct strbuf note[RESERVE_NOTES_MAX];
	unsigned notes;
};

/**
 * reserve_notes_add() - judge one list; what was said already is not said again
 * @ports:  that are asked for
 * @before: all that are reserved until now
 * @after:  and then
 * @range:  of which ports are chosen
 * @upwards: a search that starts on a reserved port takes the next free one
 */
void reserve_notes_add(struct reserve_notes *notes, const struct port_set *ports,
		       const struct port_set *before, const struct port_set *after,
		       struct port_range range, bool upwards);
void reserve_notes_done(struct reserve_notes *notes);

#endif
