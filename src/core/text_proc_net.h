/*
 * One socket as /proc/net/tcp, tcp6, udp and udp6 write it:
 *
 *	  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ...
 *	   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   103        0 18233 ...
 *
 * Addresses are 32-bit words of the host, in hex. What follows the inode differs between protocols and is ignored. Pure.
 */
#ifndef EPH_CORE_TEXT_PROC_NET_H
#define EPH_CORE_TEXT_PROC_NET_H

#include <stdbool.h>

#include "socket_table.h"

/**
 * text_proc_net_line() - a line, without its newline; the heading is none
 * @v6:  from tcp6 or udp6
 * @ret: no cookie; the device is not visible (SOCKET_DEVICE_HIDDEN). Untouched on failure
 *
 * Return: 0, or -EINVAL when the line is not as above.
 */
int text_proc_net_line(const char *line, size_t length, enum socket_protocol protocol, bool v6,
		       struct socket_record *ret);

#endif
