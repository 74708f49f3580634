/*
 * A text that a user saved: what a command of another machine printed.
 */
#ifndef EPH_CLI_SAVED_TEXT_H
#define EPH_CLI_SAVED_TEXT_H

#include <stddef.h>

struct eph_error;

/* All of the file @path ("-": standard input), at most @max bytes; @ret is freed by the caller.
 * Return: 0, or negative errno with @reterr. */
int saved_text_read(const char *path, size_t max, char **ret, size_t *ret_length,
		    struct eph_error *reterr);

/* That @path holds what cannot be read, as @reterr says: its name is put before the message. Return: @code. */
int saved_text_blame(const char *path, int code, struct eph_error *reterr);

#endif
