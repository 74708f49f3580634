/*
 * Writing a snapshot to a file that others may one day replay.
 */
#ifndef EPH_WATCH_SAVE_H
#define EPH_WATCH_SAVE_H

struct eph_error;
struct snapshot;

/**
 * save_snapshot() - replace the file @path by the text of @snapshot, whole or not at all
 *
 * Written beside it and renamed, readable by the owner only (it names processes). A @path that is a symbolic link, or
 * anything but a regular file, is refused. Return: 0 or negative errno with @reterr.
 */
int save_snapshot(const struct snapshot *snapshot, const char *path, struct eph_error *reterr);

#endif
