#include "kernel_types.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"

#define BYTES_MAX (128u << 20)

/* Anonymous memory, so that both kinds are given back alike. */
static char *copy(int fd, size_t bytes)
{
	char *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	size_t got = 0;

	if (data == MAP_FAILED)
		return NULL;
	while (got < bytes) {
		ssize_t n = pread(fd, data + got, bytes - got, (off_t)got);

		if (n <= 0) {
			int error = n < 0 ? errno : EBADMSG;

			munmap(data, bytes);
			errno = error;
			return NULL;
		}
		got += (size_t)n;
	}
	return data;
}

static int find_sections(struct kernel_types *types)
{
	struct btf_header header;
	uint64_t types_at, strings_at;

	memcpy(&header, types->data, sizeof(header));
	types_at = (uint64_t)header.hdr_len + header.type_off;
	strings_at = (uint64_t)header.hdr_len + header.str_off;
	if (header.magic != BTF_MAGIC || types_at % 4 ||
	    types_at + header.type_len > types->bytes || header.str_len == 0 ||
	    strings_at + header.str_len > types->bytes ||
	    types->data[strings_at + header.str_len - 1] != '\0')
		return -EBADMSG;
	types->types = types->data + types_at;
	types->types_bytes = header.type_len;
	types->strings = types->data + strings_at;
	types->strings_bytes = header.str_len;
	return 0;
}

int kernel_types_open(struct kernel_types *ret)
{
	CLEANUP(fd_closep) int fd = open(KERNEL_TYPES_PATH, O_RDONLY | O_CLOEXEC);
	struct stat file;
	int r;

	*ret = (struct kernel_types){0};
	if (fd < 0 || fstat(fd, &file) < 0)
		return -errno;
	if (file.st_size < (off_t)sizeof(struct btf_header) || file.st_size > BYTES_MAX)
		return -EBADMSG;
	ret->bytes = (size_t)file.st_size;
	ret->data = mmap(NULL, ret->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (ret->data == MAP_FAILED)
		ret->data = copy(fd, ret->bytes);
	if (!ret->data)
		return -errno;
	r = find_sections(ret);
	if (r < 0)
		kernel_types_close(ret);
	return r;
}

void kernel_types_close(struct kernel_types *types)
{
	if (types->data)
		munmap(types->data, types->bytes);
	*types = (struct kernel_types){0};
}

bool kernel_types_have(const struct kernel_types *types, const char *name)
{
	const char *end = types->strings + types->strings_bytes, *found;

	/* With its NUL at the end, and one before: a whole string. */
	for (const char *at = types->strings;
	     (found = memmem(at, (size_t)(end - at), name, strlen(name) + 1)); at = found + 1)
		if (found > types->strings && found[-1] == '\0')
			return true;
	return false;
}
