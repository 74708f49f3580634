/*
 * The few things done to a socket before it connects. Every function keeps the socket usable for a plain connect().
 */
#ifndef EPH_CONNECT_SOCKET_WINDOW_H
#define EPH_CONNECT_SOCKET_WINDOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ip_address.h"
#include "port_range.h"

/* <linux/in.h> of Linux 6.3; older headers lack it. */
#define IP_LOCAL_PORT_RANGE_OPTION 51

/* Address and port of @address, in the model's form; false when it is not IPv4 or IPv6, or too short. */
bool socket_endpoint(const struct sockaddr *address, socklen_t length, struct ip_address *ret,
		     uint16_t *ret_port);

/* The reverse, for a socket of @domain: on an AF_INET6 socket an IPv4 address is v4-mapped. Return: the length of @ret. */
socklen_t socket_address(int domain, const struct ip_address *address, uint16_t port,
			 struct sockaddr_storage *ret);

/* Let the kernel choose a port in @window only; {0, 0} takes the window away. Source: inet_sk_get_local_port_range().
 * Return: 0 or a negative errno. */
int socket_set_window(int fd, struct port_range window);

/* Bind to @source, the port chosen by connect() (IP_BIND_ADDRESS_NO_PORT); again for another source is fine.
 * Return: 0 or a negative errno. */
int socket_set_source(int fd, int domain, const struct ip_address *source);

/* Take that back after connect() failed: the kernel, or the next attempt, chooses the source. */
void socket_drop_source(int fd, int domain);

/* Has the socket a port, so that connect() looks for none? The name of a TCP socket shows the port of a connection that failed
 * or was dissolved, too: that is no port, and is cleared. True also for what is no socket. */
bool socket_has_port(int fd);

/* Bind to @source and @port; @scope is the interface of a link-local address. Return: 0 or a negative errno. */
int socket_bind(int fd, int domain, const struct ip_address *source, uint16_t port, uint32_t scope);

/* connect() to @address. Return: 0 or a negative errno. */
int socket_connect(int fd, int domain, const struct ip_address *address, uint16_t port);

/* Where the socket is now. Return: 0 or a negative errno. */
int socket_name(int fd, struct ip_address *ret, uint16_t *ret_port);

#endif
