/*
 * Making a sysctl last over a boot: which file to change, and how, so that every other line survives byte for byte. Pure.
 *
 * The assignment that wins is changed in its own file and place. Where a package's file or a pattern wins, or nobody,
 * ours is written: /etc/sysctl.d/90-ephemports.conf, or zz-ephemports.conf where that would come too early or hide another; in
 * /etc/sysctl.conf, for who reads it alone. All readers of the files (text_sysctl_conf.h) must find the value then; else the plan
 * is refused.
 */
#ifndef EPH_CORE_SYSCTL_EDIT_H
#define EPH_CORE_SYSCTL_EDIT_H

#include "file_list.h"
#include "strbuf.h"

struct eph_error;
struct sysctl_readers;

#define SYSCTL_EDITS_MAX 8u

/* What the bytes of a file do not tell. */
struct sysctl_fact {
	size_t same; /* index of the first entry that is the same file, by another name or a link; else its own */
	bool editable; /* an administrator's file, not a package's or a volatile one */
};

/* By their names alone: what is below /etc may be edited; /etc/sysctl.conf is the same as 99-sysctl.conf when it holds
 * the same, as Debian's link does. @ret has one for each file. */
void sysctl_facts_guess(const struct file_list *files, struct sysctl_fact *ret);

struct sysctl_edit {
	char *path;
	struct strbuf text; /* all of the file, as it shall be */
	char *before;       /* the value that it gave; NULL: none */
	bool created;       /* not among the files given */
};

struct sysctl_plan {
	struct sysctl_edit edit[SYSCTL_EDITS_MAX];
	unsigned edits;
	char *other; /* path of a package's file that says something else and is overruled; NULL: none */
};

/**
 * sysctl_edit_plan() - the files as they should be for @key to be @value at the next boot
 * @files: sysctl files only, in the order they are read; not modified
 * @facts: one for each
 * @readers: who shall find the value
 * @value: NULL: nobody shall set it
 * Only files that change are in @ret, to be released with sysctl_plan_done() in any case.
 * Return: 0; -EBUSY with @reterr when another value would still win; -ENOMEM.
 */
int sysctl_edit_plan(const struct file_list *files, const struct sysctl_fact *facts,
		     const struct sysctl_readers *readers, const char *key, const char *value,
		     struct sysctl_plan *ret, struct eph_error *reterr);
void sysctl_plan_done(struct sysctl_plan *plan);

/**
 * sysctl_edit_text() - one file with @key set to @value, appended to @out
 * The last line that spells the key out gets the value, earlier ones are dropped; without any, or where a "-KEY" follows it,
 * a line is added at the end. Comments, patterns, other keys, blanks and line ends stay, and a missing final newline stays
 * missing. A comment behind an old value becomes a line of its own before it: no reader knows comments there.
 * @value: NULL: every such line is dropped
 */
void sysctl_edit_text(const char *text, size_t length, const char *key, const char *value,
		      struct strbuf *out);

#endif
