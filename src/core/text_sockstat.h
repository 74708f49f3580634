/*
 * /proc/net/sockstat and sockstat6: "TCP: inuse 5 orphan 0 tw 1 alloc 9 mem 3". Pure.
 */
#ifndef EPH_CORE_TEXT_SOCKSTAT_H
#define EPH_CORE_TEXT_SOCKSTAT_H

#include <stddef.h>
#include <stdint.h>

/**
 * text_sockstat_value() - the number behind @name on the line that begins with @protocol and a colon
 * @protocol: "TCP", "TCP6", "UDP", ...
 * @name:     "inuse", "tw", ...
 * Return: 0; -ENOENT when there is no such line or name; -EINVAL or -ERANGE when what follows is no number.
 */
int text_sockstat_value(const char *text, size_t length, const char *protocol, const char *name,
			uint64_t *ret);

/**
 * text_netstat_value() - of /proc/net/netstat, where a line of names is followed by one of values: "TcpExt", a name
 * Return: 0; -ENOENT when there is no such name; -EINVAL or -ERANGE when its value is no number.
 */
int text_netstat_value(const char *text, size_t length, const char *protocol, const char *name,
		       uint64_t *ret);

#endif
