/*
 * A pool as another process finds it ready made: what eph_pool_new() found out, in memory that nobody can write any more.
 * Programs under `ephemports run` take it up with system calls alone, without malloc(), before they change their root, their
 * user or their seccomp filter. What the processes know of the ports is not in it but in memory of its own (memory_fd).
 */
#ifndef EPH_CONNECT_POOL_IMAGE_H
#define EPH_CONNECT_POOL_IMAGE_H

struct eph_pool;

/* A sealed memfd with @pool, close-on-exec; or a negative errno. */
int pool_image_new(const struct eph_pool *pool);

/* A sealed memfd for options.memory_fd, close-on-exec; or a negative errno. */
int pool_image_memory(void);

/**
 * pool_image_attach() - fill @ret, as eph_pool_new() would have, from what the two functions above returned
 * Nothing is kept of the descriptors. The mappings stay until the process ends.
 * Return: 0; -EINVAL when these are no such memory, of another version, or for another network namespace; -ENOMEM.
 */
int pool_image_attach(int image_fd, int memory_fd, struct eph_pool *ret);

#endif
