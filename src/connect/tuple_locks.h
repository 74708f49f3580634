/*
 * Who is just trying a port: between the look at the kernel that finds a 4-tuple free and the connect() that makes it, no
 * other thread or process of the pool may try the same one. A socket that is bound cannot be bound again, so the second
 * would be stuck (TCP), or would share the 4-tuple (UDP).
 *
 * A process may be killed while it holds one: locks end by themselves after TUPLE_LOCK_MS. With all of them in use a port is
 * tried without; then the kernel still refuses the second connection (TCP).
 */
#ifndef EPH_CONNECT_TUPLE_LOCKS_H
#define EPH_CONNECT_TUPLE_LOCKS_H

#include <stdatomic.h>
#include <stdint.h>

#define TUPLE_LOCKS   64u
#define TUPLE_LOCK_MS 2000

struct known_flow;

/* In shared memory, zeroed when fresh. */
struct tuple_locks {
	_Atomic uint64_t tuple[TUPLE_LOCKS]; /* flow and port, 0: free */
	_Atomic uint32_t since_ms[TUPLE_LOCKS];
};

/* Return: the lock, to be handed to tuple_unlock(); TUPLE_LOCKS when all are in use; -1 when another has this one. */
int tuple_lock(struct tuple_locks *locks, const struct known_flow *flow, uint16_t port,
	       uint32_t now_ms);
/* A lock that ended by itself, and is another's now, stays that. */
void tuple_unlock(struct tuple_locks *locks, int lock, const struct known_flow *flow,
		  uint16_t port);

#endif
