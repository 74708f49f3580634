/*
 * The few kernel types that the programs read, cut out of the kernel's type information.
 *
 * libbpf searches all of it (126 000 types) by name for each type a program mentions, which takes longer than everything
 * else together. Given only what is needed it finds it at once. For the same reason the functions of the kernel that the
 * programs call are looked up here: libbpf would open the whole of it anew for every object that calls one.
 */
#ifndef EPH_COLLECT_BPF_TYPES_H
#define EPH_COLLECT_BPF_TYPES_H

#include <stdint.h>

struct kernel_types;

enum bpf_function {
	BPF_RDONLY_CAST,
	BPF_RCU_READ_LOCK,
	BPF_RCU_READ_UNLOCK,
	BPF_FUNCTIONS,
};

struct bpf_types {
	int fd; /* memfd, close-on-exec, whose content is such type information; the caller closes it */
	uint32_t function
		[BPF_FUNCTIONS]; /* its number in the kernel's own, 0: it has none of this name */
};

/* Return: 0, -EBADMSG when @from is damaged or newer than we know, -ENOMEM or another negative errno. */
int bpf_types_cut(const struct kernel_types *from, struct bpf_types *ret);

#endif
