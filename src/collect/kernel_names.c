#include "kernel_names.h"

#include <fcntl.h>
#include <linux/btf.h>
#include <stdint.h>
#include <string.h>

#include "alloc.h"
#include "fd.h"

#define BTF_PATH          "/sys/kernel/btf/vmlinux"
#define BTF_STRINGS_BYTES (64u << 20)

static bool read_exactly(int fd, void *buffer, size_t bytes, off_t offset)
{
	char *to = buffer;

	while (bytes > 0) {
		ssize_t got = pread(fd, to, bytes, offset);

		if (got <= 0)
			return false;
		to += got;
		offset += got;
		bytes -= (size_t)got;
	}
	return true;
}

enum law kernel_names_has(const char *name)
{
	CLEANUP(fd_closep) int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
	CLEANUP(freep) char *strings = NULL;
	struct btf_header header;
	const char *found;

	if (fd < 0 || !read_exactly(fd, &header, sizeof(header), 0) || header.magic != BTF_MAGIC ||
	    header.str_len == 0 || header.str_len > BTF_STRINGS_BYTES)
		return LAW_UNKNOWN;
	strings = malloc(header.str_len);
	if (!strings ||
	    !read_exactly(fd, strings, header.str_len, (off_t)header.hdr_len + header.str_off))
		return LAW_UNKNOWN;
	/* Strings lie NUL after NUL and the first is empty: a whole one has a NUL on both sides. */
	for (const char *at = strings;
	     (found = memmem(at, header.str_len - (size_t)(at - strings), name, strlen(name) + 1));
	     at = found + 1)
		if (found > strings && found[-1] == '\0')
			return LAW_YES;
	return LAW_NO;
}
