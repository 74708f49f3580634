/*
 * Bytes on their way out, with every failure noticed.
 */
#ifndef EPH_CLI_OUTPUT_H
#define EPH_CLI_OUTPUT_H

#include <stddef.h>

struct eph_error;

/* All of @bytes to standard output. Return: 0; -EPIPE (the reader went away: nothing to tell anybody), or another
 * negative errno with @reterr. */
int output_print(const char *bytes, size_t length, struct eph_error *reterr);

/**
 * output_replace() - @path holds @bytes, or is as it was: never half of them
 * Written to a new file in the same directory, flushed to disk, mode 0644, then renamed.
 * A device, pipe, directory or symbolic link at @path is refused. Return: 0 or negative errno with @reterr.
 */
int output_replace(const char *path, const char *bytes, size_t length, struct eph_error *reterr);

#endif
