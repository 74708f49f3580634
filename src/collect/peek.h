/*
 * Options of other processes' sockets, read from the sockets themselves: the descriptor is duplicated (pidfd_getfd), asked,
 * and closed. Not for everybody: for these microseconds a socket that its owner closes stays open. So it is done only when
 * it was asked for.
 */
#ifndef EPH_COLLECT_PEEK_H
#define EPH_COLLECT_PEEK_H

#include <stdbool.h>
#include <stdint.h>

struct snapshot;

#define PEEK_MAX 1024u /* sockets that are asked; of more the options stay unknown */

/**
 * peek_options() - what is not known of the sockets of @protocol in the first namespace of @snapshot
 * Fills SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY and the device of those that a process has open which the caller may trace
 * (its own user's, and as root all). That it is the very socket is made sure by its inode number and its cookie. Listening
 * and bound ones come first. `collector` gets "+probe" appended if anything was learned.
 *
 * Return: whether anything was.
 */
bool peek_options(struct snapshot *snapshot, uint8_t protocol);

#endif
