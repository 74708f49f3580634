/*
 * What undoing has in common wherever it happens.
 */
#ifndef EPH_CLI_RANGE_UNDO_H
#define EPH_CLI_RANGE_UNDO_H

#include "arguments.h"
#include "journal.h"

/* The change @id, or, NULL, the last that is done on @host ("": this one). Return: 0, or -ENOENT with @reterr. */
int range_undo_find(const struct change_list *list, const char *id, const char *host,
		    struct change **ret, struct eph_error *reterr);

void range_undo_show(const struct arguments *arguments, const struct change *change,
		     struct outcome *outcome);

#endif
