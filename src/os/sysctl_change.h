/*
 * The file steps of a change that make a Linux sysctl last over a boot. Which file is an administrator's is told by where
 * it really lies; which are one file, by the same.
 */
#ifndef EPH_OS_SYSCTL_CHANGE_H
#define EPH_OS_SYSCTL_CHANGE_H

#include "change.h"
#include "file_list.h"

struct sysctl_readers;

/**
 * sysctl_change_add() - append what makes @key be @value at boot
 * @files: sysctl files only, in the order in which they are read
 * @readers: who shall find the value
 * @value: NULL: nobody shall set it
 * @ret_other: path of a package's file that is overruled, to be freed, or NULL
 * Return: 0; -EBUSY when another value would still win; -ESTALE when a file changed since it was read; refusals of
 * file_edit.h; with @reterr.
 */
int sysctl_change_add(struct change *change, struct runner *runner, const struct file_list *files,
		      const struct sysctl_readers *readers, const char *key, const char *value,
		      char **ret_other, struct eph_error *reterr);

#endif
