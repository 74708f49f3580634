/*
 * Reading and replacing one configuration file as a careful administrator would.
 *
 * A path is absolute and below a root: / or a tree that EPHEMPORTS_ROOT names (secure_getenv). Symbolic links are
 * followed, never out of the root, and survive: what they lead to is replaced. Refused, because replacing would change
 * more than was asked or what is there is not to be trusted: what is no regular file (-EINVAL), has several links
 * (-EMLINK), belongs to neither root nor the caller (-EPERM; with a caller that is root: not to root), is larger than
 * CHANGE_CONTENT_MAX (-EFBIG), or is a link that leads to nothing (-ENOLINK). Nothing ever waits for the other end of a pipe.
 */
#ifndef EPH_OS_FILE_EDIT_H
#define EPH_OS_FILE_EDIT_H

#include "runner.h"

/* The root. @ret_path is its absolute path without links, "" for /. Return: descriptor, or negative errno with @reterr. */
int file_edit_root(char ret_path[CHANGE_PATH_BYTES], struct eph_error *reterr);

/* Read @path. Not there: 0 and @ret->exists false. @ret is released with runner_file_done(), on failure too. */
int file_edit_read(int root_fd, const char *path, struct runner_file *ret,
		   struct eph_error *reterr);

/**
 * file_edit_replace() - @path holds @text, or is as it was: never half of it
 * @expected: digest of what was read, "" when there was no file
 * @text:     NULL: remove it
 *
 * A new file in the same directory takes over mode, owner and extended attributes, is flushed to disk and changes places
 * with the old one; if that one then turns out to be other than expected, both change back. A missing directory is made
 * (one level). Return: 0; -ESTALE when the file is not the one that was read; negative errno with @reterr.
 */
int file_edit_replace(int root_fd, const char *path, const char *expected, const char *text,
		      size_t length, struct eph_error *reterr);

/* Remove what an interrupted replacement left beside @path. */
int file_edit_tidy(int root_fd, const char *path, struct eph_error *reterr);

#endif
