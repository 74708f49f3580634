/*
 * Where a file really is: its directory, open, and its name there, with every symbolic link followed below the root.
 */
#ifndef EPH_OS_FILE_PLACE_H
#define EPH_OS_FILE_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "change_result.h"

struct eph_error;

struct file_place {
	int directory_fd; /* owned */
	char name[NAME_MAX + 1];
	bool exists;
	struct stat status; /* of the file itself, when it exists; never of a link */
};

/**
 * file_place_find() - follow @path below @root_fd
 * @make: make the directory when it alone is missing
 * Return: 0; -ENOENT when the directory is missing; -ENOLINK (a link that leads to nothing), -ELOOP, -EACCES, ...; @ret
 * is released with file_place_done() in any case.
 */
int file_place_find(int root_fd, const char *path, bool make, struct file_place *ret);
void file_place_done(struct file_place *place);

/* The path below the root without links; "" when it cannot be told. */
void file_place_path(int root_fd, const struct file_place *place, char ret[CHANGE_PATH_BYTES]);

/* Is the file as file_edit.h wants it? Return: 0 or negative errno. */
int file_place_check(const struct stat *status);

#endif
