/*
 * A snapshot as text, to keep and to replay (--save, --replay). One fact a line, words separated by blanks, first line
 * "ephemports-snapshot 1". The format is documented in docs/snapshot-format.md; lines with an unknown first word are
 * refused, so a reader never answers from half a file. The last line is "end LINES".
 */
#ifndef EPH_CORE_SNAPSHOT_TEXT_H
#define EPH_CORE_SNAPSHOT_TEXT_H

#include <stddef.h>

struct eph_error;
struct snapshot;
struct strbuf;

#define SNAPSHOT_TEXT_FIRST_WORD "ephemports-snapshot"
#define SNAPSHOT_TEXT_VERSION    1

/**
 * snapshot_write() - the text of @snapshot, handed piece by piece to @emit
 * @emit:    takes @length bytes; returns 0 or a negative errno, which ends the writing
 *
 * Memory stays constant however many sockets there are. Return: 0, -ENOMEM, or what @emit returned.
 */
int snapshot_write(const struct snapshot *snapshot,
		   int (*emit)(void *context, const char *bytes, size_t length), void *context);

/**
 * snapshot_read() - the snapshot that @text describes
 *
 * Hostile input is expected: sizes are checked before anything is allocated for them, a file that is cut off, of another
 * version, or contradicts itself is refused with the line number in @reterr->offset.
 * Return: 0, -EINVAL, -EPROTONOSUPPORT (another version), -ENOMEM.
 */
int snapshot_read(const char *text, size_t length, struct snapshot **ret, struct eph_error *reterr);

#endif
