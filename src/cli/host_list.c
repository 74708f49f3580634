#include "host_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "ssh_words.h"

#define LINE_MAX_BYTES 512u

static int add(struct host_list *list, const char *name, struct eph_error *reterr)
{
	struct ssh_target target;
	int r = ssh_target_parse(name, &target, reterr);

	if (r < 0)
		return r;
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->name[i], name) == 0)
			return 0;
	if (list->count == HOSTS_MAX)
		return error_set(reterr, -E2BIG, "hosts", "more than %u hosts", HOSTS_MAX);
	if (!list->name)
		list->name = calloc(HOSTS_MAX, sizeof(*list->name));
	if (list->name)
		list->name[list->count] = strdup(name);
	if (!list->name || !list->name[list->count])
		return error_set(reterr, -ENOMEM, "hosts", "out of memory");
	list->count++;
	return 0;
}

/* Without blanks around it and a comment behind it; "" when nothing is left. */
static char *trim(char *line)
{
	size_t length = strcspn(line, "#");

	while (length && strchr(" \t\r\n", line[length - 1]))
		length--;
	line[length] = '\0';
	return line + strspn(line, " \t");
}

static int add_lines(struct host_list *list, const char *path, FILE *file, struct eph_error *reterr)
{
	char line[LINE_MAX_BYTES];
	unsigned number = 0;
	int r = 0;

	while (r == 0 && fgets(line, sizeof(line), file)) {
		struct eph_error error;
		char *name = trim(line);

		number++;
		if (strlen(line) + 2 >= sizeof(line))
			r = error_set(&error, -EINVAL, "hosts", "line too long");
		else if (*name)
			r = add(list, name, &error);
		if (r < 0)
			error_set(reterr, r, "hosts", "%.160s line %u: %.200s", path, number,
				  error.message);
	}
	if (r == 0 && ferror(file))
		r = error_set(reterr, -EIO, "hosts", "%.200s: cannot be read", path);
	return r;
}

static int add_file(struct host_list *list, const char *path, struct eph_error *reterr)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int r;

	if (!file)
		return error_set(reterr, -errno, "hosts", "%.200s: %s", path, strerror(errno));
	r = add_lines(list, path, file, reterr);
	if (file != stdin)
		fclose(file);
	return r;
}

int host_list_read(const struct arguments *arguments, struct host_list *ret,
		   struct eph_error *reterr)
{
	int r = 0;

	*ret = (struct host_list){.count = 0};
	for (unsigned i = 0; i < arguments->n_options && r == 0; i++) {
		if (strcmp(arguments->option[i]->name, "host") == 0)
			r = add(ret, arguments->value[i], reterr);
		else if (strcmp(arguments->option[i]->name, "hosts-file") == 0)
			r = add_file(ret, arguments->value[i], reterr);
	}
	if (r == 0 && !ret->count)
		r = error_set(reterr, -EINVAL, "hosts", "no host is named");
	return r;
}

void host_list_done(struct host_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->name[i]);
	free(list->name);
	*list = (struct host_list){.count = 0};
}
