/*
 * The hosts that --host (repeated) and --hosts-file name, in the order given. All of them are looked at before the first
 * one is reached.
 */
#ifndef EPH_CLI_HOST_LIST_H
#define EPH_CLI_HOST_LIST_H

#include "arguments.h"

#define HOSTS_MAX 4096u

struct host_list {
	char **name; /* owned */
	size_t count;
};

/* Return: 0; -EINVAL for what is no host, with file and line; -E2BIG; what reading the file fails with. Free with
 * host_list_done() in any case. One that is named twice is there once. */
int host_list_read(const struct arguments *arguments, struct host_list *ret,
		   struct eph_error *reterr);
void host_list_done(struct host_list *list);

#endif
