/*
 * A snapshot from a file, as --save wrote it.
 */
#ifndef EPH_COLLECT_REPLAY_H
#define EPH_COLLECT_REPLAY_H

#include <stdint.h>

#include "snapshot.h"

struct eph_error;

/* A million sockets make about 150 MB. */
#define REPLAY_BYTES_MAX (UINT64_C(2) << 30)

/**
 * replay_read() - the snapshot in file @path, which may be a pipe; `replayed` is set
 * Return: 0; -EFBIG above REPLAY_BYTES_MAX; what open(2), read(2) or snapshot_read() say, with @reterr.
 */
int replay_read(const char *path, struct snapshot **ret, struct eph_error *reterr);

#endif
