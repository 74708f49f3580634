/*
 * The few kernel types that the programs read, cut out of the kernel's type information.
 *
 * libbpf searches all of it (126 000 types) by name for each type a program mentions, which takes longer than everything
 * else together. Given only what is needed it finds it at once.
 */
#ifndef EPH_COLLECT_BPF_TYPES_H
#define EPH_COLLECT_BPF_TYPES_H

/* Return: a descriptor (memfd, close-on-exec) whose content is such type information, or negative errno. */
int bpf_types_cut(void);

#endif
