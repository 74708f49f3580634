#include "host_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A line without blanks around it and a comment behind it, however long that is. Return: 1; 0 at the end; -EINVAL for what
 * is no text, or too long. */
static int next_line(FILE *file, char line[LINE_MAX_BYTES])
{
	bool comment = false, bad = false;
	size_t length = 0;
	int c = getc(file), first = c;

	for (; c != EOF && c != '\n'; c = getc(file)) {
		comment |= c == '#';
		bad |= c == '\0';
		if (comment || (!length && strchr(" \t\r", c)))
			continue;
		if (length + 1 < LINE_MAX_BYTES)
			line[length++] = (char)c;
		else
			bad = true;
	}
	while (length && strchr(" \t\r", line[length - 1]))
		length--;
	line[length] = '\0';
	return bad ? -EINVAL : first != EOF;
}

static int add_lines(struct host_list *list, const char *path, FILE *file, struct eph_error *reterr)
{
	struct eph_error error = {.message = "a NUL in it, or more than 511 characters"};
	char line[LINE_MAX_BYTES];
	unsigned number = 0;
	int r = 1;

	while (r > 0) {
		number++;
		r = next_line(file, line);
		if (r > 0 && *line && add(list, line, &error) < 0)
			r = error.code;
	}
	if (r < 0)
		return error_set(reterr, r, "hosts", "%.160s line %u: %.150s",
				 strcmp(path, "-") == 0 ? "standard input" : path, number,
				 error.message);
	return ferror(file) ? error_set(reterr, -EIO, "hosts", "%.200s: cannot be read", path) : 0;
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
