/*
 * What every collector does with the sockets that it reads one by one, once they are records.
 */
#ifndef EPH_COLLECT_ROWS_H
#define EPH_COLLECT_ROWS_H

#include "collector.h"

/* An owner of a UDP port: which wildcard sockets would meet it. */
void rows_bind_udp(struct bind_table *binds, const struct socket_record *record);

/* Flag what the owners that were read leave in doubt. */
void rows_bind_doubts(struct netns_snapshot *netns);

/* sockets(): forget what was read before. */
void rows_begin(struct netns_snapshot *netns);

/* Does sockets() keep it? */
bool rows_want(const struct collect_request *request, const struct socket_record *record);

/* Keep it. Return: 0 or -ENOMEM. */
int rows_add(struct netns_snapshot *netns, const struct socket_record *record);

/* What the sockets are now known to be, when reading them came to @r: all, all of one port, or neither. */
void rows_end(struct netns_snapshot *netns, const struct collect_request *request, int r);

#endif
