/*
 * Where the files of the calling process's cgroup are: in the unified hierarchy (v2), wherever that is mounted. Pure.
 */
#ifndef EPH_CORE_TEXT_CGROUP_MOUNT_H
#define EPH_CORE_TEXT_CGROUP_MOUNT_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/**
 * text_cgroup_directory() - the directory of a process's cgroup, and the top of what is mounted there
 * @mounts:     bytes of /proc/self/mountinfo
 * @cgroup:     bytes of /proc/self/cgroup ("0::/path" is the line that counts)
 * @ret_top:    appended: the mount point, "/sys/fs/cgroup"
 * @ret_path:   appended: the directory below it, "system.slice/cron.service"; "." for the top itself
 *
 * False when there is no such mount, or none that shows this cgroup.
 */
bool text_cgroup_directory(const char *mounts, size_t mounts_length, const char *cgroup,
			   size_t cgroup_length, struct strbuf *ret_top, struct strbuf *ret_path);

#endif
