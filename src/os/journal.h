/*
 * What was changed, so that it can be undone: one file for each change, on disk before the change begins.
 *
 * The directory is EPHEMPORTS_STATE_DIR (secure_getenv), else /var/lib/ephemports: made when it is missing, mode 0700,
 * refused when it belongs to somebody else, when others may enter it, or when a symbolic link leads there. For each host
 * one writer at a time holds its lock, so that hosts are changed side by side. Entries are read as hostile input: sizes are
 * limited, unknown and missing keys refused, backups compared with their digest. An entry holds settings, values, paths,
 * digests and names of backups, never a command.
 */
#ifndef EPH_OS_JOURNAL_H
#define EPH_OS_JOURNAL_H

#include "change_result.h"

struct eph_error;
struct journal;

#define JOURNAL_ENTRIES_MAX 10000u

enum journal_mode {
	JOURNAL_READ, /* a directory that is missing is an empty journal; no lock */
	JOURNAL_WRITE, /* made if need be, and locked; -EBUSY when another run holds the lock for too long */
};

int journal_open(enum journal_mode mode, struct journal **ret, struct eph_error *reterr);
/* The same for another host; @host as the lock is to know it. NULL: this one. */
int journal_open_for(const char *host, enum journal_mode mode, struct journal **ret,
		     struct eph_error *reterr);
struct journal *journal_close(struct journal *journal); /* NULL is fine; returns NULL */

/* Its directory, for messages. */
const char *journal_path(const struct journal *journal);

/**
 * journal_begin() - write down a planned change, with a copy of each file that it replaces
 * Gives it its id and names of backups, and state CHANGE_BEGUN. On disk when 0 is returned.
 */
int journal_begin(struct journal *journal, struct change *change, struct eph_error *reterr);

/* Write down that a journalled change is now in @state. */
int journal_mark(struct journal *journal, struct change *change, enum change_state state,
		 struct eph_error *reterr);

struct change_list {
	struct change **change; /* oldest first */
	size_t count;
	unsigned unreadable;       /* entries that could not be understood */
	char first_unreadable[64]; /* file name of one of them */
};

/* All entries. Free with change_list_done(), on failure too. */
int journal_list(const struct journal *journal, struct change_list *ret, struct eph_error *reterr);
void change_list_done(struct change_list *list);

/* The entry @id in @list; NULL: there is none. @id NULL: the last one that is done. */
struct change *change_list_find(const struct change_list *list, const char *id);

/* The copy of what the file of @step was. The caller frees. -ESTALE when it is not what the digest says. */
int journal_backup(const struct journal *journal, const struct change_step *step, char **ret,
		   size_t *ret_length, struct eph_error *reterr);

#endif
