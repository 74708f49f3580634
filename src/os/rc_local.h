/*
 * /etc/rc.local of Linux: the way that older advice has it. It runs after every sysctl file, so what it sets wins. Pure.
 */
#ifndef EPH_OS_RC_LOCAL_H
#define EPH_OS_RC_LOCAL_H

#include <stddef.h>

#include "port_range.h"

#define RC_LOCAL_PATH "/etc/rc.local"

/**
 * rc_local_find() - the last line that is about ip_local_port_range
 * @ret: its two numbers, as in: echo "49152 65535" > /proc/sys/net/ipv4/ip_local_port_range; {1, 0} when it has none
 * Return: its number; 0 when there is none. Comments do not count.
 */
unsigned rc_local_find(const char *text, size_t length, struct port_range *ret);

#endif
