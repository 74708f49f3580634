/*
 * A port is not taken before it is bound: the sockets of a new service, made as a server would make them.
 */
#ifndef EPH_CLI_PICK_SOCKET_H
#define EPH_CLI_PICK_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "ip_address.h"

struct pick_place {
	struct ip_address address; /* family IP_NONE: every address of the host */
	bool v4, v6; /* both: one socket that serves IPv4 and IPv6, where there is IPv6 */
};

/**
 * pick_socket_open() - a socket of @protocol bound to @port, in the current network namespace
 * @listens: TCP: and listening
 *
 * Bound without SO_REUSEADDR and SO_REUSEPORT, so that it succeeds only where nobody else has the port; SO_REUSEADDR is set
 * afterwards, as servers want it for their restart. Close-on-exec. Return: the descriptor, or negative errno.
 */
int pick_socket_open(uint8_t protocol, uint16_t port, const struct pick_place *place, bool listens);

#endif
