/*
 * What the files of this library share: how a function is made visible to the program.
 */
#ifndef EPH_CONNECT_PRELOAD_PRELOAD_H
#define EPH_CONNECT_PRELOAD_PRELOAD_H

/* In the place of libc's function of that name. Its declaration there may promise what is not checked for us (nonnull). */
#define STANDS_FOR __attribute__((visibility("default")))

#endif
