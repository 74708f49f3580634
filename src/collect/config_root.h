/*
 * Fetching configuration files. Their root is /, or the directory that EPHEMPORTS_ROOT names (an image, a chroot, a
 * test), which a program with raised privilege does not obey. Below it no link leads out (openat2, RESOLVE_IN_ROOT).
 *
 * What is fetched is hostile: only regular files are read, never waiting for any, of at most CONFIG_FILE_BYTES_MAX each
 * and CONFIG_FILES_MAX in all.
 */
#ifndef EPH_COLLECT_CONFIG_ROOT_H
#define EPH_COLLECT_CONFIG_ROOT_H

#include <stdbool.h>

#include "file_list.h"

struct eph_error;

#define CONFIG_FILE_BYTES_MAX (1u << 20)
#define CONFIG_FILES_MAX      8192u

/* Is EPHEMPORTS_ROOT set and obeyed, and another one than /? */
bool config_root_given(void);

/* Return: a descriptor, or negative errno with @reterr. */
int config_root_open(struct eph_error *reterr);

/* Is anything there below the root? @path is absolute. */
bool config_root_has(const char *path);

/* All of an open file; the caller frees. Return: 0, -ENOMEM, -EINVAL (no regular file), -EFBIG, or why it cannot be read. */
int config_root_read(int fd, char **ret, size_t *ret_length);

/**
 * config_root_add() - add every file that matches @pattern
 * @pattern: absolute; * stands for any text within one part, except for names that begin with a dot
 * @masks:   a file that cannot be read still counts, as an empty one: it hides others of its name
 * In the order of their names. What does not exist is no failure. Return: 0 or -ENOMEM.
 */
int config_root_add(int root_fd, const char *pattern, enum file_kind kind, unsigned directory,
		    bool masks, struct file_list *list);

#endif
