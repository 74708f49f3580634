/*
 * Directories of a test: removed as a whole, searched for names.
 */
#ifndef EPH_TESTS_UNIT_TREE_H
#define EPH_TESTS_UNIT_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *tree_part;
static int tree_found;

static inline int tree_remove_one(const char *path, const struct stat *status, int type,
				  struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline int tree_look_at(const char *path, const struct stat *status, int type,
			       struct FTW *walk)
{
	(void)status;
	(void)type;
	tree_found += strstr(path + walk->base, tree_part) != NULL;
	return 0;
}

static inline int tree_remove(const char *path)
{
	return nftw(path, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* How many names below @path have @part in them? */
static inline int tree_count(const char *path, const char *part)
{
	tree_part = part;
	tree_found = 0;
	return nftw(path, tree_look_at, 8, FTW_PHYS) == 0 ? tree_found : -1;
}

#endif
