/*
 * Feeds files to a fuzz target without libFuzzer, so that `make check` runs each corpus with any compiler: every file of
 * the directory given, and every prefix of the small ones, which is what cut-off input looks like.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_BYTES_MAX          (1u << 20)
#define PREFIXES_OF_FILES_UP_TO 2048u

static unsigned inputs;

/* From memory of exactly @size bytes, so that the sanitizers see a read behind the end. */
static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		exit(99);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static int feed_file(const char *directory, const char *name)
{
	static uint8_t data[FILE_BYTES_MAX];
	char path[4096];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "re");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	for (size_t prefix = 0; size <= PREFIXES_OF_FILES_UP_TO && prefix < size; prefix++)
		feed(data, prefix);
	feed(data, size);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	unsigned files = 0;
	DIR *directory;

	if (argc != 2 || !(directory = opendir(argv[1]))) {
		fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
		return 99;
	}
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (feed_file(argv[1], entry->d_name) < 0)
			return 1;
		files++;
	}
	closedir(directory);
	printf("%u files, %u inputs\n", files, inputs);
	return files ? 0 : 1;
}
