/*
 * The running kernel's own type information (BTF), whole, as anyone may read it: 5 MB, so opened once for all questions.
 * libbpf indexes all of it whenever it opens it, which takes longer than the programs it is opened for.
 */
#ifndef EPH_COLLECT_KERNEL_TYPES_H
#define EPH_COLLECT_KERNEL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KERNEL_TYPES_PATH "/sys/kernel/btf/vmlinux"

struct kernel_types {
	char *data; /* mapped from the kernel where it can do that (6.16 and later), else a copy */
	size_t bytes;
	const char *types; /* struct btf_type and what follows each, one behind the other */
	uint32_t types_bytes;
	const char *strings; /* NUL after NUL, the first is empty */
	uint32_t strings_bytes;
};

/* Return: 0; -ENOENT when the kernel has none, -EBADMSG when it is no BTF, -ENOMEM, or why it cannot be read. */
int kernel_types_open(struct kernel_types *ret);
void kernel_types_close(struct kernel_types *types);

/* Is there a type, field or enumerator of this name? */
bool kernel_types_have(const struct kernel_types *types, const char *name);

#endif
