#include "file_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_file(struct file_text *file)
{
	free(file->path);
	free(file->text);
}

int file_list_add(struct file_list *list, char *path, char *text, size_t length,
		  enum file_kind kind, unsigned directory)
{
	struct file_text file = {path, text, length, kind, directory};

	if (path && text && list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 32;
		struct file_text *grown = reallocarray(list->file, capacity, sizeof(*grown));

		if (grown) {
			list->file = grown;
			list->capacity = capacity;
		}
	}
	if (!path || !text || list->count == list->capacity) {
		free_file(&file);
		return -ENOMEM;
	}
	list->file[list->count++] = file;
	return 0;
}

void file_list_done(struct file_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free_file(&list->file[i]);
	free(list->file);
	*list = (struct file_list){0};
}

const char *file_list_name(const struct file_text *file)
{
	const char *slash = strrchr(file->path, '/');

	return slash ? slash + 1 : file->path;
}

static int compare(const void *left, const void *right)
{
	const struct file_text *a = left, *b = right;
	int order = strcmp(file_list_name(a), file_list_name(b));

	if (order != 0)
		return order;
	return (a->directory > b->directory) - (a->directory < b->directory);
}

void file_list_settle(struct file_list *list, size_t from)
{
	size_t kept = from;

	if (list->count <= from + 1)
		return;
	qsort(list->file + from, list->count - from, sizeof(*list->file), compare);
	for (size_t i = from; i < list->count; i++) {
		if (kept > from && strcmp(file_list_name(&list->file[kept - 1]),
					  file_list_name(&list->file[i])) == 0)
			free_file(&list->file[i]);
		else
			list->file[kept++] = list->file[i];
	}
	list->count = kept;
}
