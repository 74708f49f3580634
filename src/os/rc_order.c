#include "rc_order.h"

#include <stdio.h>
#include <string.h>

#define SCRIPTS_MAX 512u

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Which rc directory of boot_file, in the order of the boot; -1: none. */
static int rank(const struct os_system *system, const char *path)
{
	int rank = 0;

	for (const struct os_boot_file *boot = system->boot_file; boot->path; boot++, rank++) {
		size_t length = strlen(boot->path);

		if (boot->path[length - 1] == '*' && strncmp(path, boot->path, length - 1) == 0)
			return rank;
	}
	return -1;
}

int rc_compare(const struct os_system *system, const char *a, const char *b)
{
	int rank_a = rank(system, a), rank_b = rank(system, b);

	return rank_a != rank_b ? rank_a - rank_b : strcmp(base_name(a), base_name(b));
}

const struct os_file *rc_next(const struct os_system *system, const struct os_files *files,
			      const struct os_file *after)
{
	const struct os_file *next = NULL;

	for (size_t i = 0; i < files->count && i < SCRIPTS_MAX; i++) {
		const struct os_file *file = &files->file[i];

		if (rank(system, file->path) < 0 ||
		    (after && rc_compare(system, file->path, after->path) <= 0))
			continue;
		if (!next || rc_compare(system, file->path, next->path) < 0)
			next = file;
	}
	return next;
}

void rc_name_after(const struct os_system *system, const char *first, const struct os_file *other,
		   char *ret, size_t bytes)
{
	size_t directory, digits;
	const char *name;

	snprintf(ret, bytes, "%s", first);
	if (!other || rc_compare(system, ret, other->path) > 0)
		return;
	name = base_name(other->path);
	directory = (size_t)(name - other->path);
	digits = 1 + strspn(name + 1, "0123456789");
	snprintf(ret, bytes, "%.*s%.*szephemports", (int)directory, other->path, (int)digits, name);
	if (rc_compare(system, ret, other->path) <= 0)
		snprintf(ret, bytes, "%s-ephemports", other->path);
}
