/*
 * Random numbers nobody outside can foresee (RFC 6056 asks that of ephemeral ports), cheap enough for each connect().
 */
#ifndef EPH_CONNECT_RANDOM_BITS_H
#define EPH_CONNECT_RANDOM_BITS_H

#include <stdint.h>

/* From getrandom(), drawn 256 bytes at a time and kept per thread; the child of a fork() draws its own. */
uint64_t random_bits(void);

/* One of 0..@below - 1, @below > 0. */
static inline uint32_t random_below(uint32_t below)
{
	return (uint32_t)((random_bits() >> 32) * below >> 32);
}

#endif
