/*
 * Which sockets are counted, and by what. The one place where a record becomes a row of a group table; the BPF collector
 * does the same inside the kernel, and a test holds the two against each other.
 */
#ifndef EPH_CORE_GROUPING_H
#define EPH_CORE_GROUPING_H

#include "filter.h"
#include "snapshot.h"

enum group_by {
	GROUP_BY_DESTINATION, /* (protocol, source, destination, port) of outgoing sockets */
	GROUP_BY_SOURCE,      /* (protocol, source) of outgoing sockets */
	GROUP_BY_OWNER,       /* (protocol, what owner() answers) of outgoing sockets */
	GROUP_INBOUND, /* accepted: (remote address, local address, local port); remote_port is 0 */
};

#define GROUPING_OWNERS_MAX 64u

struct grouping {
	bool tcp, udp; /* protocols wanted */
	bool v4, v6;   /* address families wanted, by the local address (a v4-mapped one is v4) */
	enum group_by by;
	const struct filter *filter; /* NULL: all */
	/* GROUP_BY_OWNER: a number that stands for the owner of a socket; several if it is shared (it is then counted for
	 * each). Writes at most @max to @owners, returns how many, at least 1. */
	unsigned (*owner)(void *context, const struct socket_record *record, uint32_t *owners,
			  unsigned max);
	void *owner_context;
};

/* Count @record in netns->groups if the grouping wants it. netns: settings, binds.listening and counted are needed. */
void grouping_count(const struct grouping *grouping, const struct kernel_laws *laws,
		    struct netns_snapshot *netns, const struct socket_record *record);

/* The same for a record that was just read: it also counts in netns->sockets_read and time_wait. */
void grouping_read(const struct grouping *grouping, const struct kernel_laws *laws,
		   struct netns_snapshot *netns, const struct socket_record *record);

/**
 * grouping_run() - fill netns->groups, sockets_read and time_wait anew
 * @pass: hands every record of @netns to grouping_read(); called a second time when there are more groups than fit.
 *        0 or negative errno
 *
 * Return: 0, -ENOMEM, or what @pass returned.
 */
int grouping_run(struct netns_snapshot *netns, int (*pass)(void *context), void *context);

#endif
