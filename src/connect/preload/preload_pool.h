/*
 * The pool of the program that this library was loaded into, as EPHEMPORTS_POOL says: words "key=value" between blanks,
 * written by `ephemports run` (run_preload.c) and by the drop-in that it prints.
 *
 *	pool=/proc/PID/fd/N known=/proc/PID/fd/N	descriptors of `ephemports run`: pool_image.h
 *	from=ADDRESS[,ADDRESS...] range=LOW-HIGH search=kernel
 *						the same as options, for where those cannot be opened
 *
 * Made before main(), because a server later gives up what that needs: its root directory, its user, system calls. With
 * `run` it takes system calls only, about ten; connections are then made without malloc() and without locks, so connect()
 * stays safe in signal handlers.
 */
#ifndef EPH_CONNECT_PRELOAD_PRELOAD_POOL_H
#define EPH_CONNECT_PRELOAD_PRELOAD_POOL_H

#include <stdbool.h>

struct eph_pool;

/* NULL: there is none, or the caller is the child of a vfork(), whose memory is its parent's. Keeps errno. */
struct eph_pool *preload_pool(void);

/* As preload_pool(), without the question who asks. */
struct eph_pool *preload_pool_any(void);

/* Is the caller a process that borrows its parent's memory? Then nothing may be written down about its descriptors. Keeps
 * errno. */
bool preload_is_guest(void);

#endif
