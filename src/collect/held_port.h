/*
 * Who listens on one port or is bound to it, in many namespaces, quickly: no connection is looked at.
 */
#ifndef EPH_COLLECT_HELD_PORT_H
#define EPH_COLLECT_HELD_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "socket_table.h"

/**
 * held_port_read() - append to @table the sockets of @protocol in namespace @netns_fd that hold @port
 * @bound: TCP: those that are bound and do not listen, too; among very many connections they take long to find
 * Return: 0 or negative errno; sock_diag may not be there.
 */
int held_port_read(int netns_fd, uint8_t protocol, uint16_t port, bool bound,
		   struct socket_table *table);

#endif
