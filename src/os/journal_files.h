/*
 * The journal's directory and small files in it, all of them ours.
 */
#ifndef EPH_OS_JOURNAL_FILES_H
#define EPH_OS_JOURNAL_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* Open @path, no part of which may be a link, and judge it. @make: make its last part, mode 0700, when that is missing.
 * Return: descriptor; -ENOENT; -ELOOP (a link), -EPERM (somebody else's), -EACCES (others may enter), ... */
int journal_directory_open(const char *path, bool make);

/* Wait a little for the lock @name. Return: descriptor that holds it until it is closed; -EBUSY; negative errno. */
int journal_directory_lock(int directory_fd, const char *name);

/* @name holds @text, on disk, when 0 is returned; else it is as it was. */
int journal_file_write(int directory_fd, const char *name, const char *text, size_t length);

/* All of a regular file of our own, at most @max bytes; the caller frees. Return: 0 or negative errno. */
int journal_file_read(int directory_fd, const char *name, size_t max, char **ret,
		      size_t *ret_length);

#endif
