/*
 * Handing listening sockets to a COMMAND, as systemd does it (sd_listen_fds(3)): descriptors from 3 on, LISTEN_FDS,
 * LISTEN_PID, LISTEN_FDNAMES. Besides, EPHEMPORTS_PORT is the first port, EPHEMPORTS_PORTS all of them.
 */
#ifndef EPH_CLI_PICK_HOLD_H
#define EPH_CLI_PICK_HOLD_H

#include <stdint.h>

struct eph_error;

struct pick_held {
	int fd;
	uint8_t protocol; /* enum socket_protocol */
	uint16_t port;
};

/* Become COMMAND @argv with the @count sockets of @held, in that order. Returns only on failure: negative errno with @reterr,
 * and the exit status in *@ret_status. */
int pick_hold(const struct pick_held *held, unsigned count, const char *const *argv,
	      int *ret_status, struct eph_error *reterr);

#endif
